// SPDX-License-Identifier: GPL-2.0-only
/*
 * header: include/uapi/linux/blksnap.h says what programs were compiled with.
 */
#include <stddef.h>
#include <string.h>

#include <linux/blksnap.h>

#include "abi.h"
#include "facts.h"
#include "groups.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *name;
	unsigned long ours, theirs;
} numbers[] = {
#define CALL(name, theirs)	{ "IOCTL_BLK_SNAP_" #name, IOCTL_BLK_SNAP_##name, theirs }
	CALL(VERSION, ABI_VERSION),
	CALL(TRACKER_REMOVE, ABI_TRACKER_REMOVE),
	CALL(TRACKER_COLLECT, ABI_TRACKER_COLLECT),
	CALL(TRACKER_READ_CBT_MAP, ABI_READ_CBT_MAP),
	CALL(TRACKER_MARK_DIRTY_BLOCKS, ABI_MARK_DIRTY),
	CALL(SNAPSHOT_CREATE, ABI_CREATE),
	CALL(SNAPSHOT_DESTROY, ABI_DESTROY),
	CALL(SNAPSHOT_APPEND_STORAGE, ABI_APPEND_STORAGE),
	CALL(SNAPSHOT_TAKE, ABI_TAKE),
	CALL(SNAPSHOT_COLLECT, ABI_COLLECT),
	CALL(SNAPSHOT_COLLECT_IMAGES, ABI_COLLECT_IMAGES),
	CALL(SNAPSHOT_WAIT_EVENT, ABI_WAIT_EVENT),
	CALL(SNAPSHOT_APPEND_FILE, ABI_APPEND_FILE),
	CALL(SNAPSHOT_INFO, ABI_INFO),
#undef CALL
	{ "blk_snap_event_code_low_free_space",
	  blk_snap_event_code_low_free_space, EVENT_LOW_FREE_SPACE },
	{ "blk_snap_event_code_corrupted", blk_snap_event_code_corrupted, EVENT_CORRUPTED },
	{ "blk_snap_snapshot_state_new", blk_snap_snapshot_state_new, STATE_NEW },
	{ "blk_snap_snapshot_state_taken", blk_snap_snapshot_state_taken, STATE_TAKEN },
	{ "blk_snap_snapshot_state_corrupt", blk_snap_snapshot_state_corrupt, STATE_CORRUPT },
	{ "BLK_SNAP", BLK_SNAP, 0x56 },
};

/* A structure or a member of one: where it begins, and how long it is. */
static const struct {
	const char *name;
	size_t at, size, abi_at, abi_size;
} places[] = {
#define WHOLE(ours, abi)							\
	{ "struct blk_snap_" #ours, 0, sizeof(struct blk_snap_##ours),		\
	  0, sizeof(struct abi_##abi) }
#define MEMBER(ours, field, abi, abi_field)					\
	{ "struct blk_snap_" #ours "." #field,					\
	  offsetof(struct blk_snap_##ours, field),				\
	  sizeof(((struct blk_snap_##ours *)0)->field),				\
	  offsetof(struct abi_##abi, abi_field),				\
	  sizeof(((struct abi_##abi *)0)->abi_field) }
	WHOLE(version, version),
	MEMBER(version, major, version, major),
	MEMBER(version, minor, version, minor),
	MEMBER(version, revision, version, revision),
	MEMBER(version, build, version, build),
	WHOLE(dev, dev),
	MEMBER(dev, mj, dev, mj),
	MEMBER(dev, mn, dev, mn),
	WHOLE(uuid, uuid),
	WHOLE(block_range, range),
	MEMBER(block_range, sector_offset, range, offset),
	MEMBER(block_range, sector_count, range, count),
	WHOLE(tracker_remove, tracker_remove),
	MEMBER(tracker_remove, dev_id, tracker_remove, dev),
	WHOLE(cbt_info, cbt_info),
	MEMBER(cbt_info, dev_id, cbt_info, dev),
	MEMBER(cbt_info, blk_size, cbt_info, blk_size),
	MEMBER(cbt_info, device_capacity, cbt_info, capacity),
	MEMBER(cbt_info, blk_count, cbt_info, blk_count),
	MEMBER(cbt_info, generation_id, cbt_info, generation),
	MEMBER(cbt_info, snap_number, cbt_info, snap_number),
	WHOLE(tracker_collect, tracker_collect),
	MEMBER(tracker_collect, count, tracker_collect, count),
	MEMBER(tracker_collect, cbt_info_array, tracker_collect, array),
	WHOLE(tracker_read_cbt_bitmap, read_map),
	MEMBER(tracker_read_cbt_bitmap, dev_id, read_map, dev),
	MEMBER(tracker_read_cbt_bitmap, offset, read_map, offset),
	MEMBER(tracker_read_cbt_bitmap, length, read_map, length),
	MEMBER(tracker_read_cbt_bitmap, buff, read_map, buff),
	WHOLE(tracker_mark_dirty_blocks, mark_dirty),
	MEMBER(tracker_mark_dirty_blocks, dev_id, mark_dirty, dev),
	MEMBER(tracker_mark_dirty_blocks, count, mark_dirty, count),
	MEMBER(tracker_mark_dirty_blocks, dirty_blocks_array, mark_dirty, array),
	WHOLE(snapshot_create, create),
	MEMBER(snapshot_create, count, create, count),
	MEMBER(snapshot_create, dev_id_array, create, array),
	MEMBER(snapshot_create, id, create, id),
	WHOLE(snapshot_destroy, id),
	WHOLE(snapshot_take, id),
	WHOLE(snapshot_append_storage, append_storage),
	MEMBER(snapshot_append_storage, id, append_storage, id),
	MEMBER(snapshot_append_storage, dev_id, append_storage, dev),
	MEMBER(snapshot_append_storage, count, append_storage, count),
	MEMBER(snapshot_append_storage, ranges, append_storage, ranges),
	WHOLE(snapshot_collect, collect),
	MEMBER(snapshot_collect, count, collect, count),
	MEMBER(snapshot_collect, ids, collect, ids),
	WHOLE(image_info, image_info),
	MEMBER(image_info, orig_dev_id, image_info, origin),
	MEMBER(image_info, image_dev_id, image_info, image),
	WHOLE(snapshot_collect_images, collect_images),
	MEMBER(snapshot_collect_images, id, collect_images, id),
	MEMBER(snapshot_collect_images, count, collect_images, count),
	MEMBER(snapshot_collect_images, image_info_array, collect_images, array),
	WHOLE(snapshot_event, event),
	MEMBER(snapshot_event, id, event, id),
	MEMBER(snapshot_event, timeout_ms, event, timeout_ms),
	MEMBER(snapshot_event, code, event, code),
	MEMBER(snapshot_event, time_label, event, time_label),
	MEMBER(snapshot_event, data, event, data),
	WHOLE(event_low_free_space, low_free_space),
	WHOLE(event_corrupted, corrupted),
	MEMBER(event_corrupted, orig_dev_id, corrupted, origin),
	MEMBER(event_corrupted, err_code, corrupted, error),
	WHOLE(snapshot_append_file, append_file),
	MEMBER(snapshot_append_file, id, append_file, id),
	MEMBER(snapshot_append_file, fd, append_file, fd),
	MEMBER(snapshot_append_file, flags, append_file, flags),
	MEMBER(snapshot_append_file, sector_count, append_file, sectors),
	MEMBER(snapshot_append_file, reserved, append_file, reserved),
	WHOLE(info_image, info_image),
	MEMBER(info_image, orig_dev_id, info_image, origin),
	MEMBER(info_image, image_dev_id, info_image, image),
	MEMBER(info_image, name, info_image, name),
	MEMBER(info_image, capacity_sectors, info_image, capacity),
	MEMBER(info_image, generation_id, info_image, generation),
	MEMBER(info_image, snap_number, info_image, snap_number),
	MEMBER(info_image, flags, info_image, flags),
	MEMBER(info_image, copied_bytes, info_image, copied),
	MEMBER(info_image, held_writes, info_image, held),
	MEMBER(info_image, waiting_writes, info_image, waiting),
	MEMBER(info_image, reserved, info_image, reserved),
	WHOLE(info_range, info_range),
	MEMBER(info_range, dev_id, info_range, dev),
	MEMBER(info_range, sector_offset, info_range, offset),
	MEMBER(info_range, sector_count, info_range, count),
	WHOLE(snapshot_info, info),
	MEMBER(snapshot_info, id, info, id),
	MEMBER(snapshot_info, flags, info, flags),
	MEMBER(snapshot_info, state, info, state),
	MEMBER(snapshot_info, error, info, error),
	MEMBER(snapshot_info, image_count, info, image_count),
	MEMBER(snapshot_info, range_count, info, range_count),
	MEMBER(snapshot_info, storage_timeout_ms, info, timeout_ms),
	MEMBER(snapshot_info, images, info, images),
	MEMBER(snapshot_info, ranges, info, ranges),
	MEMBER(snapshot_info, storage_sectors, info, storage),
	MEMBER(snapshot_info, storage_used_sectors, info, used),
	MEMBER(snapshot_info, storage_free_sectors, info, free),
	MEMBER(snapshot_info, storage_portion_sectors, info, portion),
	MEMBER(snapshot_info, memory_bytes, info, memory),
	MEMBER(snapshot_info, memory_limit_bytes, info, memory_limit),
	MEMBER(snapshot_info, copied_bytes, info, copied),
	MEMBER(snapshot_info, stored_bytes, info, stored),
	MEMBER(snapshot_info, held_writes, info, held),
	MEMBER(snapshot_info, waiting_writes, info, waiting),
	MEMBER(snapshot_info, reserved, info, reserved),
};

void facts_of_header(void)
{
	size_t i;

	about("linux/blksnap.h");
	for (i = 0; i < COUNT(numbers); i++)
		fact(numbers[i].ours == numbers[i].theirs, "%s is %#lx",
		     numbers[i].name, numbers[i].theirs);
	for (i = 0; i < COUNT(places); i++)
		fact(places[i].at == places[i].abi_at &&
		     places[i].size == places[i].abi_size,
		     "%s has %zu bytes from byte %zu on", places[i].name,
		     places[i].abi_size, places[i].abi_at);
	fact(!strcmp(BLK_SNAP_CTL, "blksnap") &&
	     !strcmp(BLK_SNAP_IMAGE_NAME, "blksnap-image"),
	     "the names are blksnap and blksnap-image");
}
