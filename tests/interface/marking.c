// SPDX-License-Identifier: GPL-2.0-only
/*
 * marking: declaring blocks changed. Blocks have 64 KiB, 128 sectors.
 */
#include <errno.h>
#include <string.h>

#include "calls.h"
#include "facts.h"
#include "groups.h"
#include "memory.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static uint8_t map[4096];

/* Reads the map of @on.a, and says whether it has @value there and else zeros. */
static bool marked_only(uint32_t first, uint32_t count, uint8_t value)
{
	uint32_t blocks = (on.a.sectors + 127) / 128;

	if (read_map(on.a.dev, 0, sizeof(map), map) != (long)blocks)
		return false;
	return is_zero(map, first) && is_all(map + first, value, count) &&
	       is_zero(map + first + count, blocks - first - count);
}

static void refusals(void)
{
	const uint64_t end = on.a.sectors;
	const struct {
		const char *words;
		struct abi_range range;
	} wrong[] = {
		{ "an empty range", { 0, 0 } },
		{ "an empty range at the end", { end, 0 } },
		{ "a range at the end", { end, 1 } },
		{ "a range past the end", { end + 1, 1 } },
		{ "a range that reaches a sector past the end", { end - 1, 2 } },
		{ "a range that is a sector too long", { 0, end + 1 } },
		{ "the longest range there is", { 0, UINT64_MAX } },
		{ "the last range there is", { UINT64_MAX, 1 } },
		{ "a range whose end is 2^64", { UINT64_MAX - 7, 8 } },
		{ "a range whose end wraps to a good place", { 8, UINT64_MAX - 3 } },
		{ "a range whose bytes are more than 2^64", { 1ull << 55, 8 } },
	};
	struct abi_range both[2] = { { 0, 128 } };
	size_t i;

	for (i = 0; i < COUNT(wrong); i++) {
		both[1] = wrong[i].range;
		answers(mark_dirty(on.a.dev, &wrong[i].range, 1), -EINVAL, "%s", wrong[i].words);
		answers(mark_dirty(on.a.dev, both, 2), -EINVAL, "and behind a good one");
	}
	fact(marked_only(0, 0, 0), "nothing is applied of all these");
	answers(mark_dirty(on.a.dev, both, 0), -EINVAL, "no range");
	answers(mark_dirty(on.a.dev, NULL, 1), -ENODATA, "an array NULL");
	answers(mark_dirty(on.a.dev, no_access(), 1), -ENODATA, "an array without access");
	answers(mark_dirty(on.a.dev, straddling(both, 32, 31), 2), -ENODATA,
		"an array whose last byte is not there");
	answers(mark_dirty(on.a.dev, both, EVERYTHING), -ENOMEM, "2^32-1 ranges");
	answers(mark_dirty(on.a.dev, both, 1u << 28), -ENOMEM, "2^28 ranges, 4 GiB");
	fact(marked_only(0, 0, 0), "nothing is applied of all these either");
}

static void marks(void)
{
	const uint32_t blocks = (on.a.sectors + 127) / 128;
	struct abi_range two[2] = { { 1, 1 }, { 3 * 128 + 127, 2 } };

	answers(mark_dirty(on.a.dev, two, 2), 0, "a sector, and two across an edge of blocks");
	fact(read_map(on.a.dev, 0, 6, map) == 6 && map[0] == 1 && !map[1] && !map[2] &&
	     map[3] == 1 && map[4] == 1 && !map[5],
	     "mark just the blocks that they touch, with the number of the take");
	answers(mark_range(on.a.dev, on.a.sectors - 1, 1), 0, "the last sector");
	fact(read_map(on.a.dev, blocks - 2, 2, map) == 2 && !map[0] && map[1] == 1,
	     "marks the last block");
	answers(mark_dirty(on.a.dev, read_only(two, sizeof(two)), 2), 0,
		"an array that can only be read will do");
}

/* Numbers after the second take of the same device. */
static void later(void)
{
	struct abi_uuid id = new_taken(&on.a);

	fact(read_map(on.a.dev, 0, 6, map) == 6 && map[0] == 2 && !map[1] && map[4] == 2,
	     "what was marked counts as written in the running period, too");
	answers(mark_range(on.a.dev, 0, 1), 0, "a block marked before");
	fact(read_map(on.a.dev, 0, 1, map) == 1 && map[0] == 2, "is not lowered");
	answers(mark_range(image_of(id), 7 * 128, 128), 0, "an image is marked by its own number");
	fact(read_map(on.a.dev, 6, 3, map) == 3 && !map[0] && map[1] == 2 && !map[2],
	     "in the map of its original");
	answers(mark_range(image_of(id), on.a.sectors, 1), -EINVAL, "but not past its end");
	need(!destroy(id), "the end of a snapshot");
}

void facts_of_marking(void)
{
	struct abi_uuid id;

	about("TRACKER_MARK_DIRTY_BLOCKS");
	answers(mark_range(NO_DEVICE, 0, 1), -ENXIO, "no device");
	answers(mark_range((struct abi_dev){ 4096, 0 }, 0, 1), -ENXIO,
		"a number that no device can have");
	answers(mark_range(on.plain.dev, 0, 1), -ENODEV, "a device that is not tracked");
	id = new_with_storage(&on.a);
	answers(mark_range((struct abi_dev){ 0, 0 }, 0, 1), -ENXIO,
		"0:0, while a snapshot has no images yet");
	need(!take(id), "a take");
	refusals();
	marks();
	need(!destroy(id), "the end of a snapshot");
	answers(mark_range(on.a.dev, 0, 1), 0, "no snapshot is needed");
	later();
	answers(mark_range(on.a.dev, on.a.sectors, 1), -EINVAL, "past the end without a snapshot");
	need(!tracker_remove(on.a.dev), "the end of tracking");
}
