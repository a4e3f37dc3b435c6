// SPDX-License-Identifier: GPL-2.0-only
/*
 * stack: which block device lies above which.
 *
 * A driver that puts a disk on top of block devices (DM, MD, bcache, DRBD) tells
 * the block layer, which keeps for each a link in the "slaves" directory of the
 * disk in sysfs; its own record is private to block/holder.c. No call lists such
 * a directory, but one looks up a name in it. So all block devices are collected,
 * and the name of each is tried.
 *
 * What tells nobody is not seen: a loop device does not name the device of the
 * file system that its file is on, nor does zram with its backing device, nor
 * anything that goes through a network.
 *
 * Descending is level by level, so no disk is looked at twice in one level, and
 * a cycle, which no driver should allow, ends at STACK_LEVELS.
 *
 * The slaves directory goes away with its disk, some time after the disk has
 * been found not live under its open_mutex: under that, if it is live, the
 * directory is there. Locks: open_mutex of one disk at a time.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/kernfs.h>
#include <linux/slab.h>

#include "stack.h"

#define STACK_LEVELS	32

struct stack_entry {
	struct block_device *bdev;	/* holds a reference of its device */
	bool is_in_level;		/* whole disks only, as is the next */
	bool is_in_next;
};

/* All disks and partitions at one moment. */
struct stack_scan {
	unsigned int count;
	unsigned int room;
	struct stack_entry *entries;
};

/*
 * Adds every block device to @scan as long as there is room, and counts the
 * others. The class is that of any block device: its own symbol is not exported.
 */
static unsigned int collect(struct stack_scan *scan, struct gendisk *any)
{
	struct class_dev_iter iter;
	unsigned int count = 0;
	struct device *dev;

	class_dev_iter_init(&iter, disk_to_dev(any)->class, NULL, NULL);
	while ((dev = class_dev_iter_next(&iter))) {
		if (++count > scan->room)
			continue;
		get_device(dev);
		scan->entries[scan->count++].bdev = dev_to_bdev(dev);
	}
	class_dev_iter_exit(&iter);
	return count;
}

static void scan_destroy(struct stack_scan *scan)
{
	while (scan->count)
		put_device(&scan->entries[--scan->count].bdev->bd_device);
	kvfree(scan->entries);
}

static int scan_init(struct stack_scan *scan, struct gendisk *any)
{
	unsigned int count;

	*scan = (struct stack_scan){};
	while ((count = collect(scan, any)) > scan->room) {
		scan_destroy(scan);
		*scan = (struct stack_scan){ .room = count + 16 };
		scan->entries = kvcalloc(scan->room, sizeof(*scan->entries),
					 GFP_KERNEL);
		if (!scan->entries)
			return -ENOMEM;
	}
	return 0;
}

static struct stack_entry *find_disk(struct stack_scan *scan, struct gendisk *disk)
{
	unsigned int i;

	for (i = 0; i < scan->count; i++) {
		if (scan->entries[i].bdev == disk->part0)
			return &scan->entries[i];
	}
	return NULL;
}

static bool has_slave(struct gendisk *disk, struct block_device *bdev)
{
	struct kernfs_node *link;

	lockdep_assert_held(&disk->open_mutex);
	link = kernfs_find_and_get_ns(disk->slave_dir->sd,
				      dev_name(&bdev->bd_device), NULL);
	kernfs_put(link);
	return link;
}

/* Puts the disks directly below @disk into the next level. */
static bool mark_below(struct stack_scan *scan, struct gendisk *disk)
{
	struct stack_entry *below;
	bool is_any = false;
	unsigned int i;

	mutex_lock(&disk->open_mutex);
	if (!disk_live(disk) || !disk->slave_dir)
		goto unlock;
	for (i = 0; i < scan->count; i++) {
		if (!has_slave(disk, scan->entries[i].bdev))
			continue;
		below = find_disk(scan, scan->entries[i].bdev->bd_disk);
		if (!below)
			continue;
		below->is_in_next = true;
		is_any = true;
	}
unlock:
	mutex_unlock(&disk->open_mutex);
	return is_any;
}

/* Goes down one level; false if there is none. */
static bool descend(struct stack_scan *scan)
{
	struct stack_entry *e, *end = scan->entries + scan->count;
	bool is_any = false;

	for (e = scan->entries; e < end; e++) {
		if (e->is_in_level)
			is_any |= mark_below(scan, e->bdev->bd_disk);
	}
	for (e = scan->entries; e < end; e++) {
		e->is_in_level = e->is_in_next;
		e->is_in_next = false;
	}
	return is_any;
}

/*
 * Descends from @upper until @lower is in the level, or to the bottom if that
 * is NULL: number of levels, -ENOENT if @lower is not below.
 */
static int go_down(struct gendisk *upper, struct gendisk *lower)
{
	struct stack_entry *from, *to = NULL;
	struct stack_scan scan;
	int levels = 0;
	int ret;

	ret = scan_init(&scan, upper);
	if (ret)
		return ret;
	from = find_disk(&scan, upper);
	if (lower)
		to = find_disk(&scan, lower);
	if (from)
		from->is_in_level = true;
	while (levels < STACK_LEVELS && descend(&scan)) {
		levels++;
		if (to && to->is_in_level)
			break;
	}
	ret = lower && !(levels && to && to->is_in_level) ? -ENOENT : levels;
	scan_destroy(&scan);
	return ret;
}

int blksnap_stack_is_above(struct gendisk *upper, struct gendisk *lower)
{
	int ret = upper == lower ? -ENOENT : go_down(upper, lower);

	if (ret == -ENOENT)
		return 0;
	return ret < 0 ? ret : 1;
}

int blksnap_stack_depth(struct gendisk *disk)
{
	return go_down(disk, NULL);
}
