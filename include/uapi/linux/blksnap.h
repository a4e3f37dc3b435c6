/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * blksnap: snapshots of block devices, and what changed between them.
 *
 * The life of a snapshot, in calls
 * --------------------------------
 * Everything goes through ioctl(2) on the control node, /dev/blksnap. Every
 * call needs CAP_SYS_ADMIN. Nothing is tied to the file that is open: a
 * snapshot lives until it is destroyed, whoever closes the node.
 *
 *   SNAPSHOT_CREATE          names the devices. Tracking of changes starts
 *                            here for each that is not tracked yet.
 *   SNAPSHOT_WAIT_EVENT      the first event asks for storage room.
 *   SNAPSHOT_APPEND_STORAGE  gives ranges of block devices, or
 *   SNAPSHOT_APPEND_FILE     a file, to keep overwritten data in. Legal as
 *                            often as wanted, before and after the take.
 *   SNAPSHOT_TAKE            freezes all the devices at one instant, and shows
 *                            each as a block device of its own.
 *   SNAPSHOT_COLLECT_IMAGES  says which image belongs to which device.
 *   TRACKER_COLLECT,         say what changed since an earlier snapshot (see
 *   TRACKER_CHANGED_RANGES   "Change tracking").
 *   SNAPSHOT_WAIT_EVENT      goes on reporting: room runs low, or the
 *                            snapshot is corrupt.
 *   SNAPSHOT_DESTROY         the images go, tracking stays.
 *
 * Change tracking
 * ---------------
 * Time is cut into periods. Period 1 starts when tracking starts; take number
 * k ends period k. The map has one byte a block: 0 for a block that was not
 * written in this generation, else the period of its last write. A block has
 * changed since the snapshot numbered N if and only if its byte is greater
 * than N and the generation id is the same as then. Another generation id
 * means that everything may have changed. The map that can be read is the
 * state at the last take; it stays fixed until the next one but for
 * MARK_DIRTY_BLOCKS and writes to an image.
 *
 * The number of a take can be 0: when the map had to start anew (at the
 * 255th take, a resize, or a loss of trust in it) that take reports a new
 * generation id, number 0, and a map of zeros. That is exact: the next
 * increment is to be computed against number 0 of that generation.
 *
 * Conventions
 * -----------
 * Sectors are of 512 bytes whatever the device's block size. Numbers of calls
 * 0 to 11 keep their historic direction bits, which do not follow the flow of
 * the data; the whole number is compared, and any other number is answered
 * with ENOTTY. All padding is zero in replies. Errors of every call: EPERM
 * without CAP_SYS_ADMIN, ENOTTY for an unknown number, and ENODATA for a fixed
 * argument that cannot be read or, where the call answers in it, written, but for
 * APPEND_STORAGE and WAIT_EVENT, which answer EINVAL to that, and for the calls
 * from 64 on, which answer EFAULT; nothing has been done then. ENOMEM where
 * memory runs out, or for a count that no memory could hold. A device number
 * without a device: ENXIO, but of the calls from 64 on, to which it is a device
 * that is not tracked: ENODEV.
 */
#ifndef _UAPI_LINUX_BLKSNAP_H
#define _UAPI_LINUX_BLKSNAP_H

#include <linux/types.h>
#include <linux/ioctl.h>

#define BLK_SNAP_CTL		"blksnap"
#define BLK_SNAP_IMAGE_NAME	"blksnap-image"
#define BLK_SNAP		'V'

/**
 * struct blk_snap_version - version of the module, %IOCTL_BLK_SNAP_VERSION.
 * @major: changes when old callers would break.
 * @minor: changes when calls are added.
 * @revision: changes with each release.
 * @build: not used, 0.
 */
struct blk_snap_version {
	__u16 major;
	__u16 minor;
	__u16 revision;
	__u16 build;
};

/**
 * struct blk_snap_dev - number of a block device.
 * @mj: major number.
 * @mn: minor number.
 */
struct blk_snap_dev {
	__u32 mj;
	__u32 mn;
};

/**
 * struct blk_snap_uuid - identity of a snapshot or of a tracking generation.
 * @b: the 16 bytes in the order in which a UUID is printed.
 */
struct blk_snap_uuid {
	__u8 b[16];
};

/**
 * struct blk_snap_block_range - part of a block device.
 * @sector_offset: first sector, of 512 bytes.
 * @sector_count: number of sectors.
 */
struct blk_snap_block_range {
	__u64 sector_offset;
	__u64 sector_count;
};

/**
 * IOCTL_BLK_SNAP_VERSION - the module's version.
 *
 * Writes struct blk_snap_version. No errors but the common ones.
 */
#define IOCTL_BLK_SNAP_VERSION \
	_IOW(BLK_SNAP, 0, struct blk_snap_version)

/**
 * struct blk_snap_tracker_remove - argument of %IOCTL_BLK_SNAP_TRACKER_REMOVE.
 * @dev_id: the device.
 */
struct blk_snap_tracker_remove {
	struct blk_snap_dev dev_id;
};

/**
 * IOCTL_BLK_SNAP_TRACKER_REMOVE - stops tracking a device, forgets its map.
 *
 * Errors: ENXIO no such device; ENODATA not tracked; EBUSY in a snapshot,
 * taken or only created.
 */
#define IOCTL_BLK_SNAP_TRACKER_REMOVE \
	_IOW(BLK_SNAP, 1, struct blk_snap_tracker_remove)

/**
 * struct blk_snap_cbt_info - a tracked device.
 * @dev_id: the device.
 * @blk_size: bytes a block of the map stands for.
 * @device_capacity: bytes of the device at the last take (before the first:
 *	when tracking started).
 * @blk_count: number of blocks, and so of bytes in the map.
 * @generation_id: maps of another generation cannot be compared with this one.
 * @snap_number: number reported by the last take, 0 before the first.
 */
struct blk_snap_cbt_info {
	struct blk_snap_dev dev_id;
	__u32 blk_size;
	__u64 device_capacity;
	__u32 blk_count;
	struct blk_snap_uuid generation_id;
	__u8 snap_number;
};

/**
 * struct blk_snap_tracker_collect - argument of %IOCTL_BLK_SNAP_TRACKER_COLLECT.
 * @count: room in the array; on return the number of tracked devices.
 * @cbt_info_array: filled in order of first tracking; NULL asks for @count only.
 */
struct blk_snap_tracker_collect {
	__u32 count;
	struct blk_snap_cbt_info *cbt_info_array;
};

/**
 * IOCTL_BLK_SNAP_TRACKER_COLLECT - the tracked devices.
 *
 * Errors: ENOBUFS the array is too small, @count tells the number needed;
 * ENODATA the array cannot be written.
 */
#define IOCTL_BLK_SNAP_TRACKER_COLLECT \
	_IOW(BLK_SNAP, 2, struct blk_snap_tracker_collect)

/**
 * struct blk_snap_tracker_read_cbt_bitmap - argument of
 *	%IOCTL_BLK_SNAP_TRACKER_READ_CBT_MAP.
 * @dev_id: the tracked device.
 * @offset: first block wanted.
 * @length: number of blocks wanted.
 * @buff: takes one byte a block.
 */
struct blk_snap_tracker_read_cbt_bitmap {
	struct blk_snap_dev dev_id;
	__u32 offset;
	__u32 length;
	__u8 *buff;
};

/**
 * IOCTL_BLK_SNAP_TRACKER_READ_CBT_MAP - a piece of the map of the last take.
 *
 * Returns the number of bytes copied: @length, or less at the end of the map,
 * 0 at its very end. Errors: ENODEV not tracked; EPERM not in a snapshot that
 * has been taken; EINVAL @offset is beyond the end; ENODATA the buffer cannot
 * be written.
 */
#define IOCTL_BLK_SNAP_TRACKER_READ_CBT_MAP \
	_IOR(BLK_SNAP, 3, struct blk_snap_tracker_read_cbt_bitmap)

/**
 * struct blk_snap_tracker_mark_dirty_blocks - argument of
 *	%IOCTL_BLK_SNAP_TRACKER_MARK_DIRTY_BLOCKS.
 * @dev_id: a tracked device, or an image, which stands for its original.
 * @count: number of ranges.
 * @dirty_blocks_array: the ranges.
 */
struct blk_snap_tracker_mark_dirty_blocks {
	struct blk_snap_dev dev_id;
	__u32 count;
	struct blk_snap_block_range *dirty_blocks_array;
};

/**
 * IOCTL_BLK_SNAP_TRACKER_MARK_DIRTY_BLOCKS - declares blocks changed.
 *
 * They count as changed in the last take and in the running period. Applied as
 * a whole or not at all, unless the caller is being killed (EINTR). Errors:
 * ENODEV not tracked; EINVAL no ranges, or one
 * that is empty or reaches past the end; ENODATA the array cannot be read.
 */
#define IOCTL_BLK_SNAP_TRACKER_MARK_DIRTY_BLOCKS \
	_IOR(BLK_SNAP, 4, struct blk_snap_tracker_mark_dirty_blocks)

/**
 * struct blk_snap_snapshot_create - argument of %IOCTL_BLK_SNAP_SNAPSHOT_CREATE.
 * @count: number of devices.
 * @dev_id_array: the devices.
 * @id: on return the new snapshot's identity.
 */
struct blk_snap_snapshot_create {
	__u32 count;
	struct blk_snap_dev *dev_id_array;
	struct blk_snap_uuid id;
};

/**
 * IOCTL_BLK_SNAP_SNAPSHOT_CREATE - a new snapshot, not yet taken.
 *
 * Starts tracking the devices that are not tracked yet, and queues an event
 * that asks for storage. On failure it leaves no tracker that it made. Errors:
 * EINVAL no device, one twice, or one without sectors; EALREADY one is in another
 * snapshot; EOPNOTSUPP one cannot be filtered (the kernel log says why); ETIMEDOUT
 * I/O that was under way did not end; ENODATA the array cannot be read; ENODEV one
 * is being removed; EBUSY something else in the kernel holds the place where I/O is
 * seen, or storage of another snapshot lies above a device (the log tells); or what
 * opening a device answers.
 */
#define IOCTL_BLK_SNAP_SNAPSHOT_CREATE \
	_IOW(BLK_SNAP, 5, struct blk_snap_snapshot_create)

/**
 * struct blk_snap_snapshot_destroy - argument of
 *	%IOCTL_BLK_SNAP_SNAPSHOT_DESTROY.
 * @id: the snapshot.
 */
struct blk_snap_snapshot_destroy {
	struct blk_snap_uuid id;
};

/**
 * IOCTL_BLK_SNAP_SNAPSHOT_DESTROY - ends a snapshot in whatever state it is.
 *
 * Its images go away even when they are open or mounted: later I/O to them
 * fails with EIO. Trackers and maps stay. Errors: ENODEV no such snapshot.
 */
#define IOCTL_BLK_SNAP_SNAPSHOT_DESTROY \
	_IOR(BLK_SNAP, 6, struct blk_snap_snapshot_destroy)

/**
 * struct blk_snap_snapshot_append_storage - argument of
 *	%IOCTL_BLK_SNAP_SNAPSHOT_APPEND_STORAGE.
 * @id: the snapshot.
 * @dev_id: the device that the ranges lie on; it may be a snapshotted one.
 * @count: number of ranges.
 * @ranges: the ranges.
 */
struct blk_snap_snapshot_append_storage {
	struct blk_snap_uuid id;
	struct blk_snap_dev dev_id;
	__u32 count;
	struct blk_snap_block_range *ranges;
};

/**
 * IOCTL_BLK_SNAP_SNAPSHOT_APPEND_STORAGE - gives room for overwritten data.
 *
 * Each range is rounded inward to the copy unit (4 KiB or the device's logical
 * block if that is larger). The caller sees to it that nothing else uses the
 * ranges; SNAPSHOT_APPEND_FILE does that by itself. Errors: ESRCH no such
 * snapshot; EINVAL no ranges, one that is outside the device, not aligned to
 * its logical block size or overlapping storage already given, nothing left
 * after rounding, a device that lies above a snapshotted one, is an image, is
 * read-only or zoned, or has larger logical blocks than a device of the snapshot,
 * or the array cannot be read. Nothing is applied then.
 *
 * Room that is given after the take on a snapshotted device reads as zeros in
 * the image from then on, unless it is saved already. It must have been set
 * aside before the take, or else what it held at the take is lost.
 */
#define IOCTL_BLK_SNAP_SNAPSHOT_APPEND_STORAGE \
	_IOW(BLK_SNAP, 7, struct blk_snap_snapshot_append_storage)

/**
 * struct blk_snap_snapshot_take - argument of %IOCTL_BLK_SNAP_SNAPSHOT_TAKE.
 * @id: the snapshot.
 */
struct blk_snap_snapshot_take {
	struct blk_snap_uuid id;
};

/**
 * IOCTL_BLK_SNAP_SNAPSHOT_TAKE - freezes the devices at one instant.
 *
 * File systems directly on the devices are frozen meanwhile, those on stacked
 * devices above are not: freeze them before if the image is to be clean.
 * A failure after the checks destroys the snapshot. Errors: ESRCH no such
 * snapshot; EALREADY already taken; EFAULT no storage was given; ENODEV a
 * device has gone; EOPNOTSUPP one can no longer be filtered; ETIMEDOUT a file
 * system did not freeze, or I/O under way did not end, in time; EBUSY storage of
 * others that lies on the devices was given back again and again meanwhile; ENOSPC
 * no number is left for an image; EIO, or any other, is what a file system that
 * cannot be frozen says (the log tells of which), or the block layer of an image
 * that it does not take.
 */
#define IOCTL_BLK_SNAP_SNAPSHOT_TAKE \
	_IOR(BLK_SNAP, 8, struct blk_snap_snapshot_take)

/**
 * struct blk_snap_snapshot_collect - argument of
 *	%IOCTL_BLK_SNAP_SNAPSHOT_COLLECT.
 * @count: room in the array; on return the number of snapshots.
 * @ids: filled with their identities; NULL asks for @count only.
 */
struct blk_snap_snapshot_collect {
	__u32 count;
	struct blk_snap_uuid *ids;
};

/**
 * IOCTL_BLK_SNAP_SNAPSHOT_COLLECT - the snapshots, in order of creation.
 *
 * Errors: ENODATA the array is too small (@count tells the number needed) or
 * cannot be written.
 */
#define IOCTL_BLK_SNAP_SNAPSHOT_COLLECT \
	_IOW(BLK_SNAP, 9, struct blk_snap_snapshot_collect)

/**
 * struct blk_snap_image_info - an image and its original.
 * @orig_dev_id: the snapshotted device.
 * @image_dev_id: the device that shows it as it was.
 */
struct blk_snap_image_info {
	struct blk_snap_dev orig_dev_id;
	struct blk_snap_dev image_dev_id;
};

/**
 * struct blk_snap_snapshot_collect_images - argument of
 *	%IOCTL_BLK_SNAP_SNAPSHOT_COLLECT_IMAGES.
 * @id: the snapshot.
 * @count: room in the array; on return the number of devices.
 * @image_info_array: filled in the order of CREATE; NULL asks for @count only.
 */
struct blk_snap_snapshot_collect_images {
	struct blk_snap_uuid id;
	__u32 count;
	struct blk_snap_image_info *image_info_array;
};

/**
 * IOCTL_BLK_SNAP_SNAPSHOT_COLLECT_IMAGES - a snapshot's images.
 *
 * Errors: ESRCH no such snapshot; ENODEV not taken (@count is still told);
 * ENODATA the array is too small (@count tells the number needed) or cannot be
 * written.
 */
#define IOCTL_BLK_SNAP_SNAPSHOT_COLLECT_IMAGES \
	_IOW(BLK_SNAP, 10, struct blk_snap_snapshot_collect_images)

/**
 * enum blk_snap_event_codes - what an event says.
 * @blk_snap_event_code_low_free_space: storage is wanted, see
 *	struct blk_snap_event_low_free_space.
 * @blk_snap_event_code_corrupted: the snapshot can no longer be read, see
 *	struct blk_snap_event_corrupted.
 */
enum blk_snap_event_codes {
	blk_snap_event_code_low_free_space = 0,
	blk_snap_event_code_corrupted = 1,
};

/**
 * struct blk_snap_snapshot_event - argument of
 *	%IOCTL_BLK_SNAP_SNAPSHOT_WAIT_EVENT.
 * @id: the snapshot.
 * @timeout_ms: longest wait, in milliseconds.
 * @code: on return one of enum blk_snap_event_codes.
 * @time_label: on return when it happened, in monotonic nanoseconds.
 * @data: on return the event's own structure.
 */
struct blk_snap_snapshot_event {
	struct blk_snap_uuid id;
	__u32 timeout_ms;
	__u32 code;
	__s64 time_label;
	__u8 data[4096 - 32];
};

/**
 * IOCTL_BLK_SNAP_SNAPSHOT_WAIT_EVENT - takes the next event from the queue.
 *
 * First in, first out; each event goes to one waiter. Errors: ENOENT none in
 * time; EINTR a signal came; ESRCH no such snapshot, or it was destroyed
 * meanwhile.
 */
#define IOCTL_BLK_SNAP_SNAPSHOT_WAIT_EVENT \
	_IOW(BLK_SNAP, 11, struct blk_snap_snapshot_event)

/**
 * struct blk_snap_event_low_free_space - data of
 *	%blk_snap_event_code_low_free_space.
 * @requested_nr_sect: sectors to append.
 */
struct blk_snap_event_low_free_space {
	__u64 requested_nr_sect;
};

/**
 * struct blk_snap_event_corrupted - data of %blk_snap_event_code_corrupted.
 * @orig_dev_id: the device whose data could not be kept.
 * @err_code: positive errno; ENOSPC if the storage ran out, ETIMEDOUT if it made no
 *            progress, ENOMEDIUM if the device has another medium than at the take,
 *            EIO if the storage could not be written, ENOMEM if memory ran out.
 */
struct blk_snap_event_corrupted {
	struct blk_snap_dev orig_dev_id;
	__s32 err_code;
};

/*
 * Calls from number 64 on are this implementation's additions. Pointers are
 * 64 bits wide in them, the layout is the same for 32-bit programs, and flags
 * and reserved words must be zero (EINVAL otherwise).
 */

/**
 * struct blk_snap_snapshot_append_file - argument of
 *	%IOCTL_BLK_SNAP_SNAPSHOT_APPEND_FILE.
 * @id: the snapshot.
 * @fd: a regular file on ext4 or XFS, its blocks allocated and not shared.
 * @flags: 0.
 * @sector_count: on return the sectors of room that the file gave.
 * @reserved: 0.
 */
struct blk_snap_snapshot_append_file {
	struct blk_snap_uuid id;
	__s32 fd;
	__u32 flags;
	__u64 sector_count;
	__u64 reserved[4];
};

/**
 * IOCTL_BLK_SNAP_SNAPSHOT_APPEND_FILE - gives a file's blocks as storage.
 *
 * The module works out where the file lies and holds it until the snapshot is
 * destroyed: meanwhile it can be neither written, truncated nor moved, and its
 * file system not be unmounted, whatever becomes of the caller. An unlinked
 * file (O_TMPFILE) vanishes by itself with the snapshot. What the file system
 * reads from the file is unspecified afterwards. Errors: ESRCH no such
 * snapshot; EBADF @fd is not open for writing; EINVAL not a regular file, empty, no room
 * left after rounding, extents that are shared, inline, encoded or without blocks
 * yet, overlap with storage already given, a device that lies above a snapshotted
 * one or has larger logical blocks than a device of the snapshot, or flags or
 * reserved words not zero; EOPNOTSUPP another kind of file system, or
 * a file on its real-time device, or a DAX file; EBUSY the file is in use as
 * storage or swap, or mapped for writing.
 */
#define IOCTL_BLK_SNAP_SNAPSHOT_APPEND_FILE \
	_IOWR(BLK_SNAP, 64, struct blk_snap_snapshot_append_file)

/**
 * enum blk_snap_snapshot_state - where a snapshot is in its life.
 * @blk_snap_snapshot_state_new: created, not yet taken.
 * @blk_snap_snapshot_state_taken: taken, its images can be read.
 * @blk_snap_snapshot_state_corrupt: taken, but its images can be read no more.
 */
enum blk_snap_snapshot_state {
	blk_snap_snapshot_state_new = 0,
	blk_snap_snapshot_state_taken = 1,
	blk_snap_snapshot_state_corrupt = 2,
};

/**
 * struct blk_snap_info_image - a device of a snapshot.
 * @orig_dev_id: the device.
 * @image_dev_id: its image, 0:0 before the take.
 * @name: the image's name below /dev, empty before the take.
 * @capacity_sectors: sectors of the image; before the take, of the device.
 * @generation_id: the tracker's generation as of the take.
 * @snap_number: the take's number for this device, 0 before the take.
 * @flags: 0.
 * @copied_bytes: what was read from the device to be saved.
 * @held_writes: how often a write to the device had to wait for a copy.
 * @waiting_writes: how many are waiting now.
 * @reserved: 0.
 */
struct blk_snap_info_image {
	struct blk_snap_dev orig_dev_id;
	struct blk_snap_dev image_dev_id;
	char name[32];
	__u64 capacity_sectors;
	struct blk_snap_uuid generation_id;
	__u32 snap_number;
	__u32 flags;
	__u64 copied_bytes;
	__u64 held_writes;
	__u64 waiting_writes;
	__u64 reserved[5];
};

/**
 * struct blk_snap_info_range - a piece of a snapshot's storage.
 * @dev_id: the device that it lies on.
 * @sector_offset: first sector, after rounding inward to the copy unit.
 * @sector_count: number of sectors.
 */
struct blk_snap_info_range {
	struct blk_snap_dev dev_id;
	__u64 sector_offset;
	__u64 sector_count;
};

/**
 * struct blk_snap_snapshot_info - argument of %IOCTL_BLK_SNAP_SNAPSHOT_INFO.
 * @id: the snapshot.
 * @flags: 0.
 * @state: on return one of enum blk_snap_snapshot_state.
 * @error: on return the positive errno that made it corrupt, else 0.
 * @image_count: room at @images; on return the number of devices.
 * @range_count: room at @ranges; on return the number of storage ranges.
 * @storage_timeout_ms: on return how long a write may wait for storage that
 *	makes no progress, in milliseconds.
 * @images: address of an array of struct blk_snap_info_image, or 0.
 * @ranges: address of an array of struct blk_snap_info_range, or 0.
 * @storage_sectors: on return the storage supplied.
 * @storage_used_sectors: on return how much of it is in use.
 * @storage_free_sectors: on return how much of it is not.
 * @storage_portion_sectors: on return how much an event asks for at a time; it
 *	comes when no more than half of that is free.
 * @memory_bytes: on return saved data that has not reached the storage yet.
 * @memory_limit_bytes: on return the most that this may become.
 * @copied_bytes: on return what was read from the devices to be saved.
 * @stored_bytes: on return what was written to the storage.
 * @held_writes: on return how often a write had to wait for a copy.
 * @waiting_writes: on return how many are waiting now.
 * @reserved: 0.
 *
 * An array is filled as far as there is room; compare the counts. Numbers that
 * go on changing are each exact, but not all of one instant. Those of copies and
 * writes are sums over the devices, whose own are in @images.
 */
struct blk_snap_snapshot_info {
	struct blk_snap_uuid id;
	__u32 flags;
	__u32 state;
	__s32 error;
	__u32 image_count;
	__u32 range_count;
	__u32 storage_timeout_ms;
	__u64 images;
	__u64 ranges;
	__u64 storage_sectors;
	__u64 storage_used_sectors;
	__u64 storage_free_sectors;
	__u64 storage_portion_sectors;
	__u64 memory_bytes;
	__u64 memory_limit_bytes;
	__u64 copied_bytes;
	__u64 stored_bytes;
	__u64 held_writes;
	__u64 waiting_writes;
	__u64 reserved[8];
};

/**
 * IOCTL_BLK_SNAP_SNAPSHOT_INFO - the state of a snapshot.
 *
 * Errors: ESRCH no such snapshot; EINVAL flags or reserved words not zero;
 * EFAULT an array cannot be written.
 */
#define IOCTL_BLK_SNAP_SNAPSHOT_INFO \
	_IOWR(BLK_SNAP, 65, struct blk_snap_snapshot_info)

/**
 * struct blk_snap_tracker_changed_ranges - argument of
 *	%IOCTL_BLK_SNAP_TRACKER_CHANGED_RANGES.
 * @dev_id: the tracked device.
 * @generation_id: its tracking generation at the earlier take.
 * @since: the number that the earlier take reported.
 * @flags: 0.
 * @sector: first sector to look at; on return the one to go on from, the end of
 *	the device (@capacity_sectors) when there is no more.
 * @ranges: address of an array of struct blk_snap_block_range.
 * @count: room in it, in ranges; on return how many were filled, maybe none.
 * @snap_number: on return the number of the take whose state this is.
 * @capacity_sectors: on return sectors of the device at that take.
 * @reserved: 0.
 */
struct blk_snap_tracker_changed_ranges {
	struct blk_snap_dev dev_id;
	struct blk_snap_uuid generation_id;
	__u32 since;
	__u32 flags;
	__u64 sector;
	__u64 ranges;
	__u32 count;
	__u32 snap_number;
	__u64 capacity_sectors;
	__u64 reserved[4];
};

/**
 * IOCTL_BLK_SNAP_TRACKER_CHANGED_RANGES - what changed since an earlier take.
 *
 * The same knowledge as in the map of TRACKER_READ_CBT_MAP, as ranges of
 * sectors: what differs between the earlier take and the last one, and what was
 * declared or written to the image since. They ascend and do not overlap; one
 * that goes on where a full array ended is continued in the next call. Call with
 * @sector 0 first, then with what was returned, until that is
 * @capacity_sectors. Errors: ENODEV not tracked; EPERM not in a snapshot that has
 * been taken; ESTALE @generation_id is another one, @since is greater than the
 * number of the last take, or a take came in between: everything may have
 * changed, take it all; EINVAL @sector is beyond the end, @count is 0, or flags or
 * reserved words are not zero; EFAULT the array cannot be written; EINTR the
 * caller is being killed.
 */
#define IOCTL_BLK_SNAP_TRACKER_CHANGED_RANGES \
	_IOWR(BLK_SNAP, 66, struct blk_snap_tracker_changed_ranges)

/**
 * struct blk_snap_snapshot_set_limits - argument of
 *	%IOCTL_BLK_SNAP_SNAPSHOT_SET_LIMITS. A 0 leaves a limit as it is.
 * @id: the snapshot.
 * @flags: 0.
 * @storage_timeout_ms: how long a write may wait for storage that makes no
 *	progress until the snapshot is given up; from 100 to 3600000.
 * @memory_limit_bytes: most bytes of saved data in memory, on its way to the
 *	storage or waiting for more of it; from 1 MiB to 64 GiB.
 * @storage_portion_sectors: how much storage an event asks for at a time; from
 *	2048 to 2147483648.
 * @reserved: 0.
 */
struct blk_snap_snapshot_set_limits {
	struct blk_snap_uuid id;
	__u32 flags;
	__u32 storage_timeout_ms;
	__u64 memory_limit_bytes;
	__u64 storage_portion_sectors;
	__u64 reserved[6];
};

/**
 * IOCTL_BLK_SNAP_SNAPSHOT_SET_LIMITS - what one snapshot may use.
 *
 * At CREATE a snapshot gets the limits that the module's parameters
 * (storage_timeout_ms, memory_budget_mb, diff_storage_minimum) say at that time.
 * This changes them for this snapshot, all or none, until it is taken; whoever
 * holds writes relies on them from then on. SNAPSHOT_INFO tells what they are.
 * The first event, which CREATE has queued, goes on asking for what the parameter
 * said. Errors: ESRCH no such snapshot; EALREADY it has been taken; EINVAL a
 * limit is out of its bounds, or flags or reserved words are not zero.
 */
#define IOCTL_BLK_SNAP_SNAPSHOT_SET_LIMITS \
	_IOW(BLK_SNAP, 67, struct blk_snap_snapshot_set_limits)

/**
 * enum blk_snap_tracker_state - a tracked device's part in a snapshot.
 * @blk_snap_tracker_state_idle: it is in none.
 * @blk_snap_tracker_state_claimed: in one that is not taken yet.
 * @blk_snap_tracker_state_taken: in one that has been taken.
 */
enum blk_snap_tracker_state {
	blk_snap_tracker_state_idle = 0,
	blk_snap_tracker_state_claimed = 1,
	blk_snap_tracker_state_taken = 2,
};

/**
 * enum blk_snap_generation_reason - why a tracking generation began.
 * @blk_snap_generation_reason_new: tracking started.
 * @blk_snap_generation_reason_resized: the device got another capacity.
 * @blk_snap_generation_reason_wrapped: numbers end at 254.
 * @blk_snap_generation_reason_beyond: a write went beyond the capacity that was
 *	known.
 * @blk_snap_generation_reason_medium: the device got other contents by other
 *	means than writes: another medium, another file behind a loop device.
 * @blk_snap_generation_reason_storage: storage of a snapshot was on a device
 *	above, and went by unseen.
 */
enum blk_snap_generation_reason {
	blk_snap_generation_reason_new = 0,
	blk_snap_generation_reason_resized = 1,
	blk_snap_generation_reason_wrapped = 2,
	blk_snap_generation_reason_beyond = 3,
	blk_snap_generation_reason_medium = 4,
	blk_snap_generation_reason_storage = 5,
};

/**
 * struct blk_snap_tracker_info - argument of %IOCTL_BLK_SNAP_TRACKER_INFO.
 * @dev_id: the tracked device.
 * @flags: 0.
 * @state: on return one of enum blk_snap_tracker_state.
 * @generation_id: on return the tracking generation as of the last take.
 * @generation_reason: on return one of enum blk_snap_generation_reason: why it
 *	is not the one before.
 * @snap_number: on return the number reported by the last take, 0 before the
 *	first.
 * @snapshot_id: on return the snapshot that the device is in, zeros if in none.
 * @block_size: on return bytes a block of the map stands for.
 * @block_count: on return number of blocks.
 * @capacity_sectors: on return sectors of the device at the last take (before
 *	the first: when tracking started).
 * @tracked_since_boottime_ns: on return when tracking started, in nanoseconds of
 *	CLOCK_BOOTTIME.
 * @tracked_since_realtime_ns: on return the same, as CLOCK_REALTIME was then.
 * @changed_blocks: on return blocks that changed since the last take.
 * @changed_blocks_last: on return blocks that changed between the last take and
 *	the one before it: what an increment holds.
 * @changed_blocks_generation: on return blocks that changed in this generation.
 * @seen_writes: on return operations that were about to change the device, since
 *	it is tracked.
 * @held_writes: on return how often one had to wait for a copy, since then.
 * @waiting_writes: on return how many are waiting now.
 * @copied_bytes: on return what was read to be saved, since it is tracked.
 * @reserved: 0.
 */
struct blk_snap_tracker_info {
	struct blk_snap_dev dev_id;
	__u32 flags;
	__u32 state;
	struct blk_snap_uuid generation_id;
	__u32 generation_reason;
	__u32 snap_number;
	struct blk_snap_uuid snapshot_id;
	__u32 block_size;
	__u32 block_count;
	__u64 capacity_sectors;
	__u64 tracked_since_boottime_ns;
	__u64 tracked_since_realtime_ns;
	__u64 changed_blocks;
	__u64 changed_blocks_last;
	__u64 changed_blocks_generation;
	__u64 seen_writes;
	__u64 held_writes;
	__u64 waiting_writes;
	__u64 copied_bytes;
	__u64 reserved[8];
};

/**
 * IOCTL_BLK_SNAP_TRACKER_INFO - what is known of one tracked device.
 *
 * The blocks are counted for the call, which takes the longer the larger the map
 * is. The same is in /sys/class/blksnap. Errors: ENODEV not tracked; EINVAL flags
 * or reserved words not zero.
 */
#define IOCTL_BLK_SNAP_TRACKER_INFO \
	_IOWR(BLK_SNAP, 68, struct blk_snap_tracker_info)

#endif /* _UAPI_LINUX_BLKSNAP_H */
