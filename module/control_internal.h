/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the door share, and nobody else knows: control.c the node
 * and dispatch, control_tracker.c and control_snapshot.c the calls,
 * control_compat.c the layouts of 32-bit programs, control_sysfs.c what can be read
 * without a call.
 *
 * Every call is a function from the argument in its native layout, already in
 * kernel memory, to a result; what it changes in the argument is written back
 * by the caller, also after an error. Arrays are read and written by the calls
 * themselves. May sleep.
 */
#ifndef _BLKSNAP_CONTROL_INTERNAL_H
#define _BLKSNAP_CONTROL_INTERNAL_H

#include <linux/blksnap.h>
#include <linux/device/class.h>
#include <linux/kdev_t.h>
#include <linux/uaccess.h>
#include <linux/uuid.h>

#include "geometry.h"

/* A device number as user space gives it: -ENXIO if it cannot be one. */
static inline int dev_from_user(struct blk_snap_dev dev, dev_t *result)
{
	if (dev.mj > MAJOR(~0U) || dev.mn > MINORMASK)
		return -ENXIO;
	*result = MKDEV(dev.mj, dev.mn);
	return 0;
}

static inline struct blk_snap_dev dev_to_user(dev_t dev)
{
	return (struct blk_snap_dev){ MAJOR(dev), MINOR(dev) };
}

/*
 * Reads a call's fixed argument. If the call answers in it, it must also be
 * writable: that is tried here, since what the call then does could not be taken
 * back (an event that was consumed, storage that was given). False if it cannot
 * be reached.
 */
bool blksnap_argument_from_user(void *arg, void __user *at, size_t size,
				bool is_answered);

/*
 * A user's array of @count elements in kernel memory, freed by kvfree(). The
 * ERR_PTR: -ENOMEM for a count that no memory could hold, @unreadable.
 */
void *blksnap_array_from_user(const void __user *array, u32 count, size_t size,
			      int unreadable);
/* The same for ranges, in our own form. */
struct sector_range *blksnap_ranges_from_user(const void __user *array, u32 count,
					      int unreadable);

/* control_tracker.c */
int blksnap_call_tracker_remove(struct blk_snap_tracker_remove *arg);
int blksnap_call_tracker_collect(u32 *count, void __user *array, bool is_compat);
int blksnap_call_tracker_read_map(struct blk_snap_tracker_read_cbt_bitmap *arg);
int blksnap_call_tracker_mark_dirty(struct blk_snap_tracker_mark_dirty_blocks *arg);
int blksnap_call_tracker_changed_ranges(struct blk_snap_tracker_changed_ranges *arg);
int blksnap_call_tracker_info(struct blk_snap_tracker_info *arg);

/* control_snapshot.c */
int blksnap_call_snapshot_create(struct blk_snap_snapshot_create *arg);
int blksnap_call_snapshot_destroy(struct blk_snap_snapshot_destroy *arg);
/* Of a CREATE that nobody was told the answer of: trackers that it made go, too. */
void blksnap_undo_snapshot_create(const struct blk_snap_uuid *id);
int blksnap_call_snapshot_append_storage(struct blk_snap_snapshot_append_storage *arg);
int blksnap_call_snapshot_take(struct blk_snap_snapshot_take *arg);
int blksnap_call_snapshot_collect(struct blk_snap_snapshot_collect *arg);
int blksnap_call_snapshot_collect_images(struct blk_snap_snapshot_collect_images *arg);
int blksnap_call_snapshot_wait_event(struct blk_snap_snapshot_event *arg);
int blksnap_call_snapshot_append_file(struct blk_snap_snapshot_append_file *arg);
int blksnap_call_snapshot_info(struct blk_snap_snapshot_info *arg);
int blksnap_call_snapshot_set_limits(struct blk_snap_snapshot_set_limits *arg);

/*
 * control_sysfs.c: the directories of tracked devices, in our class. Settling
 * waits until they match the list of trackers as it is now; no lock is held.
 */
void blksnap_control_sysfs_init(struct class *class);
void blksnap_control_sysfs_exit(void);
void blksnap_control_sysfs_settle(void);

/* control_compat.c */
long blksnap_control_compat_ioctl(struct file *file, unsigned int cmd,
				  unsigned long arg);

/* control.c */
long blksnap_control_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

#endif /* _BLKSNAP_CONTROL_INTERNAL_H */
