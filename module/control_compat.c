// SPDX-License-Identifier: GPL-2.0-only
/*
 * control_compat: the calls of 32-bit programs.
 *
 * Where an argument holds pointers, its size is another one, and so is the
 * number of the call: these are translated here. All others have one layout and
 * one number, and go straight on.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/compat.h>

#include "control_internal.h"

#ifdef CONFIG_COMPAT

struct compat_tracker_collect {
	__u32 count;
	compat_uptr_t cbt_info_array;
};

struct compat_read_map {
	struct blk_snap_dev dev_id;
	__u32 offset;
	__u32 length;
	compat_uptr_t buff;
};

struct compat_mark_dirty {
	struct blk_snap_dev dev_id;
	__u32 count;
	compat_uptr_t dirty_blocks_array;
};

struct compat_create {
	__u32 count;
	compat_uptr_t dev_id_array;
	struct blk_snap_uuid id;
};

struct compat_append_storage {
	struct blk_snap_uuid id;
	struct blk_snap_dev dev_id;
	__u32 count;
	compat_uptr_t ranges;
};

struct compat_snapshot_collect {
	__u32 count;
	compat_uptr_t ids;
};

struct compat_collect_images {
	struct blk_snap_uuid id;
	__u32 count;
	compat_uptr_t image_info_array;
};

#define COMPAT_TRACKER_COLLECT	_IOW(BLK_SNAP, 2, struct compat_tracker_collect)
#define COMPAT_READ_CBT_MAP	_IOR(BLK_SNAP, 3, struct compat_read_map)
#define COMPAT_MARK_DIRTY	_IOR(BLK_SNAP, 4, struct compat_mark_dirty)
#define COMPAT_CREATE		_IOW(BLK_SNAP, 5, struct compat_create)
#define COMPAT_APPEND_STORAGE	_IOW(BLK_SNAP, 7, struct compat_append_storage)
#define COMPAT_COLLECT		_IOW(BLK_SNAP, 9, struct compat_snapshot_collect)
#define COMPAT_COLLECT_IMAGES	_IOW(BLK_SNAP, 10, struct compat_collect_images)

static long tracker_collect(void __user *at)
{
	struct compat_tracker_collect arg;
	int ret;

	if (!blksnap_argument_from_user(&arg, at, sizeof(arg), true))
		return -ENODATA;
	ret = blksnap_call_tracker_collect(&arg.count, compat_ptr(arg.cbt_info_array),
					   true);
	if ((!ret || ret == -ENOBUFS) && copy_to_user(at, &arg, sizeof(arg)))
		return -ENODATA;
	return ret;
}

static long read_map(void __user *at)
{
	struct compat_read_map arg;
	struct blk_snap_tracker_read_cbt_bitmap native;

	if (!blksnap_argument_from_user(&arg, at, sizeof(arg), false))
		return -ENODATA;
	native.dev_id = arg.dev_id;
	native.offset = arg.offset;
	native.length = arg.length;
	native.buff = (__force __u8 *)compat_ptr(arg.buff);
	return blksnap_call_tracker_read_map(&native);
}

static long mark_dirty(void __user *at)
{
	struct compat_mark_dirty arg;
	struct blk_snap_tracker_mark_dirty_blocks native;

	if (!blksnap_argument_from_user(&arg, at, sizeof(arg), false))
		return -ENODATA;
	native.dev_id = arg.dev_id;
	native.count = arg.count;
	native.dirty_blocks_array = (__force void *)compat_ptr(arg.dirty_blocks_array);
	return blksnap_call_tracker_mark_dirty(&native);
}

static long create(void __user *at)
{
	struct compat_create arg;
	struct blk_snap_snapshot_create native;
	int ret;

	if (!blksnap_argument_from_user(&arg, at, sizeof(arg), true))
		return -ENODATA;
	native.count = arg.count;
	native.dev_id_array = (__force void *)compat_ptr(arg.dev_id_array);
	ret = blksnap_call_snapshot_create(&native);
	if (ret)
		return ret;
	arg.id = native.id;
	if (!copy_to_user(at, &arg, sizeof(arg)))
		return 0;
	blksnap_undo_snapshot_create(&native.id);
	return -ENODATA;
}

static long append_storage(void __user *at)
{
	struct compat_append_storage arg;
	struct blk_snap_snapshot_append_storage native;

	if (!blksnap_argument_from_user(&arg, at, sizeof(arg), false))
		return -EINVAL;
	native.id = arg.id;
	native.dev_id = arg.dev_id;
	native.count = arg.count;
	native.ranges = (__force void *)compat_ptr(arg.ranges);
	return blksnap_call_snapshot_append_storage(&native);
}

static long snapshot_collect(void __user *at)
{
	struct compat_snapshot_collect arg;
	struct blk_snap_snapshot_collect native;
	int ret;

	if (!blksnap_argument_from_user(&arg, at, sizeof(arg), true))
		return -ENODATA;
	native.count = arg.count;
	native.ids = (__force void *)compat_ptr(arg.ids);
	ret = blksnap_call_snapshot_collect(&native);
	arg.count = native.count;
	if ((!ret || ret == -ENODATA) && copy_to_user(at, &arg, sizeof(arg)))
		return -ENODATA;
	return ret;
}

static long collect_images(void __user *at)
{
	struct compat_collect_images arg;
	struct blk_snap_snapshot_collect_images native;
	int ret;

	if (!blksnap_argument_from_user(&arg, at, sizeof(arg), true))
		return -ENODATA;
	native.id = arg.id;
	native.count = arg.count;
	native.image_info_array = (__force void *)compat_ptr(arg.image_info_array);
	ret = blksnap_call_snapshot_collect_images(&native);
	arg.count = native.count;
	if ((!ret || ret == -ENODATA || ret == -ENODEV) &&
	    copy_to_user(at, &arg, sizeof(arg)))
		return -ENODATA;
	return ret;
}

long blksnap_control_compat_ioctl(struct file *file, unsigned int cmd,
				  unsigned long user)
{
	long (*call)(void __user *at);

	switch (cmd) {
	case COMPAT_TRACKER_COLLECT:
		call = tracker_collect;
		break;
	case COMPAT_READ_CBT_MAP:
		call = read_map;
		break;
	case COMPAT_MARK_DIRTY:
		call = mark_dirty;
		break;
	case COMPAT_CREATE:
		call = create;
		break;
	case COMPAT_APPEND_STORAGE:
		call = append_storage;
		break;
	case COMPAT_COLLECT:
		call = snapshot_collect;
		break;
	case COMPAT_COLLECT_IMAGES:
		call = collect_images;
		break;
	/* These hold pointers in their native layout, which is not this program's. */
	case IOCTL_BLK_SNAP_TRACKER_COLLECT:
	case IOCTL_BLK_SNAP_TRACKER_READ_CBT_MAP:
	case IOCTL_BLK_SNAP_TRACKER_MARK_DIRTY_BLOCKS:
	case IOCTL_BLK_SNAP_SNAPSHOT_CREATE:
	case IOCTL_BLK_SNAP_SNAPSHOT_APPEND_STORAGE:
	case IOCTL_BLK_SNAP_SNAPSHOT_COLLECT:
	case IOCTL_BLK_SNAP_SNAPSHOT_COLLECT_IMAGES:
		return -ENOTTY;
	default:
		return blksnap_control_ioctl(file, cmd,
					     (unsigned long)compat_ptr(user));
	}
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	return call(compat_ptr(user));
}

#endif /* CONFIG_COMPAT */
