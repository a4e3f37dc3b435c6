// SPDX-License-Identifier: GPL-2.0-only
/*
 * control_sysfs: tracked devices in /sys/class/blksnap, one directory each of the
 * name MAJOR:MINOR, one value a file, of the names that TRACKER_INFO has.
 *
 * Lifetime. A directory holds no tracker, only the number of its device: each file
 * looks the tracker up, and answers ENODEV if there is none. So a reader takes
 * trackers_lock or snapshots_lock, and whoever removes a directory waits for
 * readers: it must hold neither. Yet the list of trackers changes under
 * trackers_lock, also where a device vanishes by itself. Therefore who changes it
 * only says so, and a worker, the only one who makes and removes directories,
 * makes them match the list. Calls that change the list wait for the worker before
 * they return, so that a program finds what it has just made.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/device.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "control_internal.h"
#include "snapshot.h"
#include "tracker.h"

struct directory {
	struct list_head link;
	dev_t dev;
	struct device *device;
	bool is_tracked;	/* for the worker */
};

static struct class *directory_class;
static LIST_HEAD(directories);	/* the worker's, and exit's after its end */

static dev_t dev_of(struct device *device)
{
	return (dev_t)(uintptr_t)dev_get_drvdata(device);
}

/* A file whose value is in struct tracker_details, called @d. */
#define TRACKER_FILE(name, must_count, declare, format, ...)			\
	static ssize_t name##_show(struct device *device,			\
				   struct device_attribute *attr, char *buf)	\
	{									\
		struct tracker_details d;					\
		int ret = blksnap_tracker_details(dev_of(device), must_count,	\
						  &d);				\
										\
		return ret ?: sysfs_emit(buf, format "\n", __VA_ARGS__);	\
	}									\
	static declare(name)

static const char *const states[] = {
	[TRACKER_IDLE] = "idle",
	[TRACKER_CLAIMED] = "claimed",
	[TRACKER_TAKEN] = "taken",
};

static const char *const reasons[] = {
	[CBT_NEW] = "new",
	[CBT_RESIZED] = "resized",
	[CBT_WRAPPED] = "wrapped",
	[CBT_BEYOND] = "beyond",
	[CBT_MEDIUM] = "medium",
	[CBT_STORAGE] = "storage",
};

TRACKER_FILE(tracked_since_boottime_ns, false, DEVICE_ATTR_RO, "%llu", d.since_boottime_ns);
TRACKER_FILE(tracked_since_realtime_ns, false, DEVICE_ATTR_RO, "%llu", d.since_realtime_ns);
TRACKER_FILE(state, false, DEVICE_ATTR_RO, "%s", states[d.state]);
TRACKER_FILE(generation_id, false, DEVICE_ATTR_RO, "%pUb", &d.map.generation);
TRACKER_FILE(generation_reason, false, DEVICE_ATTR_RO, "%s", reasons[d.map.reason]);
TRACKER_FILE(snap_number, false, DEVICE_ATTR_RO, "%u", d.map.snap_number);
TRACKER_FILE(block_size, false, DEVICE_ATTR_RO, "%u", 1u << d.map.block_shift);
TRACKER_FILE(block_count, false, DEVICE_ATTR_RO, "%u", d.map.block_count);
TRACKER_FILE(capacity_sectors, false, DEVICE_ATTR_RO, "%llu", (u64)d.map.capacity);
TRACKER_FILE(seen_writes, false, DEVICE_ATTR_RO, "%llu", d.seen_writes);
TRACKER_FILE(held_writes, false, DEVICE_ATTR_RO, "%llu", d.held_writes);
TRACKER_FILE(waiting_writes, false, DEVICE_ATTR_RO, "%llu", d.waiting_writes);
TRACKER_FILE(copied_bytes, false, DEVICE_ATTR_RO, "%llu", d.copied_bytes);
/* Counting takes time and holds up calls: not for everybody. */
TRACKER_FILE(changed_blocks, true, DEVICE_ATTR_ADMIN_RO, "%u", d.counts.running);
TRACKER_FILE(changed_blocks_last, true, DEVICE_ATTR_ADMIN_RO, "%u", d.counts.last);
TRACKER_FILE(changed_blocks_generation, true, DEVICE_ATTR_ADMIN_RO, "%u", d.counts.generation);

/* A file about the snapshot that the device is in, called @s; zeros if in none. */
#define SNAPSHOT_FILE(name, format, value)					\
	static ssize_t name##_show(struct device *device,			\
				   struct device_attribute *attr, char *buf)	\
	{									\
		struct snapshot_summary s;					\
										\
		blksnap_snapshot_summary_of(dev_of(device), &s);		\
		return sysfs_emit(buf, format "\n", value);			\
	}									\
	static DEVICE_ATTR_RO(name)

SNAPSHOT_FILE(snapshot_id, "%pUb", &s.id);
SNAPSHOT_FILE(storage_sectors, "%llu", (u64)s.storage.total);
SNAPSHOT_FILE(storage_used_sectors, "%llu", (u64)s.storage.used);
SNAPSHOT_FILE(storage_free_sectors, "%llu", (u64)(s.storage.total - s.storage.used));

static struct attribute *tracker_attrs[] = {
	&dev_attr_tracked_since_boottime_ns.attr,
	&dev_attr_tracked_since_realtime_ns.attr,
	&dev_attr_state.attr,
	&dev_attr_generation_id.attr,
	&dev_attr_generation_reason.attr,
	&dev_attr_snap_number.attr,
	&dev_attr_block_size.attr,
	&dev_attr_block_count.attr,
	&dev_attr_capacity_sectors.attr,
	&dev_attr_seen_writes.attr,
	&dev_attr_held_writes.attr,
	&dev_attr_waiting_writes.attr,
	&dev_attr_copied_bytes.attr,
	&dev_attr_changed_blocks.attr,
	&dev_attr_changed_blocks_last.attr,
	&dev_attr_changed_blocks_generation.attr,
	&dev_attr_snapshot_id.attr,
	&dev_attr_storage_sectors.attr,
	&dev_attr_storage_used_sectors.attr,
	&dev_attr_storage_free_sectors.attr,
	NULL,
};
ATTRIBUTE_GROUPS(tracker);

static struct directory *find_directory(dev_t dev)
{
	struct directory *directory;

	list_for_each_entry(directory, &directories, link)
		if (directory->dev == dev)
			return directory;
	return NULL;
}

static void match_trackers(struct work_struct *work);
static DECLARE_DELAYED_WORK(match_work, match_trackers);

/* Nobody else will say that the list has changed. */
static void match_later(void)
{
	schedule_delayed_work(&match_work, HZ);
}

static void add_directory(dev_t dev)
{
	struct directory *directory = kzalloc(sizeof(*directory), GFP_KERNEL);

	if (!directory) {
		match_later();
		return;
	}
	directory->dev = dev;
	directory->is_tracked = true;
	directory->device = device_create_with_groups(directory_class, NULL, 0,
						      (void *)(uintptr_t)dev,
						      tracker_groups, "%u:%u",
						      MAJOR(dev), MINOR(dev));
	if (IS_ERR(directory->device)) {
		pr_warn("%u:%u is tracked, but cannot be shown in /sys/class/blksnap: error %ld\n",
			MAJOR(dev), MINOR(dev), PTR_ERR(directory->device));
		kfree(directory);
		return;
	}
	list_add_tail(&directory->link, &directories);
}

/* Waits for readers of its files. */
static void remove_directory(struct directory *directory)
{
	list_del(&directory->link);
	device_unregister(directory->device);
	kfree(directory);
}

static void match(const struct tracker_info *infos, unsigned int count)
{
	struct directory *directory, *next;
	unsigned int i;

	list_for_each_entry(directory, &directories, link)
		directory->is_tracked = false;
	for (i = 0; i < count; i++) {
		directory = find_directory(infos[i].dev);
		if (directory)
			directory->is_tracked = true;
	}
	list_for_each_entry_safe(directory, next, &directories, link)
		if (!directory->is_tracked)
			remove_directory(directory);
	for (i = 0; i < count; i++)
		if (!find_directory(infos[i].dev))
			add_directory(infos[i].dev);
}

/* If the list grows meanwhile, we are called again. */
static void match_trackers(struct work_struct *work)
{
	unsigned int room = blksnap_trackers_collect(NULL, 0);
	struct tracker_info *infos = kvcalloc(room + 1, sizeof(*infos), GFP_KERNEL);

	if (!infos) {
		match_later();
		return;
	}
	match(infos, min(room, blksnap_trackers_collect(infos, room)));
	kvfree(infos);
}

static void trackers_changed(void)
{
	/* It may wait to try once more. */
	cancel_delayed_work(&match_work);
	schedule_delayed_work(&match_work, 0);
}

void blksnap_control_sysfs_settle(void)
{
	flush_delayed_work(&match_work);
}

void blksnap_control_sysfs_exit(void)
{
	struct directory *directory, *next;

	blksnap_trackers_set_listener(NULL);
	cancel_delayed_work_sync(&match_work);
	list_for_each_entry_safe(directory, next, &directories, link)
		remove_directory(directory);
}

void blksnap_control_sysfs_init(struct class *class)
{
	directory_class = class;
	blksnap_trackers_set_listener(trackers_changed);
}
