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

/* What is looked for below a disk: one, or any of a kind, or nothing. */
struct stack_goal {
	struct gendisk *disk;
	bool (*is_it)(const struct gendisk *disk);
};

static bool is_reached(const struct stack_scan *scan, const struct stack_goal *goal)
{
	const struct stack_entry *e;

	for (e = scan->entries; e < scan->entries + scan->count; e++) {
		struct gendisk *disk = e->bdev->bd_disk;

		if (e->is_in_level &&
		    (disk == goal->disk || (goal->is_it && goal->is_it(disk))))
			return true;
	}
	return false;
}

/*
 * Descends from @upper until the goal is in the level, or to the bottom: number of
 * levels, or an error.
 */
static int go_down(struct gendisk *upper, const struct stack_goal *goal, bool *is_there)
{
	struct stack_entry *from;
	struct stack_scan scan;
	int levels = 0;
	int ret;

	*is_there = false;
	ret = scan_init(&scan, upper);
	if (ret)
		return ret;
	from = find_disk(&scan, upper);
	if (from)
		from->is_in_level = true;
	while (!*is_there && levels < STACK_LEVELS && descend(&scan)) {
		levels++;
		*is_there = is_reached(&scan, goal);
	}
	scan_destroy(&scan);
	return levels;
}

static int is_above(struct gendisk *upper, const struct stack_goal *goal)
{
	bool is_there;
	int ret = go_down(upper, goal, &is_there);

	return ret < 0 ? ret : is_there;
}

int blksnap_stack_is_above(struct gendisk *upper, struct gendisk *lower)
{
	const struct stack_goal goal = { .disk = lower };

	return upper == lower ? 0 : is_above(upper, &goal);
}

int blksnap_stack_is_above_any(struct gendisk *upper,
			       bool (*is_it)(const struct gendisk *disk))
{
	const struct stack_goal goal = { .is_it = is_it };

	return is_above(upper, &goal);
}

int blksnap_stack_depth(struct gendisk *disk)
{
	static const struct stack_goal none;
	bool is_there;

	return go_down(disk, &none, &is_there);
}
