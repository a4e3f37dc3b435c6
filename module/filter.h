/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filter: the door for bios.
 */
#ifndef _BLKSNAP_FILTER_H
#define _BLKSNAP_FILTER_H

#include <linux/blk-filter.h>

/* Attached to every tracked device; its private pointer is the tracker. */
extern const struct blkfilter_operations blksnap_filter_ops;

#endif /* _BLKSNAP_FILTER_H */
