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
 * as their disk on either side. 1 or 0, which it is for a disk and itself, or
 * -ENOMEM. A loop device names nothing, so what lies below its file is not seen.
 * May sleep; takes the open_mutex of the disks in the stack.
 */
int blksnap_stack_is_above(struct gendisk *upper, struct gendisk *lower);

/* The same for any disk of which @is_it says so. */
int blksnap_stack_is_above_any(struct gendisk *upper,
			       bool (*is_it)(const struct gendisk *disk));

/* Number of levels below a disk, 0 for one that lies on none, or -ENOMEM. The same. */
int blksnap_stack_depth(struct gendisk *disk);

#endif /* _BLKSNAP_STACK_H */
