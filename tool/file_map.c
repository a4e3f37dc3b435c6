// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file's extents by FIEMAP, synced before so that all of them have a place.
 * Extents that have none, or whose place is not a range of the file system's
 * device, are refused: to leave one out would tell a smaller file than there
 * is.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "file_map.h"

#define SECTOR	512u
#define BATCH	256u

#define WITHOUT_PLACE (FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC |	\
		       FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_NOT_ALIGNED | \
		       FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_DATA_TAIL)

struct list {
	struct blk_snap_block_range *ranges;
	uint32_t count;
	uint32_t room;
};

/* Outward, so that nothing of the extent is left out. */
static int add_extent(struct list *list, const struct fiemap_extent *extent)
{
	uint64_t end = extent->fe_physical + extent->fe_length;
	struct blk_snap_block_range *range;

	if (extent->fe_flags & WITHOUT_PLACE)
		return -EMEDIUMTYPE;
	if (list->count == list->room) {
		uint32_t room = list->room ? list->room * 2 : 64;

		range = reallocarray(list->ranges, room, sizeof(*range));
		if (!range)
			return -ENOMEM;
		list->ranges = range;
		list->room = room;
	}
	range = &list->ranges[list->count++];
	range->sector_offset = extent->fe_physical / SECTOR;
	range->sector_count = (end + SECTOR - 1) / SECTOR -
			      range->sector_offset;
	return 0;
}

static int read_extents(int fd, struct fiemap *map, struct list *list)
{
	uint64_t position = 0;
	uint32_t last_flags = 0;

	while (!(last_flags & FIEMAP_EXTENT_LAST)) {
		memset(map, 0, sizeof(*map));
		map->fm_start = position;
		map->fm_length = FIEMAP_MAX_OFFSET - position;
		map->fm_flags = FIEMAP_FLAG_SYNC;
		map->fm_extent_count = BATCH;
		if (ioctl(fd, FS_IOC_FIEMAP, map))
			return -errno;
		if (!map->fm_mapped_extents)
			break;
		for (uint32_t i = 0; i < map->fm_mapped_extents; i++) {
			const struct fiemap_extent *extent = &map->fm_extents[i];
			int ret = add_extent(list, extent);

			if (ret)
				return ret;
			position = extent->fe_logical + extent->fe_length;
			last_flags = extent->fe_flags;
		}
	}
	return list->count ? 0 : -ENODATA;
}

/* XFS can keep a file's data on another device than all the others'. */
static bool is_elsewhere(int fd)
{
	struct fsxattr attributes;

	return !ioctl(fd, FS_IOC_FSGETXATTR, &attributes) &&
	       attributes.fsx_xflags & FS_XFLAG_REALTIME;
}

static int map_open_file(int fd, struct blk_snap_dev *dev, struct list *list)
{
	struct fiemap *map;
	struct stat st;
	int ret;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EISDIR;
	/* Not on a block device of its own: network, memory, btrfs. */
	if (!major(st.st_dev) || is_elsewhere(fd))
		return -EOPNOTSUPP;
	dev->mj = major(st.st_dev);
	dev->mn = minor(st.st_dev);
	map = malloc(sizeof(*map) + BATCH * sizeof(map->fm_extents[0]));
	ret = map ? read_extents(fd, map, list) : -ENOMEM;
	free(map);
	return ret;
}

static const char *reason(int ret)
{
	switch (ret) {
	case -EISDIR:
		return "not a regular file; name one";
	case -EOPNOTSUPP:
	case -ENOTTY:
		return "its file system does not tell where on one block device it lies; name a file on ext4 or XFS, or ranges of a device";
	case -EMEDIUMTYPE:
		return "a part of it has no blocks of its own (inline, compressed or not yet written); make it by fallocate, or name ranges of a device";
	case -ENODATA:
		return "it has no blocks; allocate some with fallocate";
	}
	return strerror(-ret);
}

enum status file_map(const char *path, struct blk_snap_dev *dev,
		     struct blk_snap_block_range **ranges, uint32_t *count)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct list list = { .count = 0 };
	int ret = fd < 0 ? -errno : map_open_file(fd, dev, &list);

	if (fd >= 0)
		close(fd);
	if (ret) {
		say_error("%s: %s", path, reason(ret));
		free(list.ranges);
		return FAILED;
	}
	*ranges = list.ranges;
	*count = list.count;
	return DONE;
}
