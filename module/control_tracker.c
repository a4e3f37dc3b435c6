// SPDX-License-Identifier: GPL-2.0-only
/*
 * control_tracker: the calls about tracked devices.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/compat.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "control_internal.h"
#include "snapshot.h"
#include "tracker.h"

#define MAP_PIECE	PAGE_SIZE

int call_tracker_remove(struct blk_snap_tracker_remove *arg)
{
	dev_t dev;

	return dev_from_user(arg->dev_id, &dev) ?: tracker_remove(dev);
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

int call_tracker_collect(u32 *count, void __user *array, bool is_compat)
{
	unsigned int room = trackers_collect(NULL, 0), there;
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
	there = trackers_collect(infos, room);
	if (there > room)
		ret = -ENOBUFS;
	else
		ret = put_infos(array, infos, there, is_compat);
	*count = there;
	kvfree(infos);
	return ret;
}

int call_tracker_read_map(struct blk_snap_tracker_read_cbt_bitmap *arg)
{
	u32 done = 0;
	u8 *piece;
	dev_t dev;
	int ret;

	ret = dev_from_user(arg->dev_id, &dev);
	if (ret)
		return -ENODEV;
	piece = kmalloc(MAP_PIECE, GFP_KERNEL);
	if (!piece)
		return -ENOMEM;
	/* The result is an int. */
	arg->length = min_t(u32, arg->length, INT_MAX);
	do {
		ret = tracker_read_map(dev, arg->offset + done,
				       min_t(u32, arg->length - done, MAP_PIECE),
				       piece);
		if (ret <= 0)
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

int call_tracker_mark_dirty(struct blk_snap_tracker_mark_dirty_blocks *arg)
{
	struct sector_range *ranges;
	dev_t dev, origin;
	int ret;

	if (dev_from_user(arg->dev_id, &dev))
		return -ENODEV;
	if (!arg->count)
		return -EINVAL;
	ranges = ranges_from_user((void __user *)arg->dirty_blocks_array, arg->count, -ENODATA);
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);
	origin = snapshot_origin_of(dev);
	ret = tracker_mark_dirty(origin ?: dev, ranges, arg->count);
	kvfree(ranges);
	return ret;
}
