/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stack: which block device lies above which.
 */
#ifndef _BLKSNAP_STACK_H
#define _BLKSNAP_STACK_H

#include <linux/blkdev.h>

/*
 * Does @upper pass I/O on to @lower, directly or through others (DM, MD and
 * whatever else names its lower devices to the block layer)? Partitions count
 * as their disk on either side. False for a disk and itself. May sleep.
 */
bool stack_is_above(struct gendisk *upper, struct gendisk *lower);

/* Number of levels below a disk: 0 for one that lies on none. May sleep. */
unsigned int stack_depth(struct gendisk *disk);

#endif /* _BLKSNAP_STACK_H */
