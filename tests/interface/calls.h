/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * calls: the calls of the interface as functions, by bare ioctl(2), and what a
 * test needs around them.
 *
 * A function that makes one call returns what ioctl(2) returned, or the negative
 * errno. Those called new_… and the like need to succeed; if they do not the
 * program ends.
 */
#ifndef CALLS_H
#define CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

struct device {
	const char *path;
	struct abi_dev dev;
	uint64_t sectors;
};

/* The devices and files that the case has made; cases/ says what they are. */
struct setting {
	struct device a, b;		/* originals, alike */
	struct device plain;		/* stays untracked */
	struct device storage;
	struct device large;		/* logical blocks of 4096 bytes */
	struct device above;		/* device-mapper, over all of b */
	struct device striped;		/* device-mapper, has an optimal I/O size */
	struct device slow;		/* device-mapper, writes take long */
	struct device going[2];		/* device-mapper, to be removed */
	struct device zoned;
	struct device zram;		/* holds a swap signature */
	struct device kept;		/* see keep_hooks() */
	const char *ext4, *xfs;		/* directories there */
	const char *memory;		/* a directory on tmpfs */
};

extern struct setting on;
extern int node;			/* the control node, open */

#define NO_DEVICE	((struct abi_dev){ 4095, 77 })
#define NO_SNAPSHOT	((struct abi_uuid){ { 0 } })
#define EVERYTHING	UINT32_MAX
#define FOR_EVER	UINT32_MAX

long call(unsigned long number, void *arg);

long tracker_remove(struct abi_dev dev);
/* @count is in and out. */
long tracker_collect(uint32_t *count, void *array);
long read_map(struct abi_dev dev, uint32_t offset, uint32_t length, void *to);
long mark_dirty(struct abi_dev dev, const void *ranges, uint32_t count);
long mark_range(struct abi_dev dev, uint64_t offset, uint64_t count);
long create(const void *devs, uint32_t count, struct abi_uuid *id);
long destroy(struct abi_uuid id);
long append(struct abi_uuid id, struct abi_dev dev, const void *ranges, uint32_t count);
long append_range(struct abi_uuid id, struct abi_dev dev, uint64_t offset, uint64_t count);
long take(struct abi_uuid id);
long collect(uint32_t *count, void *ids);
long collect_images(struct abi_uuid id, uint32_t *count, void *array);
long wait_event(struct abi_uuid id, uint32_t ms, struct abi_event *event);
long append_file(struct abi_uuid id, int fd, struct abi_append_file *arg);
long info(struct abi_uuid id, struct abi_info *arg);
long changed_ranges(struct abi_changed_ranges *arg);
long set_limits(struct abi_uuid id, uint32_t timeout_ms, uint64_t memory, uint64_t portion);
long tracker_info(struct abi_dev dev, struct abi_tracker_info *arg);

/* Of one device; with storage; and taken. */
struct abi_uuid new_snapshot(const struct device *device);
struct abi_uuid new_with_storage(const struct device *device);
struct abi_uuid new_taken(const struct device *device);
/* Destroys it and forgets the device's map. */
void end_snapshot(struct abi_uuid id, const struct device *device);

/*
 * The first tracker puts hooks into the kernel and the last one takes them out,
 * which takes long: from here on one is kept. tracker_count() leaves it out.
 */
void keep_hooks(void);

/* The image of a snapshot's first device, and its node opened. */
struct abi_dev image_of(struct abi_uuid id);
int open_image(struct abi_uuid id);

/* The entry of a tracked device; false if it is not tracked. */
bool find_tracker(struct abi_dev dev, struct abi_cbt_info *entry);
uint32_t tracker_count(void);
uint32_t snapshot_count(void);
uint64_t storage_of(struct abi_uuid id);

bool same_id(const struct abi_uuid *a, const struct abi_uuid *b);
bool same_dev(struct abi_dev a, struct abi_dev b);

/*
 * Numbers that no device can have. Cut to 12 and 20 bits, or put together without
 * being cut, the first three would be @dev's.
 */
struct abi_dev impossible(struct abi_dev dev, unsigned int index);
#define IMPOSSIBLE_COUNT	5

/* An open device past its cache. */
int open_direct(const char *path, int flags);
/* Writes @count blocks of 4 KiB of @byte from block @at on. 0 or -errno. */
long write_blocks(const struct device *device, unsigned int at, unsigned int count, int byte);

/* The same from the last block to the first: no sequence, so none is copied ahead. */
long write_backwards(const struct device *device, unsigned int at, unsigned int count,
		     int byte);

/* A parameter of the module. */
void set_parameter(const char *name, unsigned int value);
unsigned int parameter(const char *name);

/* Runs a shell command; it must succeed. */
void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Sleeps as long on a fast machine; longer, as BLKSNAP_SLOW says, on another. */
void sleep_ms(unsigned int ms);

#endif /* CALLS_H */
