/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libblksnap: the calls of <linux/blksnap.h> as functions, and the few things
 * that every caller would otherwise write again.
 *
 * Context. Every function needs a descriptor of the control node, which
 * blksnap_open() gives, unless it takes none. The descriptor holds no state:
 * it can be shared by threads and processes, and closing it with close(2) ends
 * no snapshot. The library keeps no state of its own and takes no locks, prints
 * nothing and never exits.
 *
 * Errors. A function returns 0 (or a count where that is said) when it
 * succeeded, else a negative errno; the global errno means nothing. The values
 * are those that <linux/blksnap.h> lists for the call; only what a function
 * adds to them is said here.
 *
 * Ownership. Arrays that a function allocates belong to the caller, who gives
 * them to free(3); struct blksnap_extents is emptied by blksnap_extents_free().
 * On failure nothing is allocated.
 */
#ifndef LIBBLKSNAP_H
#define LIBBLKSNAP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/blksnap.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BLKSNAP_UUID_STRING_SIZE 37

/**
 * blksnap_open - opens the control node.
 * @path: the node, NULL for /dev/blksnap.
 *
 * Returns a descriptor that is closed on exec. -ENOENT or -ENXIO: the module
 * is not loaded.
 */
int blksnap_open(const char *path);

/** blksnap_version - the module's version. */
int blksnap_version(int fd, struct blk_snap_version *version);

/*
 * Tracking of changes
 */

/** blksnap_tracker_remove - stops tracking a device, forgets its map. */
int blksnap_tracker_remove(int fd, struct blk_snap_dev dev);

/**
 * blksnap_tracker_collect - the tracked devices.
 * @infos: on return an allocated array, NULL if there are none.
 * @count: on return its length.
 */
int blksnap_tracker_collect(int fd, struct blk_snap_cbt_info **infos,
			    size_t *count);

/**
 * blksnap_tracker_find - what the module knows about one tracked device.
 *
 * -ENODEV: it is not tracked.
 */
int blksnap_tracker_find(int fd, struct blk_snap_dev dev,
			 struct blk_snap_cbt_info *info);

/**
 * blksnap_tracker_read_cbt_map - a piece of the map of the last take.
 * @offset: first block wanted.
 * @length: number of blocks wanted.
 * @map: takes one byte a block.
 *
 * Returns the number of bytes read, less than @length only at the map's end.
 */
ssize_t blksnap_tracker_read_cbt_map(int fd, struct blk_snap_dev dev,
				     uint32_t offset, uint32_t length,
				     uint8_t *map);

/**
 * blksnap_tracker_changed_ranges - what changed since an earlier take, in pieces.
 * @generation: the tracking generation of the earlier take.
 * @since: the number that it reported.
 * @sector: first sector to look at, 0 at first; on return the one to go on from.
 * @ranges: takes the ranges.
 * @count: room in it, in ranges.
 *
 * Returns the number of ranges filled, maybe 0; *@sector is the end of the device
 * when there is no more, and @status, if not NULL, has all that the call told.
 * blksnap_changed_extents() is this in a loop.
 */
ssize_t blksnap_tracker_changed_ranges(int fd, struct blk_snap_dev dev,
				       const struct blk_snap_uuid *generation,
				       uint32_t since, uint64_t *sector,
				       struct blk_snap_block_range *ranges,
				       uint32_t count,
				       struct blk_snap_tracker_changed_ranges *status);

/**
 * blksnap_tracker_info - all that is known of one tracked device.
 * @info: on return what TRACKER_INFO tells.
 */
int blksnap_tracker_info(int fd, struct blk_snap_dev dev,
			 struct blk_snap_tracker_info *info);

/** blksnap_tracker_mark_dirty_blocks - declares blocks changed. */
int blksnap_tracker_mark_dirty_blocks(int fd, struct blk_snap_dev dev,
				      const struct blk_snap_block_range *ranges,
				      uint32_t count);

/*
 * Snapshots
 */

/**
 * blksnap_snapshot_create - a new snapshot, not yet taken.
 * @id: on return its identity.
 */
int blksnap_snapshot_create(int fd, const struct blk_snap_dev *devs,
			    uint32_t count, struct blk_snap_uuid *id);

/** blksnap_snapshot_destroy - ends a snapshot in whatever state it is. */
int blksnap_snapshot_destroy(int fd, const struct blk_snap_uuid *id);

/** blksnap_snapshot_append_storage - gives ranges of a device as storage. */
int blksnap_snapshot_append_storage(int fd, const struct blk_snap_uuid *id,
				    struct blk_snap_dev dev,
				    const struct blk_snap_block_range *ranges,
				    uint32_t count);

/**
 * blksnap_snapshot_append_file - gives a file's blocks as storage.
 * @file_fd: the file; it can be closed afterwards, the module holds it.
 * @sector_count: on return the room it gave, in sectors; may be NULL.
 */
int blksnap_snapshot_append_file(int fd, const struct blk_snap_uuid *id,
				 int file_fd, uint64_t *sector_count);

/**
 * struct blksnap_limits - what one snapshot may use; 0: as it is.
 * @memory_bytes: of saved data that is not in the storage yet.
 * @storage_portion_sectors: that an event asks for at a time, sectors of 512
 *	bytes.
 * @storage_timeout_ms: that a write waits for storage that makes no progress.
 */
struct blksnap_limits {
	uint64_t memory_bytes;
	uint64_t storage_portion_sectors;
	uint32_t storage_timeout_ms;
};

/** blksnap_snapshot_set_limits - before the take: what it may use. */
int blksnap_snapshot_set_limits(int fd, const struct blk_snap_uuid *id,
				const struct blksnap_limits *limits);

/** blksnap_snapshot_take - freezes the devices at one instant. */
int blksnap_snapshot_take(int fd, const struct blk_snap_uuid *id);

/**
 * blksnap_snapshot_collect - the snapshots, in order of creation.
 * @ids: on return an allocated array, NULL if there are none.
 * @count: on return its length.
 */
int blksnap_snapshot_collect(int fd, struct blk_snap_uuid **ids,
			     size_t *count);

/**
 * blksnap_snapshot_collect_images - a taken snapshot's images.
 * @images: on return an allocated array in the order of CREATE.
 * @count: on return its length.
 */
int blksnap_snapshot_collect_images(int fd, const struct blk_snap_uuid *id,
				    struct blk_snap_image_info **images,
				    size_t *count);

/**
 * blksnap_snapshot_wait_event - takes the next event from the queue.
 * @timeout_ms: longest wait.
 * @event: on return the event; @event->data holds the structure of its code.
 */
int blksnap_snapshot_wait_event(int fd, const struct blk_snap_uuid *id,
				uint32_t timeout_ms,
				struct blk_snap_snapshot_event *event);

/**
 * struct blksnap_info - the state of a snapshot, see SNAPSHOT_INFO.
 * @fixed: the call's own structure, its counts are those of the arrays.
 * @images: the devices.
 * @ranges: the storage.
 */
struct blksnap_info {
	struct blk_snap_snapshot_info fixed;
	struct blk_snap_info_image *images;
	struct blk_snap_info_range *ranges;
};

/**
 * blksnap_snapshot_info - the state of a snapshot with its arrays.
 * @info: on return to be emptied by blksnap_info_free().
 */
int blksnap_snapshot_info(int fd, const struct blk_snap_uuid *id,
			  struct blksnap_info *info);

/** blksnap_info_free - frees the arrays; harmless on zeros. */
void blksnap_info_free(struct blksnap_info *info);

/*
 * What changed
 */

/**
 * struct blksnap_extent - part of a device, in bytes.
 * @offset: first byte.
 * @length: number of bytes.
 */
struct blksnap_extent {
	uint64_t offset;
	uint64_t length;
};

/**
 * struct blksnap_extents - a list in ascending order; zeros are an empty one.
 * @items: the extents.
 * @count: how many.
 * @room: how many fit into @items.
 * @bytes: the sum of their lengths.
 */
struct blksnap_extents {
	struct blksnap_extent *items;
	size_t count;
	size_t room;
	uint64_t bytes;
};

/**
 * blksnap_extents_add - appends one, and joins it with the last if they touch.
 *
 * -EINVAL: it starts before the end of the last one, or reaches past the last byte
 * that there can be. Nothing is added for a length of 0.
 */
int blksnap_extents_add(struct blksnap_extents *extents, uint64_t offset,
			uint64_t length);

/**
 * struct blksnap_map_piece - consecutive bytes of a map.
 * @bytes: one for each block.
 * @count: how many.
 * @first_block: the block that @bytes[0] stands for.
 * @block_bytes: size of a block.
 * @capacity_bytes: size of the device; the last block may reach past it.
 */
struct blksnap_map_piece {
	const uint8_t *bytes;
	uint32_t count;
	uint32_t first_block;
	uint32_t block_bytes;
	uint64_t capacity_bytes;
};

/**
 * blksnap_extents_add_map - appends what a piece of a map says has changed.
 * @since: blocks whose byte is greater have changed.
 *
 * Pieces are to be added in ascending order. Needs no control node.
 */
int blksnap_extents_add_map(struct blksnap_extents *extents,
			    const struct blksnap_map_piece *piece,
			    uint8_t since);

/** blksnap_extents_free - empties a list; harmless on zeros. */
void blksnap_extents_free(struct blksnap_extents *extents);

/**
 * blksnap_changed_extents - what changed in a device since an earlier take.
 * @generation: the tracking generation of the earlier take.
 * @since: the number that it reported.
 * @extents: to be empty; on return the parts that differ between the earlier
 *	take and the last one.
 *
 * Memory follows the number of extents, not the size of the device. The device
 * must be in a snapshot that has been taken (-EPERM otherwise). -ENODEV: not
 * tracked. -ESTALE: the generation is another one, or @since is newer than the
 * last take, or one came in between: everything may have changed.
 */
int blksnap_changed_extents(int fd, struct blk_snap_dev dev,
			    const struct blk_snap_uuid *generation,
			    unsigned int since,
			    struct blksnap_extents *extents);

/*
 * Names
 */

/**
 * blksnap_device_of_path - the block device that a path stands for.
 * @path: a block device's node, or a mount point.
 *
 * Needs no control node. -ENOTBLK: neither of the two, or a mount point whose
 * file system lies on no single block device (tmpfs, network, btrfs).
 */
int blksnap_device_of_path(const char *path, struct blk_snap_dev *dev);

/** blksnap_uuid_parse - reads 36 characters. -EINVAL: not a UUID. */
int blksnap_uuid_parse(const char *text, struct blk_snap_uuid *uuid);

/** blksnap_uuid_unparse - writes 36 lower-case characters and a zero. */
void blksnap_uuid_unparse(const struct blk_snap_uuid *uuid,
			  char text[BLKSNAP_UUID_STRING_SIZE]);

#ifdef __cplusplus
}
#endif

#endif /* LIBBLKSNAP_H */
