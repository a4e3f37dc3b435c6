// SPDX-License-Identifier: GPL-2.0-only
/*
 * trackers: the list of tracked devices, its end, and reading maps.
 */
#include <errno.h>
#include <string.h>
#include <sys/types.h>

#include "calls.h"
#include "facts.h"
#include "groups.h"
#include "memory.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

#define MAP_BYTES	(64 * 1024)

static void removals(void)
{
	static const struct abi_dev absent[] = {
		{ 4095, 77 }, { 0, 0 }, { 4096, 0 }, { 0, 1 << 20 },
		{ UINT32_MAX, UINT32_MAX }, { 4095, (1 << 20) - 1 },
	};
	struct abi_dev dev;
	struct abi_uuid id;
	size_t i;

	about("TRACKER_REMOVE");
	for (i = 0; i < COUNT(absent); i++)
		answers(tracker_remove(absent[i]), -ENXIO, "no device %u:%u",
			absent[i].mj, absent[i].mn);
	answers(tracker_remove(on.plain.dev), -ENODATA, "a device that is not tracked");
	id = new_with_storage(&on.a);
	answers(tracker_remove(on.a.dev), -EBUSY, "a device in a snapshot only created");
	for (i = 0; i < IMPOSSIBLE_COUNT; i++) {
		dev = impossible(on.a.dev, i);
		answers(tracker_remove(dev), -ENXIO, "%u:%u, which no device can have",
			dev.mj, dev.mn);
	}
	need(!take(id), "a take");
	answers(tracker_remove(on.a.dev), -EBUSY, "a device in a snapshot taken");
	answers(tracker_remove(image_of(id)), -ENODATA, "an image");
	need(!destroy(id), "the end of a snapshot");
	answers(tracker_remove(on.a.dev), 0, "a device that was in a snapshot");
	answers(tracker_count(), 0, "it leaves the list");
	answers(tracker_remove(on.a.dev), -ENODATA, "that device again");
}

static void fields(const struct abi_cbt_info *entry, const struct device *device)
{
	const uint8_t *bytes = (const uint8_t *)entry;
	size_t end = offsetof(struct abi_cbt_info, snap_number) + 1;
	size_t gap = offsetof(struct abi_cbt_info, capacity);

	fact(same_dev(entry->dev, device->dev), "entries are in order of first tracking");
	fact(entry->blk_size == 65536, "blocks have 64 KiB by default");
	fact(entry->capacity == device->sectors * 512, "the capacity is in bytes");
	fact(entry->blk_count == (device->sectors * 512 + 65535) / 65536,
	     "there are as many blocks as it takes");
	fact(!is_zero(&entry->generation, sizeof(entry->generation)),
	     "there is a generation");
	fact(!entry->snap_number, "the number before the first take is 0");
	fact(is_zero(bytes + 12, gap - 12) && is_zero(bytes + end, sizeof(*entry) - end),
	     "padding is zero");
}

static void collection(void)
{
	struct abi_tracker_collect arg;
	struct abi_cbt_info entries[4];
	struct abi_uuid first, second;
	uint32_t count = 7;

	about("TRACKER_COLLECT");
	answers(tracker_collect(&count, NULL), 0, "NULL asks for the number");
	answers(count, 0, "which is 0 at first");
	count = 4;
	answers(tracker_collect(&count, entries), 0, "an empty list is no error");
	answers(count, 0, "and has no entries");
	second = new_snapshot(&on.b);
	first = new_snapshot(&on.a);

	memset(&arg, 0xaa, sizeof(arg));
	arg.count = EVERYTHING;
	arg.array = NULL;
	answers(call(ABI_TRACKER_COLLECT, &arg), 0, "NULL asks for the number, whatever the count");
	answers(arg.count, 2, "which is that of tracked devices");
	fact(is_zero((char *)&arg + 4, offsetof(struct abi_tracker_collect, array) - 4),
	     "padding of the reply is zero");
	for (count = 0; count < 2; ) {
		uint32_t room = count;

		memset(entries, 0xaa, sizeof(entries));
		answers(tracker_collect(&count, entries), -ENOBUFS,
			"an array of %u for 2 is too small", room);
		answers(count, 2, "and count says how many");
		fact(is_all(entries + room, 0xaa, sizeof(*entries)),
		     "beyond the array nothing is written");
		count = room + 1;
	}
	memset(entries, 0xaa, sizeof(entries));
	answers(tracker_collect(&count, entries), 0, "an array of 2 for 2 will do");
	fields(&entries[0], &on.b);
	fields(&entries[1], &on.a);
	count = EVERYTHING;
	answers(tracker_collect(&count, entries), 0, "a count of 2^32-1 will do");
	answers(count, 2, "and becomes the number of entries");
	fact(is_all(entries + 2, 0xaa, 2 * sizeof(*entries)),
	     "behind the last entry nothing is written");
	count = 4;
	answers(tracker_collect(&count, (void *)8), -ENODATA, "an array that is not there");
	answers(tracker_collect(&count, read_only(entries, sizeof(entries))), -ENODATA,
		"an array that cannot be written");
	count = 4;
	answers(tracker_collect(&count, straddling(entries, 2 * sizeof(*entries),
						   2 * sizeof(*entries) - 1)),
		-ENODATA, "an array whose last byte is not there");
	end_snapshot(first, &on.a);
	end_snapshot(second, &on.b);
}

/* Of a map of 6144 blocks, more than is copied in one go; byte i tells its place. */
static void read_pieces(struct abi_dev dev, uint32_t blocks)
{
	static uint8_t whole[MAP_BYTES], piece[MAP_BYTES];
	static const uint32_t starts[] = { 0, 1, 4095, 4096, 5000 };
	size_t i;

	answers(read_map(dev, 0, EVERYTHING, whole), blocks,
		"a length of 2^32-1 is clipped at the end");
	fact(whole[0] == 1 && !whole[1] && whole[5] == 1 && whole[4095] == 1 &&
	     whole[4096] == 1 && !whole[4097] && whole[blocks - 1] == 1,
	     "each byte stands for its block");
	for (i = 0; i < COUNT(starts); i++) {
		memset(piece, 0xaa, sizeof(piece));
		answers(read_map(dev, starts[i], 1000, piece), 1000,
			"1000 bytes from block %u on", starts[i]);
		fact(!memcmp(piece, whole + starts[i], 1000) && piece[1000] == 0xaa,
		     "are those of the map, and no more");
	}
	answers(read_map(dev, blocks - 10, 4096, piece), 10, "a length past the end is clipped");
	answers(read_map(dev, blocks - 1, 1, piece), 1, "the last byte");
	answers(read_map(dev, 7, 0, piece), 0, "no byte");
	answers(read_map(dev, blocks, 1, piece), 0, "at the very end there is nothing");
	answers(read_map(dev, blocks, 0, NULL), 0, "not even for nothing");
	answers(read_map(dev, blocks + 1, 1, piece), -EINVAL, "beyond the end");
	answers(read_map(dev, blocks + 1, 0, piece), -EINVAL, "beyond the end, no byte");
	answers(read_map(dev, EVERYTHING, EVERYTHING, piece), -EINVAL, "far beyond the end");
	answers(read_map(dev, 0, 1, NULL), -ENODATA, "a buffer NULL");
	answers(read_map(dev, 0, 1, no_access()), -ENODATA, "a buffer without access");
	answers(read_map(dev, 0, 1, read_only(piece, 1)), -ENODATA,
		"a buffer that cannot be written");
	answers(read_map(dev, 0, blocks, straddling(piece, blocks, 4096)), -ENODATA,
		"a buffer that ends too early, in the second page");
	answers(read_map(dev, 0, blocks, straddling(piece, blocks, blocks - 1)), -ENODATA,
		"a buffer that is a byte too short");
}

static void map(void)
{
	static const unsigned int written[] = { 0, 5, 4095, 4096 };
	struct abi_uuid id;
	uint8_t byte;
	size_t i;

	about("TRACKER_READ_CBT_MAP");
	answers(read_map(NO_DEVICE, 0, 1, &byte), -ENXIO, "no device");
	answers(read_map((struct abi_dev){ 4096, 1 << 20 }, 0, 1, &byte), -ENXIO,
		"numbers that no device can have");
	answers(read_map(on.plain.dev, 0, 1, &byte), -ENODEV, "a device that is not tracked");
	set_parameter("tracking_block_minimum_shift", 12);
	id = new_with_storage(&on.a);
	set_parameter("tracking_block_minimum_shift", 16);
	answers(read_map(on.a.dev, 0, 1, &byte), -EPERM, "a snapshot only created");
	for (i = 0; i < COUNT(written); i++)
		need(!write_blocks(&on.a, written[i], 1, 1), "a write");
	need(!write_blocks(&on.a, on.a.sectors / 8 - 1, 1, 1), "a write to the end");
	need(!take(id), "a take");
	read_pieces(on.a.dev, on.a.sectors / 8);
	answers(read_map(image_of(id), 0, 1, &byte), -ENODEV, "an image is not tracked");
	need(!destroy(id), "the end of a snapshot");
	answers(read_map(on.a.dev, 0, 1, &byte), -EPERM, "after the snapshot");
	need(!tracker_remove(on.a.dev), "the end of tracking");
}

void facts_of_trackers(void)
{
	removals();
	collection();
	map();
}
