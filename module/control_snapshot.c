// SPDX-License-Identifier: GPL-2.0-only
/*
 * control_snapshot: the calls about snapshots.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/file.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "control_internal.h"
#include "diff_storage.h"
#include "params.h"
#include "snapshot.h"

static struct snapshot *find(const struct blk_snap_uuid *id)
{
	uuid_t uuid;

	import_uuid(&uuid, id->b);
	return blksnap_snapshot_find(&uuid);
}

static int compare_devs(const void *a, const void *b)
{
	dev_t x = *(const dev_t *)a, y = *(const dev_t *)b;

	return x < y ? -1 : x > y;
}

static int check_devs(const struct blk_snap_dev *from, dev_t *devs, u32 count)
{
	dev_t *sorted;
	int ret = 0;
	u32 i;

	for (i = 0; i < count && !ret; i++)
		ret = dev_from_user(from[i], &devs[i]);
	if (ret)
		return ret;
	sorted = kvmalloc_array(count, sizeof(*sorted), GFP_KERNEL);
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, devs, count * sizeof(*sorted));
	sort(sorted, count, sizeof(*sorted), compare_devs, NULL);
	for (i = 1; i < count; i++)
		if (sorted[i] == sorted[i - 1])
			ret = -EINVAL;
	kvfree(sorted);
	return ret;
}

int blksnap_call_snapshot_create(struct blk_snap_snapshot_create *arg)
{
	struct blk_snap_dev *from;
	dev_t *devs;
	uuid_t id;
	int ret;

	if (!arg->count)
		return -EINVAL;
	from = blksnap_array_from_user((void __user *)arg->dev_id_array, arg->count,
				       sizeof(*from), -ENODATA);
	if (IS_ERR(from))
		return PTR_ERR(from);
	devs = kvcalloc(arg->count, sizeof(*devs), GFP_KERNEL);
	ret = devs ? check_devs(from, devs, arg->count) : -ENOMEM;
	if (!ret)
		ret = blksnap_snapshot_create(devs, arg->count, &id);
	if (!ret)
		export_uuid(arg->id.b, &id);
	kvfree(devs);
	kvfree(from);
	blksnap_control_sysfs_settle();
	return ret;
}

static int destroy(const struct blk_snap_uuid *id, bool undo)
{
	struct snapshot *snapshot = find(id);
	int ret;

	if (!snapshot)
		return -ENODEV;
	ret = blksnap_snapshot_destroy(snapshot, undo);
	blksnap_snapshot_put(snapshot);
	blksnap_control_sysfs_settle();
	return ret == -ESRCH ? -ENODEV : ret;
}

int blksnap_call_snapshot_destroy(struct blk_snap_snapshot_destroy *arg)
{
	return destroy(&arg->id, false);
}

void blksnap_undo_snapshot_create(const struct blk_snap_uuid *id)
{
	destroy(id, true);
}

int blksnap_call_snapshot_append_storage(struct blk_snap_snapshot_append_storage *arg)
{
	struct snapshot *snapshot = find(&arg->id);
	struct sector_range *ranges;
	struct storage_batch *batch;
	dev_t dev;
	int ret;

	if (!snapshot)
		return -ESRCH;
	ret = dev_from_user(arg->dev_id, &dev);
	if (!ret && !arg->count)
		ret = -EINVAL;
	if (ret)
		goto out;
	ranges = blksnap_ranges_from_user((void __user *)arg->ranges,
					  arg->count, -EINVAL);
	if (IS_ERR(ranges)) {
		ret = PTR_ERR(ranges);
		goto out;
	}
	ret = blksnap_diff_storage_prepare_device(dev, ranges, arg->count, &batch);
	kvfree(ranges);
	if (!ret)
		ret = blksnap_snapshot_append(snapshot, batch);
out:
	blksnap_snapshot_put(snapshot);
	return ret;
}

int blksnap_call_snapshot_take(struct blk_snap_snapshot_take *arg)
{
	struct snapshot *snapshot = find(&arg->id);
	int ret;

	if (!snapshot)
		return -ESRCH;
	ret = blksnap_snapshot_take(snapshot);
	blksnap_snapshot_put(snapshot);
	blksnap_control_sysfs_settle();
	return ret;
}

int blksnap_call_snapshot_collect(struct blk_snap_snapshot_collect *arg)
{
	unsigned int room = blksnap_snapshots_collect(NULL, 0), there;
	uuid_t *ids;
	int ret = 0;

	if (!arg->ids) {
		arg->count = room;
		return 0;
	}
	room = min(room, arg->count);
	ids = kvcalloc(room + 1, sizeof(*ids), GFP_KERNEL);
	if (!ids)
		return -ENOMEM;
	there = blksnap_snapshots_collect(ids, room);
	BUILD_BUG_ON(sizeof(*ids) != sizeof(*arg->ids));
	if (there > room ||
	    copy_to_user((void __user *)arg->ids, ids, there * sizeof(*ids)))
		ret = -ENODATA;
	arg->count = there;
	kvfree(ids);
	return ret;
}

static int put_image_info(struct snapshot *snapshot, unsigned int index,
			  struct blk_snap_image_info __user *to)
{
	struct snapshot_device_info info;
	struct blk_snap_image_info image;
	int ret;

	ret = blksnap_snapshot_device_info(snapshot, index, &info);
	if (ret)
		return ret;
	image.orig_dev_id = dev_to_user(info.origin);
	image.image_dev_id = dev_to_user(info.image);
	return copy_to_user(to, &image, sizeof(image)) ? -ENODATA : 0;
}

int blksnap_call_snapshot_collect_images(struct blk_snap_snapshot_collect_images *arg)
{
	struct blk_snap_image_info __user *to =
		(struct blk_snap_image_info __user *)arg->image_info_array;
	struct snapshot *snapshot = find(&arg->id);
	struct snapshot_device_info info;
	u32 room = arg->count, i;
	int ret;

	if (!snapshot)
		return -ESRCH;
	arg->count = blksnap_snapshot_device_count(snapshot);
	ret = blksnap_snapshot_device_info(snapshot, 0, &info);
	if (!ret && to) {
		if (room < arg->count)
			ret = -ENODATA;
		for (i = 0; i < arg->count && !ret; i++)
			ret = put_image_info(snapshot, i, to + i);
	}
	blksnap_snapshot_put(snapshot);
	return ret;
}

int blksnap_call_snapshot_wait_event(struct blk_snap_snapshot_event *arg)
{
	struct snapshot *snapshot = find(&arg->id);
	struct event *event;

	if (!snapshot)
		return -ESRCH;
	event = blksnap_snapshot_wait_event(snapshot, arg->timeout_ms);
	blksnap_snapshot_put(snapshot);
	if (IS_ERR(event))
		return PTR_ERR(event);
	arg->code = event->code;
	arg->time_label = ktime_to_ns(event->time);
	memset(arg->data, 0, sizeof(arg->data));
	memcpy(arg->data, event->data, event->data_bytes);
	blksnap_event_free(event);
	return 0;
}

int blksnap_call_snapshot_append_file(struct blk_snap_snapshot_append_file *arg)
{
	struct storage_batch *batch;
	struct snapshot *snapshot;
	struct file *file;
	unsigned int i;
	u64 sectors = 0;
	int ret;

	if (arg->flags || memchr_inv(arg->reserved, 0, sizeof(arg->reserved)))
		return -EINVAL;
	snapshot = find(&arg->id);
	if (!snapshot)
		return -ESRCH;
	file = fget(arg->fd);
	if (!file) {
		ret = -EBADF;
		goto out;
	}
	ret = blksnap_diff_storage_prepare_file(file, &batch);
	fput(file);
	if (ret)
		goto out;
	for (i = 0; i < blksnap_storage_batch_count(batch); i++)
		sectors += blksnap_storage_batch_range(batch, i)->range.count;
	ret = blksnap_snapshot_append(snapshot, batch);
	if (!ret)
		arg->sector_count = sectors;
out:
	blksnap_snapshot_put(snapshot);
	return ret;
}

static int put_info_image(struct snapshot *snapshot, unsigned int index,
			  struct blk_snap_info_image __user *to)
{
	struct blk_snap_info_image image = { };
	struct snapshot_device_info info;
	int ret;

	ret = blksnap_snapshot_device_info(snapshot, index, &info);
	if (ret == -ESRCH)
		return ret;
	image.orig_dev_id = dev_to_user(info.origin);
	image.image_dev_id = dev_to_user(info.image);
	strscpy(image.name, info.image_name, sizeof(image.name));
	image.capacity_sectors = info.capacity;
	export_uuid(image.generation_id.b, &info.map.generation);
	image.snap_number = info.map.snap_number;
	image.copied_bytes = info.stats.copied_bytes;
	image.held_writes = info.stats.held_writes;
	image.waiting_writes = info.stats.waiting_writes;
	return copy_to_user(to, &image, sizeof(image)) ? -EFAULT : 0;
}

static int put_info_range(struct snapshot *snapshot, unsigned int index,
			  struct blk_snap_info_range __user *to)
{
	struct blk_snap_info_range range;
	struct sector_range sectors;
	dev_t dev;
	int ret;

	ret = blksnap_snapshot_storage_range(snapshot, index, &dev, &sectors);
	if (ret)
		return ret;
	range.dev_id = dev_to_user(dev);
	range.sector_offset = sectors.start;
	range.sector_count = sectors.count;
	return copy_to_user(to, &range, sizeof(range)) ? -EFAULT : 0;
}

static int put_info_arrays(struct snapshot *snapshot,
			   struct blk_snap_snapshot_info *arg, u32 image_room,
			   u32 range_room)
{
	struct blk_snap_info_image __user *images = u64_to_user_ptr(arg->images);
	struct blk_snap_info_range __user *ranges = u64_to_user_ptr(arg->ranges);
	int ret = 0;
	u32 i;

	for (i = 0; images && i < min(image_room, arg->image_count) && !ret; i++)
		ret = put_info_image(snapshot, i, images + i);
	for (i = 0; ranges && i < min(range_room, arg->range_count) && !ret; i++)
		ret = put_info_range(snapshot, i, ranges + i);
	return ret;
}

static void fill_info(struct blk_snap_snapshot_info *to,
		      const struct snapshot_info *from)
{
	BUILD_BUG_ON(blk_snap_snapshot_state_corrupt != (int)SNAPSHOT_CORRUPT);
	to->state = from->state;
	to->error = from->error;
	to->range_count = from->storage.range_count;
	to->storage_timeout_ms = from->limits.storage_timeout_ms;
	to->storage_sectors = from->storage.total;
	to->storage_used_sectors = from->storage.used;
	to->storage_free_sectors = from->storage.total - from->storage.used;
	to->storage_portion_sectors = from->limits.portion;
	to->memory_bytes = from->memory_bytes;
	to->memory_limit_bytes = from->limits.memory_bytes;
	to->copied_bytes = from->stats.copied_bytes;
	to->stored_bytes = from->stored_bytes;
	to->held_writes = from->stats.held_writes;
	to->waiting_writes = from->stats.waiting_writes;
}

int blksnap_call_snapshot_info(struct blk_snap_snapshot_info *arg)
{
	u32 image_room = arg->image_count, range_room = arg->range_count;
	struct snapshot_info info;
	struct snapshot *snapshot;
	int ret;

	if (arg->flags || memchr_inv(arg->reserved, 0, sizeof(arg->reserved)))
		return -EINVAL;
	snapshot = find(&arg->id);
	if (!snapshot)
		return -ESRCH;
	ret = blksnap_snapshot_info(snapshot, &info);
	if (!ret) {
		fill_info(arg, &info);
		arg->image_count = blksnap_snapshot_device_count(snapshot);
		ret = put_info_arrays(snapshot, arg, image_room, range_room);
	}
	blksnap_snapshot_put(snapshot);
	return ret;
}

static bool is_limit(u64 value, u64 least, u64 most)
{
	return !value || (value >= least && value <= most);
}

int blksnap_call_snapshot_set_limits(struct blk_snap_snapshot_set_limits *arg)
{
	struct snapshot_limits limits = {
		.memory_bytes = arg->memory_limit_bytes,
		.storage_timeout_ms = arg->storage_timeout_ms,
		.portion = arg->storage_portion_sectors,
	};
	struct snapshot *snapshot;
	int ret;

	if (arg->flags || memchr_inv(arg->reserved, 0, sizeof(arg->reserved)) ||
	    !is_limit(arg->memory_limit_bytes, (u64)MEMORY_BUDGET_MB_MIN << 20,
		      (u64)MEMORY_BUDGET_MB_MAX << 20) ||
	    !is_limit(arg->storage_timeout_ms, STORAGE_TIMEOUT_MS_MIN,
		      STORAGE_TIMEOUT_MS_MAX) ||
	    !is_limit(arg->storage_portion_sectors, DIFF_STORAGE_MINIMUM_MIN,
		      DIFF_STORAGE_MINIMUM_MAX))
		return -EINVAL;
	snapshot = find(&arg->id);
	if (!snapshot)
		return -ESRCH;
	ret = blksnap_snapshot_set_limits(snapshot, &limits);
	blksnap_snapshot_put(snapshot);
	return ret;
}
