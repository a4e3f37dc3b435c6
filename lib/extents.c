// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Parts of a device, and how to come by those that changed. They are asked for in
 * pieces, so that memory follows their number and not the device's size.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib_private.h"

#define RANGES_AT_A_TIME 4096

static int make_room(struct blksnap_extents *extents)
{
	size_t room = extents->room ? extents->room * 2 : 64;
	struct blksnap_extent *items;

	if (extents->count < extents->room)
		return 0;
	items = reallocarray(extents->items, room, sizeof(*items));
	if (!items)
		return -ENOMEM;
	extents->items = items;
	extents->room = room;
	return 0;
}

LIBEXPORT int blksnap_extents_add(struct blksnap_extents *extents,
				  uint64_t offset, uint64_t length)
{
	int ret;

	if (!length)
		return 0;
	if (length > UINT64_MAX - offset)
		return -EINVAL;
	if (extents->count) {
		struct blksnap_extent *last = &extents->items[extents->count - 1];

		if (offset < last->offset + last->length)
			return -EINVAL;
		if (offset == last->offset + last->length) {
			last->length += length;
			extents->bytes += length;
			return 0;
		}
	}
	ret = make_room(extents);
	if (ret)
		return ret;
	extents->items[extents->count++] = (struct blksnap_extent) {
		.offset = offset,
		.length = length,
	};
	extents->bytes += length;
	return 0;
}

/* The last block may reach past the end of the device, or even start there. */
static int add_blocks(struct blksnap_extents *extents,
		      const struct blksnap_map_piece *piece,
		      uint32_t from, uint32_t to)
{
	uint64_t start = ((uint64_t)piece->first_block + from) *
			 piece->block_bytes;
	uint64_t end = ((uint64_t)piece->first_block + to) *
		       piece->block_bytes;

	if (end > piece->capacity_bytes)
		end = piece->capacity_bytes;
	if (start >= end)
		return 0;
	return blksnap_extents_add(extents, start, end - start);
}

LIBEXPORT int blksnap_extents_add_map(struct blksnap_extents *extents,
				      const struct blksnap_map_piece *piece,
				      uint8_t since)
{
	uint32_t i = 0;

	while (i < piece->count) {
		uint32_t from;
		int ret;

		while (i < piece->count && piece->bytes[i] <= since)
			i++;
		from = i;
		while (i < piece->count && piece->bytes[i] > since)
			i++;
		if (i == from)
			continue;
		ret = add_blocks(extents, piece, from, i);
		if (ret)
			return ret;
	}
	return 0;
}

LIBEXPORT void blksnap_extents_free(struct blksnap_extents *extents)
{
	free(extents->items);
	memset(extents, 0, sizeof(*extents));
}

LIBEXPORT int blksnap_changed_extents(int fd, struct blk_snap_dev dev,
				      const struct blk_snap_uuid *generation,
				      unsigned int since,
				      struct blksnap_extents *extents)
{
	struct blk_snap_tracker_changed_ranges status;
	struct blk_snap_block_range *ranges;
	uint32_t snap_number = 0;
	uint64_t sector = 0;
	ssize_t count, i;
	int ret = 0;

	ranges = calloc(RANGES_AT_A_TIME, sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	do {
		bool is_first = !sector;

		count = blksnap_tracker_changed_ranges(fd, dev, generation, since,
						       &sector, ranges,
						       RANGES_AT_A_TIME, &status);
		if (count < 0)
			ret = (int)count;
		/* A take came in between: two states would be mixed. */
		else if (!is_first && status.snap_number != snap_number)
			ret = -ESTALE;
		for (i = 0; !ret && i < count; i++)
			ret = blksnap_extents_add(extents,
						  ranges[i].sector_offset * 512,
						  ranges[i].sector_count * 512);
		if (!ret)
			snap_number = status.snap_number;
	} while (!ret && sector < status.capacity_sectors);
	free(ranges);
	if (ret)
		blksnap_extents_free(extents);
	return ret;
}
