// SPDX-License-Identifier: GPL-2.0-only
/*
 * changes: what changed since an earlier take, as ranges of sectors.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"
#include "facts.h"
#include "groups.h"
#include "memory.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define BLOCK_SECTORS	128	/* of the map, by default */
#define BLOCK_PAGES	16

static struct abi_range ranges[1024];
static struct abi_uuid generation;	/* of the tracker of @on.a */
static bool is_left_alone;		/* an argument, by each call that failed */

static struct abi_changed_ranges question(void)
{
	struct abi_changed_ranges arg = {
		.dev = on.a.dev,
		.generation = generation,
		.ranges = (uintptr_t)ranges,
		.count = COUNT(ranges),
	};

	memset(ranges, 0xaa, sizeof(ranges));
	return arg;
}

static void remember_generation(void)
{
	struct abi_cbt_info entry;

	need(find_tracker(on.a.dev, &entry), "a tracker of %s", on.a.path);
	generation = entry.generation;
}

static void refused(struct abi_changed_ranges arg, long error, const char *words)
{
	struct abi_changed_ranges before = arg;

	answers(changed_ranges(&arg), error, "%s", words);
	is_left_alone &= !memcmp(&arg, &before, sizeof(arg));
}

static bool is_range(const struct abi_range *range, uint64_t offset, uint64_t count)
{
	return range->offset == offset && range->count == count;
}

/* While @on.a has been taken. */
static void no_tracker(void)
{
	struct abi_changed_ranges arg = question();
	unsigned int i;

	arg.dev = on.plain.dev;
	refused(arg, -ENODEV, "a device that is not tracked");
	arg.dev = NO_DEVICE;
	refused(arg, -ENODEV, "a device that is not there");
	for (i = 0; i < IMPOSSIBLE_COUNT; i++) {
		arg.dev = impossible(on.a.dev, i);
		answers(changed_ranges(&arg), -ENODEV, "%u:%u, which no device can have",
			arg.dev.mj, arg.dev.mn);
	}
}

static void reserved(void)
{
	struct abi_changed_ranges arg;
	unsigned int bit, word;

	for (bit = 0; bit < 32; bit += 31) {
		arg = question();
		arg.flags = 1u << bit;
		answers(changed_ranges(&arg), -EINVAL, "flag %u", bit);
	}
	for (word = 0; word < 4; word++) {
		arg = question();
		arg.reserved[word] = word & 1 ? 1ull << 63 : 1;
		answers(changed_ranges(&arg), -EINVAL, "reserved word %u", word);
	}
	arg = question();
	arg.count = 0;
	refused(arg, -EINVAL, "a count of 0");
	arg.ranges = 0;
	refused(arg, -EINVAL, "a count of 0, and no array");
}

/* After take number 1. A number has a byte in the map, and 32 bits in the call. */
static void stale(void)
{
	static const uint32_t numbers[] = { 2, 255, 256, 257, 1u << 31, UINT32_MAX };
	struct abi_changed_ranges arg = question();
	size_t i;

	arg.generation = NO_SNAPSHOT;
	refused(arg, -ESTALE, "no generation");
	for (i = 0; i < 16; i += 15) {
		arg = question();
		arg.generation.b[i] ^= 1;
		answers(changed_ranges(&arg), -ESTALE, "a generation with another byte %zu", i);
	}
	for (i = 0; i < COUNT(numbers); i++) {
		arg = question();
		arg.since = numbers[i];
		answers(changed_ranges(&arg), -ESTALE, "since number %u, after number 1",
			numbers[i]);
	}
	arg = question();
	arg.sector = on.a.sectors + 1;
	refused(arg, -EINVAL, "from a sector beyond the end");
	arg.sector = 1ull << 32;
	refused(arg, -EINVAL, "from sector 2^32");
	arg.sector = UINT64_MAX;
	refused(arg, -EINVAL, "from sector 2^64-1");
}

/* There are changes, so there is something to write. */
static void bad_arrays(void)
{
	struct abi_changed_ranges arg = question();
	unsigned int i;

	for (i = 0; i < NOWHERE_COUNT; i++) {
		arg.ranges = (uintptr_t)nowhere(i);
		refused(arg, -EFAULT, "an array that is not there");
	}
	arg.ranges = UINT64_MAX - 4095;
	refused(arg, -EFAULT, "an array at the end of all addresses");
	arg.ranges = (uintptr_t)ranges | 1ull << 63;
	refused(arg, -EFAULT, "an address of which only the lower half is right");
	arg.ranges = (uintptr_t)read_only(ranges, 64);
	refused(arg, -EFAULT, "an array that cannot be written");
	arg.ranges = (uintptr_t)straddling(ranges, 48, 47);
	refused(arg, -EFAULT, "an array whose last byte is not there");
	arg = question();
	answers(call(ABI_CHANGED_RANGES, read_only(&arg, sizeof(arg))), -EFAULT,
		"a good argument that cannot be written is refused");
	fact(is_all(ranges, 0xaa, sizeof(ranges)), "and no range is written for it");
}

static bool is_answer(const struct abi_changed_ranges *arg, uint32_t count, uint64_t sector)
{
	return arg->count == count && arg->sector == sector && arg->snap_number == 1 &&
	       arg->capacity == on.a.sectors;
}

/* Blocks 1, 2, 5 and the last were written before take number 1. */
static void whole_answer(void)
{
	const uint64_t end = on.a.sectors;
	struct abi_changed_ranges arg = question(), before = arg;

	arg.snap_number = 0xaaaaaaaa;
	arg.capacity = UINT64_MAX;
	answers(changed_ranges(&arg), 0, "all since number 0");
	fact(is_answer(&arg, 3, end), "three ranges, number and capacity of the take, and the end");
	fact(is_range(&ranges[0], 128, 256) && is_range(&ranges[1], 640, 128) &&
	     is_range(&ranges[2], end - 128, 128), "ascending, and neighbours are one range");
	fact(is_all(ranges + 3, 0xaa, sizeof(*ranges)), "behind the last nothing is written");
	fact(!memcmp(&arg, &before, offsetof(struct abi_changed_ranges, sector)) &&
	     arg.ranges == before.ranges && is_zero(arg.reserved, sizeof(arg.reserved)),
	     "what was asked stays in the argument");
	arg = question();
	arg.count = EVERYTHING;
	answers(changed_ranges(&arg), 0, "a count of 2^32-1 will do");
	fact(is_answer(&arg, 3, end) && is_all(ranges + 3, 0xaa, sizeof(*ranges)),
	     "and becomes the number of ranges");
	arg = question();
	arg.since = 1;
	arg.ranges = 8;
	answers(changed_ranges(&arg), 0, "where nothing has changed the array is not touched");
	fact(is_answer(&arg, 0, end), "and there are no ranges up to the end");
	arg = question();
	arg.sector = end;
	arg.ranges = 8;
	answers(changed_ranges(&arg), 0, "from the end");
	fact(is_answer(&arg, 0, end), "there is nothing");
}

static void partial_answers(void)
{
	const uint64_t end = on.a.sectors;
	struct abi_changed_ranges arg = question();

	arg.count = 1;
	answers(changed_ranges(&arg), 0, "room for one");
	fact(arg.count == 1 && is_range(ranges, 128, 256) && arg.sector >= 384 && arg.sector <= 640,
	     "is the first, and where to go on lies behind it");
	fact(is_all(ranges + 1, 0xaa, sizeof(*ranges)), "nothing is written beyond the room");
	arg.count = 1;
	answers(changed_ranges(&arg), 0, "going on from there");
	fact(arg.count == 1 && is_range(ranges, 640, 128), "is the next");
	arg = question();
	arg.sector = 200;
	answers(changed_ranges(&arg), 0, "from the middle of a block");
	fact(is_answer(&arg, 3, end) && is_range(ranges, 200, 184), "begins there");
	arg = question();
	arg.sector = end - 1;
	answers(changed_ranges(&arg), 0, "from the last sector");
	fact(is_answer(&arg, 1, end) && is_range(ranges, end - 1, 1), "is that sector");
}

/* Blocks 2 and 8 were written before take number 2, and 9 after it. */
static void increment(void)
{
	static char block[4096] __attribute__((aligned(4096)));
	struct abi_changed_ranges arg = question();
	struct abi_uuid id;
	int image;

	need(!write_blocks(&on.a, 2 * BLOCK_PAGES, 1, 2) &&
	     !write_blocks(&on.a, 8 * BLOCK_PAGES, 1, 2), "writes");
	id = new_taken(&on.a);
	need(!write_blocks(&on.a, 9 * BLOCK_PAGES, 1, 2), "a write");
	arg.since = 1;
	answers(changed_ranges(&arg), 0, "all since number 1, after number 2");
	fact(arg.count == 2 && arg.snap_number == 2 && is_range(&ranges[0], 256, 128) &&
	     is_range(&ranges[1], 1024, 128), "is what was written in between");
	arg = question();
	answers(changed_ranges(&arg), 0, "all since number 0, after number 2");
	fact(arg.count == 4 && is_range(&ranges[0], 128, 256) && is_range(&ranges[2], 1024, 128),
	     "is that, and what was written before");
	need(!mark_range(on.a.dev, 20 * BLOCK_SECTORS, 1), "a mark");
	image = open_image(id);
	need(pwrite(image, block, 4096, 30 * 65536) == 4096, "a write to an image");
	close(image);
	arg = question();
	arg.since = 1;
	answers(changed_ranges(&arg), 0, "after a mark, and a write to the image");
	fact(arg.count == 4 && is_range(&ranges[2], 20 * BLOCK_SECTORS, 128) &&
	     is_range(&ranges[3], 30 * BLOCK_SECTORS, 128), "these are told, too");
	arg = question();
	arg.dev = image_of(id);
	refused(arg, -ENODEV, "an image is not tracked");
	need(!destroy(id), "the end of a snapshot");
}

/* Asked for @room at a time, the same as a map with every other block says. */
static bool are_alternating(uint32_t room, uint64_t block, unsigned int count)
{
	struct abi_changed_ranges arg = question();
	unsigned int found = 0;
	uint32_t i;

	do {
		arg.count = room;
		if (changed_ranges(&arg) || arg.count > room)
			return false;
		for (i = 0; i < arg.count; i++, found++)
			if (!is_range(&ranges[i], 2 * found * block, block))
				return false;
	} while (arg.sector < arg.capacity);
	return found == count;
}

/* More ranges than the module writes in one go. */
static void many(void)
{
	static const uint32_t rooms[] = { 1, 7, 255, 256, 257, 600, COUNT(ranges), EVERYTHING };
	static struct abi_range marks[600];
	struct abi_uuid id;
	size_t i;

	for (i = 0; i < COUNT(marks); i++)
		marks[i] = (struct abi_range){ 16 * i, 8 };
	set_parameter("tracking_block_minimum_shift", 12);
	id = new_with_storage(&on.a);
	set_parameter("tracking_block_minimum_shift", 16);
	need(!mark_dirty(on.a.dev, marks, COUNT(marks)) && !take(id), "a take");
	remember_generation();
	for (i = 0; i < COUNT(rooms); i++)
		fact(are_alternating(rooms[i], 8, COUNT(marks)),
		     "600 ranges, room for %u at a time", rooms[i]);
	end_snapshot(id, &on.a);
}

/* A block is larger than the device. */
static void clipped(void)
{
	struct abi_changed_ranges arg;
	struct abi_uuid id;

	set_parameter("tracking_block_minimum_shift", 26);
	id = new_with_storage(&on.a);
	set_parameter("tracking_block_minimum_shift", 16);
	need(!write_blocks(&on.a, 0, 1, 3) && !take(id), "a take");
	arg = question();
	refused(arg, -ESTALE, "the generation of a tracker that was removed");
	remember_generation();
	arg = question();
	answers(changed_ranges(&arg), 0, "a change in the last block");
	fact(is_answer(&arg, 1, on.a.sectors) && is_range(ranges, 0, on.a.sectors),
	     "ends with the device, be the block larger");
	end_snapshot(id, &on.a);
}

void facts_of_changes(void)
{
	struct abi_changed_ranges arg;
	struct abi_uuid id;

	about("TRACKER_CHANGED_RANGES");
	is_left_alone = true;
	id = new_with_storage(&on.a);
	remember_generation();
	refused(question(), -EPERM, "a snapshot only created");
	need(!write_blocks(&on.a, BLOCK_PAGES, 2 * BLOCK_PAGES, 1) &&
	     !write_blocks(&on.a, 5 * BLOCK_PAGES + 3, 1, 1) &&
	     !write_blocks(&on.a, on.a.sectors / 8 - 1, 1, 1) && !take(id), "a take");
	no_tracker();
	reserved();
	stale();
	bad_arrays();
	whole_answer();
	partial_answers();
	need(!destroy(id), "the end of a snapshot");
	refused(question(), -EPERM, "after the snapshot");
	increment();
	need(!tracker_remove(on.a.dev), "the end of tracking");
	arg = question();
	refused(arg, -ENODEV, "after the tracker");
	many();
	clipped();
	fact(is_left_alone, "an argument is left alone by a call that fails");
}
