// SPDX-License-Identifier: GPL-2.0-only
/*
 * tracking: which byte of the map says what, and when it starts anew.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "calls.h"
#include "facts.h"
#include "groups.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define BLOCK_SECTORS	128	/* of the map */
#define BLOCK_PAGES	16

static uint8_t map[4096];

static struct abi_cbt_info tracker_of(const struct device *device)
{
	struct abi_cbt_info entry;

	need(find_tracker(device->dev, &entry), "a tracker of %s", device->path);
	return entry;
}

static bool read_all(const struct device *device)
{
	return read_map(device->dev, 0, sizeof(map), map) ==
	       (long)((device->sectors + BLOCK_SECTORS - 1) / BLOCK_SECTORS);
}

/* Snapshots of @on.a, one after the other, with a write before each. */
static void periods(void)
{
	struct abi_cbt_info first, second;
	struct abi_uuid id;

	id = new_with_storage(&on.a);
	need(!write_blocks(&on.a, 0, 1, 1), "a write to block 0");
	answers(tracker_of(&on.a).snap_number, 0, "before the first take the number is 0");
	need(!take(id), "a take");
	first = tracker_of(&on.a);
	answers(first.snap_number, 1, "the first take is number 1");
	fact(read_all(&on.a) && map[0] == 1 && is_zero(map + 1, first.blk_count - 1),
	     "a block written before it has 1, the others 0");
	need(!write_blocks(&on.a, BLOCK_PAGES, 1, 2), "a write to block 1");
	fact(read_all(&on.a) && map[0] == 1 && !map[1], "what is written later is not in this map");
	need(!destroy(id), "the end of a snapshot");
	id = new_with_storage(&on.a);
	need(!write_blocks(&on.a, 2 * BLOCK_PAGES, 1, 2), "a write to block 2");
	need(!take(id), "a take");
	second = tracker_of(&on.a);
	answers(second.snap_number, 2, "the second take is number 2");
	fact(same_id(&first.generation, &second.generation), "in the same generation");
	fact(read_all(&on.a) && map[0] == 1 && map[1] == 2 && map[2] == 2 && !map[3],
	     "and has what was written since the first, snapshot or not");
	end_snapshot(id, &on.a);
	id = new_taken(&on.a);
	first = tracker_of(&on.a);
	fact(first.snap_number == 1 && !same_id(&first.generation, &second.generation),
	     "a tracker made anew begins with 1, in another generation");
	fact(read_all(&on.a) && is_zero(map, first.blk_count), "and a map of zeros");
	end_snapshot(id, &on.a);
}

/* Each changes a block of its own, or nothing. */
static void operations(void)
{
	const struct device *device = &on.large;
	uint64_t ranges[2][2] = { { 3 * 65536, 4096 }, { 5 * 65536, 4096 } };
	struct abi_uuid id = new_with_storage(device);
	int fd = open(device->path, O_RDWR | O_CLOEXEC);

	need(fd >= 0 && !ioctl(fd, BLKDISCARD, ranges[0]), "a discard");
	need(!ioctl(fd, BLKZEROOUT, ranges[1]) && !fsync(fd), "zeroes, and a flush");
	need(pread(fd, map, 4096, 0) == 4096, "a read");
	close(fd);
	need(!take(id) && read_all(device), "a take");
	fact(map[3] == 1, "a discard counts as a change");
	fact(map[5] == 1, "zeroing counts as a change");
	map[3] = map[5] = 0;
	fact(is_zero(map, sizeof(map)), "a flush and a read do not");
	end_snapshot(id, device);
}

static void through_image(void)
{
	static char block[4096] __attribute__((aligned(4096)));
	struct abi_uuid id = new_taken(&on.a);
	int image = open_image(id);

	need(pwrite(image, block, 4096, 4 * 65536) == 4096, "a write to an image");
	close(image);
	fact(read_all(&on.a) && map[4] == 1 && !map[3] && !map[5],
	     "a write to an image counts in the map of the take");
	need(!destroy(id), "the end of a snapshot");
	id = new_taken(&on.a);
	fact(read_all(&on.a) && map[4] == 2, "and in that of the next");
	end_snapshot(id, &on.a);
}

static void block_sizes(void)
{
	static const struct {
		unsigned int shift, max;
	} wanted[] = {
		{ 16, 2097152 }, { 12, 2097152 }, { 20, 2097152 }, { 12, 1024 }, { 26, 1024 },
	};
	struct abi_cbt_info entry;
	struct abi_uuid id;
	uint64_t size, bytes = on.a.sectors * 512;
	size_t i;

	for (i = 0; i < COUNT(wanted); i++) {
		set_parameter("tracking_block_minimum_shift", wanted[i].shift);
		set_parameter("tracking_block_maximum_count", wanted[i].max);
		id = new_snapshot(&on.a);
		entry = tracker_of(&on.a);
		for (size = 1ull << wanted[i].shift; (bytes + size - 1) / size > wanted[i].max; )
			size *= 2;
		fact(entry.blk_size == size && entry.blk_count == (bytes + size - 1) / size,
		     "shift %u and at most %u blocks: blocks of %llu", wanted[i].shift,
		     wanted[i].max, (unsigned long long)size);
		end_snapshot(id, &on.a);
	}
	set_parameter("tracking_block_minimum_shift", 16);
	set_parameter("tracking_block_maximum_count", 2097152);
}

/* 254 numbers, then the next generation. Takes long, and no array is told. */
static void wrap(void)
{
	struct abi_cbt_info entry, last = { .snap_number = 0 };
	bool is_counting = true;
	struct abi_uuid id;
	unsigned int i;

	for (i = 1; i <= 254; i++) {
		id = new_taken(&on.a);
		entry = tracker_of(&on.a);
		if (entry.snap_number != i ||
		    (i > 1 && !same_id(&entry.generation, &last.generation)))
			is_counting = false;
		last = entry;
		need(!destroy(id), "the end of a snapshot");
	}
	fact(is_counting, "254 takes are numbered from 1 on, in one generation");
	need(!write_blocks(&on.a, 0, 1, 4), "a write");
	id = new_taken(&on.a);
	entry = tracker_of(&on.a);
	fact(!entry.snap_number && !same_id(&entry.generation, &last.generation),
	     "the 255th is number 0 of another generation");
	fact(read_all(&on.a) && is_zero(map, entry.blk_count), "with a map of zeros");
	need(!destroy(id) && !write_blocks(&on.a, 2 * BLOCK_PAGES, 1, 5), "a write");
	id = new_taken(&on.a);
	last = tracker_of(&on.a);
	fact(last.snap_number == 1 && same_id(&entry.generation, &last.generation),
	     "the 256th is number 1 of it");
	fact(read_all(&on.a) && !map[0] && map[2] == 1, "with what was written since");
	end_snapshot(id, &on.a);
}

void facts_of_tracking(void)
{
	about("change tracking");
	periods();
	operations();
	through_image();
	block_sizes();
	if (IS_64BIT)
		wrap();
}
