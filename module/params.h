/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * params: the module's parameters, in /sys/module/blksnap/parameters. Checked
 * when set; read once by whoever uses one.
 */
#ifndef _BLKSNAP_PARAMS_H
#define _BLKSNAP_PARAMS_H

#include <linux/types.h>

/* Bounds of what can also be set for one snapshot. */
#define DIFF_STORAGE_MINIMUM_MIN	2048u
#define DIFF_STORAGE_MINIMUM_MAX	(1u << 31)
#define MEMORY_BUDGET_MB_MIN		1u
#define MEMORY_BUDGET_MB_MAX		65536u
#define STORAGE_TIMEOUT_MS_MIN		100u
#define STORAGE_TIMEOUT_MS_MAX		3600000u

extern unsigned int blksnap_tracking_block_minimum_shift;
extern unsigned int blksnap_tracking_block_maximum_count;
extern unsigned int blksnap_diff_storage_minimum;	/* sectors */
extern unsigned int blksnap_memory_budget_mb;
extern unsigned int blksnap_storage_timeout_ms;
extern unsigned int blksnap_take_timeout_ms;

#endif /* _BLKSNAP_PARAMS_H */
