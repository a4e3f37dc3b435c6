// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One function for each call of the control node. Arrays whose length only the
 * module knows are asked for until the answer fits, because the number may
 * grow between two calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "lib_private.h"

static int call(int fd, unsigned long request, void *argument)
{
	int ret = ioctl(fd, request, argument);

	return ret < 0 ? -errno : ret;
}

LIBEXPORT int blksnap_open(const char *path)
{
	int fd = open(path ? path : "/dev/" BLK_SNAP_CTL, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

LIBEXPORT int blksnap_version(int fd, struct blk_snap_version *version)
{
	return call(fd, IOCTL_BLK_SNAP_VERSION, version);
}

LIBEXPORT int blksnap_tracker_remove(int fd, struct blk_snap_dev dev)
{
	struct blk_snap_tracker_remove arg = { .dev_id = dev };

	return call(fd, IOCTL_BLK_SNAP_TRACKER_REMOVE, &arg);
}

LIBEXPORT int blksnap_tracker_collect(int fd, struct blk_snap_cbt_info **infos,
				      size_t *count)
{
	struct blk_snap_tracker_collect arg = { .count = 0 };
	int ret = call(fd, IOCTL_BLK_SNAP_TRACKER_COLLECT, &arg);

	while (!ret && arg.count) {
		arg.cbt_info_array = calloc(arg.count,
					    sizeof(*arg.cbt_info_array));
		if (!arg.cbt_info_array)
			return -ENOMEM;
		ret = call(fd, IOCTL_BLK_SNAP_TRACKER_COLLECT, &arg);
		if (!ret)
			break;
		free(arg.cbt_info_array);
		arg.cbt_info_array = NULL;
		if (ret == -ENOBUFS)
			ret = 0;
	}
	if (ret)
		return ret;
	if (!arg.count) {
		free(arg.cbt_info_array);
		arg.cbt_info_array = NULL;
	}
	*infos = arg.cbt_info_array;
	*count = arg.count;
	return 0;
}

LIBEXPORT int blksnap_tracker_find(int fd, struct blk_snap_dev dev,
				   struct blk_snap_cbt_info *info)
{
	struct blk_snap_cbt_info *infos;
	size_t count;
	int ret = blksnap_tracker_collect(fd, &infos, &count);

	if (ret)
		return ret;
	ret = -ENODEV;
	for (size_t i = 0; i < count; i++) {
		if (infos[i].dev_id.mj == dev.mj && infos[i].dev_id.mn == dev.mn) {
			*info = infos[i];
			ret = 0;
			break;
		}
	}
	free(infos);
	return ret;
}

LIBEXPORT ssize_t blksnap_tracker_read_cbt_map(int fd, struct blk_snap_dev dev,
					       uint32_t offset, uint32_t length,
					       uint8_t *map)
{
	struct blk_snap_tracker_read_cbt_bitmap arg = {
		.dev_id = dev,
		.offset = offset,
		.length = length,
		.buff = map,
	};

	return call(fd, IOCTL_BLK_SNAP_TRACKER_READ_CBT_MAP, &arg);
}

LIBEXPORT int
blksnap_tracker_mark_dirty_blocks(int fd, struct blk_snap_dev dev,
				  const struct blk_snap_block_range *ranges,
				  uint32_t count)
{
	struct blk_snap_tracker_mark_dirty_blocks arg = {
		.dev_id = dev,
		.count = count,
		.dirty_blocks_array = (struct blk_snap_block_range *)ranges,
	};

	return call(fd, IOCTL_BLK_SNAP_TRACKER_MARK_DIRTY_BLOCKS, &arg);
}

LIBEXPORT ssize_t
blksnap_tracker_changed_ranges(int fd, struct blk_snap_dev dev,
			       const struct blk_snap_uuid *generation,
			       uint32_t since, uint64_t *sector,
			       struct blk_snap_block_range *ranges,
			       uint32_t count,
			       struct blk_snap_tracker_changed_ranges *status)
{
	struct blk_snap_tracker_changed_ranges arg = {
		.dev_id = dev,
		.generation_id = *generation,
		.since = since,
		.sector = *sector,
		.ranges = (uintptr_t)ranges,
		.count = count,
	};
	int ret = call(fd, IOCTL_BLK_SNAP_TRACKER_CHANGED_RANGES, &arg);

	if (ret)
		return ret;
	*sector = arg.sector;
	if (status)
		*status = arg;
	return arg.count;
}

LIBEXPORT int blksnap_tracker_info(int fd, struct blk_snap_dev dev,
				   struct blk_snap_tracker_info *info)
{
	memset(info, 0, sizeof(*info));
	info->dev_id = dev;
	return call(fd, IOCTL_BLK_SNAP_TRACKER_INFO, info);
}

LIBEXPORT int blksnap_snapshot_create(int fd, const struct blk_snap_dev *devs,
				      uint32_t count, struct blk_snap_uuid *id)
{
	struct blk_snap_snapshot_create arg = {
		.count = count,
		.dev_id_array = (struct blk_snap_dev *)devs,
	};
	int ret = call(fd, IOCTL_BLK_SNAP_SNAPSHOT_CREATE, &arg);

	if (!ret)
		*id = arg.id;
	return ret;
}

LIBEXPORT int blksnap_snapshot_destroy(int fd, const struct blk_snap_uuid *id)
{
	struct blk_snap_snapshot_destroy arg = { .id = *id };

	return call(fd, IOCTL_BLK_SNAP_SNAPSHOT_DESTROY, &arg);
}

LIBEXPORT int
blksnap_snapshot_append_storage(int fd, const struct blk_snap_uuid *id,
				struct blk_snap_dev dev,
				const struct blk_snap_block_range *ranges,
				uint32_t count)
{
	struct blk_snap_snapshot_append_storage arg = {
		.id = *id,
		.dev_id = dev,
		.count = count,
		.ranges = (struct blk_snap_block_range *)ranges,
	};

	return call(fd, IOCTL_BLK_SNAP_SNAPSHOT_APPEND_STORAGE, &arg);
}

LIBEXPORT int blksnap_snapshot_append_file(int fd,
					   const struct blk_snap_uuid *id,
					   int file_fd, uint64_t *sector_count)
{
	struct blk_snap_snapshot_append_file arg = {
		.id = *id,
		.fd = file_fd,
	};
	int ret = call(fd, IOCTL_BLK_SNAP_SNAPSHOT_APPEND_FILE, &arg);

	if (!ret && sector_count)
		*sector_count = arg.sector_count;
	return ret;
}

LIBEXPORT int blksnap_snapshot_set_limits(int fd,
					  const struct blk_snap_uuid *id,
					  const struct blksnap_limits *limits)
{
	struct blk_snap_snapshot_set_limits arg = {
		.id = *id,
		.storage_timeout_ms = limits->storage_timeout_ms,
		.memory_limit_bytes = limits->memory_bytes,
		.storage_portion_sectors = limits->storage_portion_sectors,
	};

	return call(fd, IOCTL_BLK_SNAP_SNAPSHOT_SET_LIMITS, &arg);
}

LIBEXPORT int blksnap_snapshot_take(int fd, const struct blk_snap_uuid *id)
{
	struct blk_snap_snapshot_take arg = { .id = *id };

	return call(fd, IOCTL_BLK_SNAP_SNAPSHOT_TAKE, &arg);
}

LIBEXPORT int blksnap_snapshot_collect(int fd, struct blk_snap_uuid **ids,
				       size_t *count)
{
	struct blk_snap_snapshot_collect arg = { .count = 0 };
	int ret = call(fd, IOCTL_BLK_SNAP_SNAPSHOT_COLLECT, &arg);

	while (!ret && arg.count) {
		uint32_t room = arg.count;

		arg.ids = calloc(room, sizeof(*arg.ids));
		if (!arg.ids)
			return -ENOMEM;
		ret = call(fd, IOCTL_BLK_SNAP_SNAPSHOT_COLLECT, &arg);
		if (!ret)
			break;
		free(arg.ids);
		arg.ids = NULL;
		/* ENODATA says both "too small" and "bad address". */
		if (ret == -ENODATA && arg.count > room)
			ret = 0;
	}
	if (ret)
		return ret;
	if (!arg.count) {
		free(arg.ids);
		arg.ids = NULL;
	}
	*ids = arg.ids;
	*count = arg.count;
	return 0;
}

LIBEXPORT int
blksnap_snapshot_collect_images(int fd, const struct blk_snap_uuid *id,
				struct blk_snap_image_info **images,
				size_t *count)
{
	struct blk_snap_snapshot_collect_images arg = { .id = *id };
	int ret = call(fd, IOCTL_BLK_SNAP_SNAPSHOT_COLLECT_IMAGES, &arg);

	if (ret)
		return ret;
	/* A snapshot's devices are fixed at CREATE: the number stays. */
	arg.image_info_array = calloc(arg.count ? arg.count : 1,
				      sizeof(*arg.image_info_array));
	if (!arg.image_info_array)
		return -ENOMEM;
	ret = call(fd, IOCTL_BLK_SNAP_SNAPSHOT_COLLECT_IMAGES, &arg);
	if (ret) {
		free(arg.image_info_array);
		return ret;
	}
	*images = arg.image_info_array;
	*count = arg.count;
	return 0;
}

LIBEXPORT int blksnap_snapshot_wait_event(int fd,
					  const struct blk_snap_uuid *id,
					  uint32_t timeout_ms,
					  struct blk_snap_snapshot_event *event)
{
	memset(event, 0, sizeof(*event));
	event->id = *id;
	event->timeout_ms = timeout_ms;
	return call(fd, IOCTL_BLK_SNAP_SNAPSHOT_WAIT_EVENT, event);
}

LIBEXPORT int blksnap_snapshot_info(int fd, const struct blk_snap_uuid *id,
				    struct blksnap_info *info)
{
	uint32_t image_room = 4, range_room = 64;

	for (;;) {
		struct blk_snap_snapshot_info *fixed = &info->fixed;
		int ret = -ENOMEM;

		memset(info, 0, sizeof(*info));
		info->images = calloc(image_room, sizeof(*info->images));
		info->ranges = calloc(range_room, sizeof(*info->ranges));
		if (info->images && info->ranges) {
			fixed->id = *id;
			fixed->image_count = image_room;
			fixed->range_count = range_room;
			fixed->images = (uintptr_t)info->images;
			fixed->ranges = (uintptr_t)info->ranges;
			ret = call(fd, IOCTL_BLK_SNAP_SNAPSHOT_INFO, fixed);
		}
		if (!ret && fixed->image_count <= image_room &&
		    fixed->range_count <= range_room)
			return 0;
		if (fixed->image_count > image_room)
			image_room = fixed->image_count;
		if (fixed->range_count > range_room)
			range_room = fixed->range_count + 16;
		blksnap_info_free(info);
		if (ret)
			return ret;
	}
}

LIBEXPORT void blksnap_info_free(struct blksnap_info *info)
{
	free(info->images);
	free(info->ranges);
	memset(info, 0, sizeof(*info));
}
