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
	CALL(TRACKER_CHANGED_RANGES, ABI_CHANGED_RANGES),
	CALL(SNAPSHOT_SET_LIMITS, ABI_SET_LIMITS),
	CALL(TRACKER_INFO, ABI_TRACKER_INFO),
#undef CALL
	{ "blk_snap_event_code_low_free_space",
	  blk_snap_event_code_low_free_space, EVENT_LOW_FREE_SPACE },
	{ "blk_snap_event_code_corrupted", blk_snap_event_code_corrupted, EVENT_CORRUPTED },
	{ "blk_snap_snapshot_state_new", blk_snap_snapshot_state_new, STATE_NEW },
	{ "blk_snap_snapshot_state_taken", blk_snap_snapshot_state_taken, STATE_TAKEN },
	{ "blk_snap_snapshot_state_corrupt", blk_snap_snapshot_state_corrupt, STATE_CORRUPT },
#define NAMED(name, theirs)	{ "blk_snap_" #name, blk_snap_##name, theirs }
	NAMED(tracker_state_idle, TRACKER_IDLE),
	NAMED(tracker_state_claimed, TRACKER_CLAIMED),
	NAMED(tracker_state_taken, TRACKER_TAKEN),
	NAMED(generation_reason_new, REASON_NEW),
	NAMED(generation_reason_resized, REASON_RESIZED),
	NAMED(generation_reason_wrapped, REASON_WRAPPED),
	NAMED(generation_reason_beyond, REASON_BEYOND),
	NAMED(generation_reason_medium, REASON_MEDIUM),
	NAMED(generation_reason_storage, REASON_STORAGE),
#undef NAMED
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
	WHOLE(tracker_changed_ranges, changed_ranges),
	MEMBER(tracker_changed_ranges, dev_id, changed_ranges, dev),
	MEMBER(tracker_changed_ranges, generation_id, changed_ranges, generation),
	MEMBER(tracker_changed_ranges, since, changed_ranges, since),
	MEMBER(tracker_changed_ranges, flags, changed_ranges, flags),
	MEMBER(tracker_changed_ranges, sector, changed_ranges, sector),
	MEMBER(tracker_changed_ranges, ranges, changed_ranges, ranges),
	MEMBER(tracker_changed_ranges, count, changed_ranges, count),
	MEMBER(tracker_changed_ranges, snap_number, changed_ranges, snap_number),
	MEMBER(tracker_changed_ranges, capacity_sectors, changed_ranges, capacity),
	MEMBER(tracker_changed_ranges, reserved, changed_ranges, reserved),
	WHOLE(snapshot_set_limits, set_limits),
	MEMBER(snapshot_set_limits, id, set_limits, id),
	MEMBER(snapshot_set_limits, flags, set_limits, flags),
	MEMBER(snapshot_set_limits, storage_timeout_ms, set_limits, timeout_ms),
	MEMBER(snapshot_set_limits, memory_limit_bytes, set_limits, memory),
	MEMBER(snapshot_set_limits, storage_portion_sectors, set_limits, portion),
	MEMBER(snapshot_set_limits, reserved, set_limits, reserved),
	WHOLE(tracker_info, tracker_info),
	MEMBER(tracker_info, dev_id, tracker_info, dev),
	MEMBER(tracker_info, flags, tracker_info, flags),
	MEMBER(tracker_info, state, tracker_info, state),
	MEMBER(tracker_info, generation_id, tracker_info, generation),
	MEMBER(tracker_info, generation_reason, tracker_info, reason),
	MEMBER(tracker_info, snap_number, tracker_info, snap_number),
	MEMBER(tracker_info, snapshot_id, tracker_info, snapshot),
	MEMBER(tracker_info, block_size, tracker_info, blk_size),
	MEMBER(tracker_info, block_count, tracker_info, blk_count),
	MEMBER(tracker_info, capacity_sectors, tracker_info, capacity),
	MEMBER(tracker_info, tracked_since_boottime_ns, tracker_info, since_boottime),
	MEMBER(tracker_info, tracked_since_realtime_ns, tracker_info, since_realtime),
	MEMBER(tracker_info, changed_blocks, tracker_info, changed),
	MEMBER(tracker_info, changed_blocks_last, tracker_info, changed_last),
	MEMBER(tracker_info, changed_blocks_generation, tracker_info, changed_generation),
	MEMBER(tracker_info, seen_writes, tracker_info, seen),
	MEMBER(tracker_info, held_writes, tracker_info, held),
	MEMBER(tracker_info, waiting_writes, tracker_info, waiting),
	MEMBER(tracker_info, copied_bytes, tracker_info, copied),
	MEMBER(tracker_info, reserved, tracker_info, reserved),
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
