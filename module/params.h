/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * params: the module's parameters, in /sys/module/blksnap/parameters. Checked
 * when set; read once by whoever uses one.
 */
#ifndef _BLKSNAP_PARAMS_H
#define _BLKSNAP_PARAMS_H

#include <linux/types.h>

extern unsigned int tracking_block_minimum_shift;
extern unsigned int tracking_block_maximum_count;
extern unsigned int diff_storage_minimum;	/* sectors */
extern unsigned int memory_budget_mb;
extern unsigned int storage_timeout_ms;
extern unsigned int take_timeout_ms;

#endif /* _BLKSNAP_PARAMS_H */
