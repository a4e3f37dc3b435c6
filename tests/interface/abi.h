/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * abi: the interface as programs in the field were compiled with it.
 *
 * Written down a second time on purpose, from the published numbers and not from
 * include/uapi/linux/blksnap.h: a change there that breaks programs must not
 * change what is tested. The numbers are literals for the same reason.
 */
#ifndef ABI_H
#define ABI_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define IS_64BIT	(sizeof(void *) == 8)

/* Number of a call on LP64, and on i386. */
#define NUMBER(lp64, i386)	(IS_64BIT ? (lp64) : (i386))

#define ABI_VERSION		0x40085600u
#define ABI_TRACKER_REMOVE	0x40085601u
#define ABI_TRACKER_COLLECT	NUMBER(0x40105602u, 0x40085602u)
#define ABI_READ_CBT_MAP	NUMBER(0x80185603u, 0x80145603u)
#define ABI_MARK_DIRTY		NUMBER(0x80185604u, 0x80105604u)
#define ABI_CREATE		NUMBER(0x40205605u, 0x40185605u)
#define ABI_DESTROY		0x80105606u
#define ABI_APPEND_STORAGE	NUMBER(0x40285607u, 0x40205607u)
#define ABI_TAKE		0x80105608u
#define ABI_COLLECT		NUMBER(0x40105609u, 0x40085609u)
#define ABI_COLLECT_IMAGES	NUMBER(0x4020560au, 0x4018560au)
#define ABI_WAIT_EVENT		0x5000560bu
#define ABI_APPEND_FILE		0xc0405640u
#define ABI_INFO		0xc0c85641u
#define ABI_CHANGED_RANGES	0xc0605642u
#define ABI_SET_LIMITS		0x40585643u
#define ABI_TRACKER_INFO	0xc0d05644u

struct abi_version {
	uint16_t major, minor, revision, build;
};

struct abi_dev {
	uint32_t mj, mn;
};

struct abi_uuid {
	uint8_t b[16];
};

struct abi_range {
	uint64_t offset, count;
};

struct abi_tracker_remove {
	struct abi_dev dev;
};

struct abi_cbt_info {
	struct abi_dev dev;
	uint32_t blk_size;
	uint64_t capacity;
	uint32_t blk_count;
	struct abi_uuid generation;
	uint8_t snap_number;
};

struct abi_tracker_collect {
	uint32_t count;
	struct abi_cbt_info *array;
};

struct abi_read_map {
	struct abi_dev dev;
	uint32_t offset, length;
	uint8_t *buff;
};

struct abi_mark_dirty {
	struct abi_dev dev;
	uint32_t count;
	struct abi_range *array;
};

struct abi_create {
	uint32_t count;
	struct abi_dev *array;
	struct abi_uuid id;
};

struct abi_id {			/* destroy, take */
	struct abi_uuid id;
};

struct abi_append_storage {
	struct abi_uuid id;
	struct abi_dev dev;
	uint32_t count;
	struct abi_range *ranges;
};

struct abi_collect {
	uint32_t count;
	struct abi_uuid *ids;
};

struct abi_image_info {
	struct abi_dev origin, image;
};

struct abi_collect_images {
	struct abi_uuid id;
	uint32_t count;
	struct abi_image_info *array;
};

struct abi_event {
	struct abi_uuid id;
	uint32_t timeout_ms, code;
	int64_t time_label;
	uint8_t data[4096 - 32];
};

enum { EVENT_LOW_FREE_SPACE, EVENT_CORRUPTED };

struct abi_low_free_space {
	uint64_t requested;
};

struct abi_corrupted {
	struct abi_dev origin;
	int32_t error;
};

/* From here on the implementation's own: one layout for all programs. */

struct abi_append_file {
	struct abi_uuid id;
	int32_t fd;
	uint32_t flags;
	uint64_t sectors;
	uint64_t reserved[4];
};

struct abi_info_image {
	struct abi_dev origin, image;
	char name[32];
	uint64_t capacity;
	struct abi_uuid generation;
	uint32_t snap_number, flags;
	uint64_t copied, held, waiting;
	uint64_t reserved[5];
};

struct abi_info_range {
	struct abi_dev dev;
	uint64_t offset, count;
};

enum { STATE_NEW, STATE_TAKEN, STATE_CORRUPT };

struct abi_info {
	struct abi_uuid id;
	uint32_t flags, state;
	int32_t error;
	uint32_t image_count, range_count, timeout_ms;
	uint64_t images, ranges;
	uint64_t storage, used, free, portion, memory, memory_limit, copied, stored;
	uint64_t held, waiting;
	uint64_t reserved[8];
};

struct abi_changed_ranges {
	struct abi_dev dev;
	struct abi_uuid generation;
	uint32_t since, flags;
	uint64_t sector, ranges;
	uint32_t count, snap_number;
	uint64_t capacity;
	uint64_t reserved[4];
};

struct abi_set_limits {
	struct abi_uuid id;
	uint32_t flags, timeout_ms;
	uint64_t memory, portion;
	uint64_t reserved[6];
};

enum { TRACKER_IDLE, TRACKER_CLAIMED, TRACKER_TAKEN };
enum {
	REASON_NEW, REASON_RESIZED, REASON_WRAPPED, REASON_BEYOND, REASON_MEDIUM,
	REASON_STORAGE,
};

struct abi_tracker_info {
	struct abi_dev dev;
	uint32_t flags, state;
	struct abi_uuid generation;
	uint32_t reason, snap_number;
	struct abi_uuid snapshot;
	uint32_t blk_size, blk_count;
	uint64_t capacity, since_boottime, since_realtime;
	uint64_t changed, changed_last, changed_generation;
	uint64_t seen, held, waiting, copied;
	uint64_t reserved[8];
};

#define LAYOUT(type, lp64, i386)						\
	static_assert(sizeof(struct type) == NUMBER(lp64, i386), #type)
#define PLACE(type, member, lp64, i386)						\
	static_assert(offsetof(struct type, member) == NUMBER(lp64, i386),	\
		      #type "." #member)

LAYOUT(abi_version, 8, 8);
LAYOUT(abi_dev, 8, 8);
LAYOUT(abi_uuid, 16, 16);
LAYOUT(abi_range, 16, 16);
LAYOUT(abi_tracker_remove, 8, 8);
LAYOUT(abi_cbt_info, 48, 44);
PLACE(abi_cbt_info, capacity, 16, 12);
PLACE(abi_cbt_info, blk_count, 24, 20);
PLACE(abi_cbt_info, generation, 28, 24);
PLACE(abi_cbt_info, snap_number, 44, 40);
LAYOUT(abi_tracker_collect, 16, 8);
LAYOUT(abi_read_map, 24, 20);
LAYOUT(abi_mark_dirty, 24, 16);
LAYOUT(abi_create, 32, 24);
PLACE(abi_create, id, 16, 8);
LAYOUT(abi_id, 16, 16);
LAYOUT(abi_append_storage, 40, 32);
PLACE(abi_append_storage, ranges, 32, 28);
LAYOUT(abi_collect, 16, 8);
LAYOUT(abi_image_info, 16, 16);
LAYOUT(abi_collect_images, 32, 24);
PLACE(abi_collect_images, array, 24, 20);
LAYOUT(abi_event, 4096, 4096);
PLACE(abi_event, time_label, 24, 24);
PLACE(abi_event, data, 32, 32);
LAYOUT(abi_low_free_space, 8, 8);
LAYOUT(abi_corrupted, 12, 12);
LAYOUT(abi_append_file, 64, 64);
LAYOUT(abi_info_image, 144, 144);
LAYOUT(abi_info_range, 24, 24);
LAYOUT(abi_info, 200, 200);
LAYOUT(abi_changed_ranges, 96, 96);
PLACE(abi_changed_ranges, sector, 32, 32);
PLACE(abi_changed_ranges, capacity, 56, 56);
LAYOUT(abi_set_limits, 88, 88);
PLACE(abi_set_limits, memory, 24, 24);
LAYOUT(abi_tracker_info, 208, 208);
PLACE(abi_tracker_info, snapshot, 40, 40);
PLACE(abi_tracker_info, capacity, 64, 64);
PLACE(abi_tracker_info, copied, 136, 136);

#endif /* ABI_H */
