// SPDX-License-Identifier: GPL-2.0-only
/*
 * multipath: is a disk a path of a request-based multipath device?
 *
 * Such a device (dm-multipath, as it comes) clones requests, not bios, and puts the
 * clones into the queues of its paths: nothing is submitted on these, so a filter
 * there would see nothing of what is written. The same device in the mode "bio"
 * submits bios, as every other target does.
 *
 * Every disk of device mapper's with a request queue is asked whether one of the
 * disk's devices is among its slaves. While we hold the mapped device it is not
 * taken apart, so its directory of slaves stays. A path that is added later is
 * found at the next look.
 */
#include <linux/blk-mq.h>
#include <linux/device-mapper.h>
#include <linux/kernfs.h>
#include <linux/module.h>

#include "blk-filter.h"

static bool has_slave(const struct gendisk *holder, struct block_device *bdev)
{
	struct kobject *slaves = READ_ONCE(holder->slave_dir);
	struct kernfs_node *link;

	/* Not there yet: nor is any slave, nor anybody who could write. */
	if (!slaves)
		return false;
	link = kernfs_find_and_get(slaves->sd, dev_name(&bdev->bd_device));
	if (!link)
		return false;
	kernfs_put(link);
	return true;
}

static bool holds_part_of(const struct gendisk *holder, struct gendisk *disk)
{
	struct block_device *part;
	unsigned long index;
	bool is_held = false;

	/* Partitions come and go: each is looked up with a reference. */
	xa_for_each(&disk->part_tbl, index, part) {
		rcu_read_lock();
		part = xa_load(&disk->part_tbl, index);
		if (part && !kobject_get_unless_zero(&part->bd_device.kobj))
			part = NULL;
		rcu_read_unlock();
		if (!part)
			continue;
		is_held = has_slave(holder, part);
		put_device(&part->bd_device);
		if (is_held)
			break;
	}
	return is_held;
}

struct dm_functions {
	typeof(&dm_get_md) get;
	typeof(&dm_disk) disk;
	typeof(&dm_put) put;
};

static void functions_put(const struct dm_functions *dm)
{
	if (dm->get)
		symbol_put(dm_get_md);
	if (dm->disk)
		symbol_put(dm_disk);
	if (dm->put)
		symbol_put(dm_put);
}

/* @holder is one of device mapper's: so its functions are there. */
static bool is_mapped_upon(struct gendisk *holder, struct gendisk *disk)
{
	const struct dm_functions dm = {
		.get = symbol_get(dm_get_md),
		.disk = symbol_get(dm_disk),
		.put = symbol_get(dm_put),
	};
	struct mapped_device *md;
	bool is_upon = true;

	if (!WARN_ON_ONCE(!dm.get || !dm.disk || !dm.put)) {
		/* One that cannot be had is being taken apart, and in no use. */
		md = dm.get(disk_devt(holder));
		is_upon = md && holds_part_of(dm.disk(md), disk);
		if (md)
			dm.put(md);
	}
	functions_put(&dm);
	return is_upon;
}

bool is_path_of_multipath(struct gendisk *disk)
{
	const struct device *self = disk_to_dev(disk);
	struct class_dev_iter iter;
	struct device *dev;
	bool is_path = false;

	class_dev_iter_init(&iter, self->class, NULL, self->type);
	while (!is_path && (dev = class_dev_iter_next(&iter))) {
		struct gendisk *holder = dev_to_disk(dev);

		is_path = str_has_prefix(holder->disk_name, "dm-") &&
			  queue_is_mq(holder->queue) &&
			  is_mapped_upon(holder, disk);
	}
	class_dev_iter_exit(&iter);
	return is_path;
}
