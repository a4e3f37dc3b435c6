// SPDX-License-Identifier: GPL-2.0-only
/*
 * control_tracker: the calls about tracked devices.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/compat.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "control_internal.h"
#include "snapshot.h"
#include "tracker.h"

#define MAP_PIECE	PAGE_SIZE

int blksnap_call_tracker_remove(struct blk_snap_tracker_remove *arg)
{
	dev_t dev;
	int ret;

	ret = dev_from_user(arg->dev_id, &dev) ?: blksnap_tracker_remove(dev);
	blksnap_control_sysfs_settle();
	return ret;
}

static void fill_cbt_info(struct blk_snap_cbt_info *to,
			  const struct tracker_info *from)
{
	memset(to, 0, sizeof(*to));
	to->dev_id = dev_to_user(from->dev);
	to->blk_size = 1u << from->map.block_shift;
	to->device_capacity = (u64)from->map.capacity << SECTOR_SHIFT;
	to->blk_count = from->map.block_count;
	export_uuid(to->generation_id.b, &from->map.generation);
	to->snap_number = from->map.snap_number;
}

/* Size of an entry in the array of a 32-bit program. */
#ifdef CONFIG_COMPAT
#define compat_cbt_info_size	sizeof(struct compat_cbt_info)

/* A 64-bit number is aligned to 4 bytes on i386. */
struct compat_cbt_info {
	struct blk_snap_dev dev_id;
	__u32 blk_size;
	compat_u64 device_capacity;
	__u32 blk_count;
	struct blk_snap_uuid generation_id;
	__u8 snap_number;
};

static int put_compat_info(struct compat_cbt_info __user *to,
			   const struct blk_snap_cbt_info *from)
{
	struct compat_cbt_info info;

	memset(&info, 0, sizeof(info));
	info.dev_id = from->dev_id;
	info.blk_size = from->blk_size;
	info.device_capacity = from->device_capacity;
	info.blk_count = from->blk_count;
	info.generation_id = from->generation_id;
	info.snap_number = from->snap_number;
	return copy_to_user(to, &info, sizeof(info)) ? -ENODATA : 0;
}
#else
#define compat_cbt_info_size	0

static int put_compat_info(void __user *to, const struct blk_snap_cbt_info *from)
{
	return -ENODATA;
}
#endif

static int put_infos(void __user *array, const struct tracker_info *infos,
		     unsigned int count, bool is_compat)
{
	struct blk_snap_cbt_info info;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < count && !ret; i++) {
		fill_cbt_info(&info, &infos[i]);
		if (is_compat)
			ret = put_compat_info(array + i * compat_cbt_info_size, &info);
		else if (copy_to_user(array + i * sizeof(info), &info, sizeof(info)))
			ret = -ENODATA;
	}
	return ret;
}

int blksnap_call_tracker_collect(u32 *count, void __user *array, bool is_compat)
{
	unsigned int room = blksnap_trackers_collect(NULL, 0), there;
	struct tracker_info *infos;
	int ret;

	if (!array) {
		*count = room;
		return 0;
	}
	room = min(room, *count);
	infos = kvcalloc(room + 1, sizeof(*infos), GFP_KERNEL);
	if (!infos)
		return -ENOMEM;
	there = blksnap_trackers_collect(infos, room);
	if (there > room)
		ret = -ENOBUFS;
	else
		ret = put_infos(array, infos, there, is_compat);
	*count = there;
	kvfree(infos);
	return ret;
}

int blksnap_call_tracker_read_map(struct blk_snap_tracker_read_cbt_bitmap *arg)
{
	struct cbt_map_info first, info;
	u32 done = 0;
	u8 *piece;
	dev_t dev;
	int ret;

	ret = dev_from_user(arg->dev_id, &dev);
	if (ret)
		return ret;
	piece = kmalloc(MAP_PIECE, GFP_KERNEL);
	if (!piece)
		return -ENOMEM;
	/* The result is an int. */
	arg->length = min_t(u32, arg->length, INT_MAX);
	do {
		ret = blksnap_tracker_read_map(dev, arg->offset + done,
					       min_t(u32, arg->length - done, MAP_PIECE),
					       piece, &info);
		if (ret < 0)
			break;
		if (!done) {
			first = info;
		} else if (!is_same_take(&first, &info)) {
			/* A take came between: all of it anew, as of that one. */
			done = 0;
			continue;
		}
		if (!ret)
			break;
		if (copy_to_user((u8 __user *)arg->buff + done, piece, ret)) {
			ret = -ENODATA;
			break;
		}
		done += ret;
	} while (done < arg->length && !fatal_signal_pending(current));
	kfree(piece);
	return ret < 0 ? ret : done;
}

int blksnap_call_tracker_mark_dirty(struct blk_snap_tracker_mark_dirty_blocks *arg)
{
	struct sector_range *ranges;
	dev_t dev, origin;
	int ret;

	ret = dev_from_user(arg->dev_id, &dev);
	if (ret)
		return ret;
	if (!arg->count)
		return -EINVAL;
	ranges = blksnap_ranges_from_user((void __user *)arg->dirty_blocks_array,
					  arg->count, -ENODATA);
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);
	origin = blksnap_snapshot_origin_of(dev);
	ret = blksnap_tracker_mark_dirty(origin ?: dev, ranges, arg->count);
	kvfree(ranges);
	return ret;
}

/* Ranges on their way to the user: the last one may yet grow. */
struct range_writer {
	struct blk_snap_block_range __user *to;
	u32 count;
	struct sector_range last;
};

static int put_last(const struct range_writer *writer)
{
	struct blk_snap_block_range range = {
		.sector_offset = writer->last.start,
		.sector_count = writer->last.count,
	};

	if (!writer->count)
		return 0;
	return copy_to_user(writer->to + writer->count - 1, &range, sizeof(range)) ?
	       -EFAULT : 0;
}

static int put_ranges(struct range_writer *writer, const struct sector_range *ranges,
		      unsigned int count)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < count && !ret; i++) {
		if (writer->count && range_end(writer->last) == ranges[i].start) {
			writer->last.count += ranges[i].count;
			continue;
		}
		ret = put_last(writer);
		writer->last = ranges[i];
		writer->count++;
	}
	return ret;
}

/* In pieces, so that neither memory nor the locks follow the device's size. */
static int read_changes(dev_t dev, struct blk_snap_tracker_changed_ranges *arg,
			struct sector_range *piece)
{
	struct range_writer writer = { .to = u64_to_user_ptr(arg->ranges) };
	sector_t sector = arg->sector;
	struct cbt_map_info info;
	uuid_t generation;
	bool is_first = true;
	int ret;

	import_uuid(&generation, arg->generation_id.b);
	do {
		u32 room = min_t(u32, arg->count - writer.count,
				 MAP_PIECE / sizeof(*piece));

		ret = blksnap_tracker_read_changes(dev, &generation, arg->since, &sector,
						   piece, room, &info);
		if (ret < 0)
			return ret;
		if (!is_first && info.snap_number != arg->snap_number)
			return -ESTALE;
		is_first = false;
		arg->snap_number = info.snap_number;
		ret = put_ranges(&writer, piece, ret);
		if (!ret && fatal_signal_pending(current))
			ret = -EINTR;
		if (ret)
			return ret;
		cond_resched();
	} while (writer.count < arg->count && sector < info.capacity);
	arg->count = writer.count;
	arg->sector = sector;
	arg->capacity_sectors = info.capacity;
	return put_last(&writer);
}

int blksnap_call_tracker_changed_ranges(struct blk_snap_tracker_changed_ranges *arg)
{
	struct sector_range *piece;
	dev_t dev;
	int ret;

	if (arg->flags || memchr_inv(arg->reserved, 0, sizeof(arg->reserved)) ||
	    !arg->count)
		return -EINVAL;
	if (dev_from_user(arg->dev_id, &dev))
		return -ENODEV;
	piece = kmalloc(MAP_PIECE, GFP_KERNEL);
	if (!piece)
		return -ENOMEM;
	ret = read_changes(dev, arg, piece);
	kfree(piece);
	return ret;
}

static void fill_tracker_info(struct blk_snap_tracker_info *to,
			      const struct tracker_details *from)
{
	BUILD_BUG_ON(blk_snap_tracker_state_taken != (int)TRACKER_TAKEN);
	BUILD_BUG_ON(blk_snap_generation_reason_storage != (int)CBT_STORAGE);
	to->state = from->state;
	export_uuid(to->generation_id.b, &from->map.generation);
	to->generation_reason = from->map.reason;
	to->snap_number = from->map.snap_number;
	to->block_size = 1u << from->map.block_shift;
	to->block_count = from->map.block_count;
	to->capacity_sectors = from->map.capacity;
	to->tracked_since_boottime_ns = from->since_boottime_ns;
	to->tracked_since_realtime_ns = from->since_realtime_ns;
	to->changed_blocks = from->counts.running;
	to->changed_blocks_last = from->counts.last;
	to->changed_blocks_generation = from->counts.generation;
	to->seen_writes = from->seen_writes;
	to->held_writes = from->held_writes;
	to->waiting_writes = from->waiting_writes;
	to->copied_bytes = from->copied_bytes;
}

int blksnap_call_tracker_info(struct blk_snap_tracker_info *arg)
{
	struct tracker_details details;
	struct snapshot_summary summary;
	dev_t dev;
	int ret;

	if (arg->flags || memchr_inv(arg->reserved, 0, sizeof(arg->reserved)))
		return -EINVAL;
	if (dev_from_user(arg->dev_id, &dev))
		return -ENODEV;
	ret = blksnap_tracker_details(dev, true, &details);
	if (ret)
		return ret;
	fill_tracker_info(arg, &details);
	blksnap_snapshot_summary_of(dev, &summary);
	export_uuid(arg->snapshot_id.b, &summary.id);
	return 0;
}
