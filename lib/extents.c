// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From bytes of a map to parts of a device. A map is read in pieces, so that
 * memory follows the number of changed extents and not the device's size.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib_private.h"

#define MAP_PIECE_BYTES (256u << 10)

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

static int read_map(int fd, const struct blk_snap_cbt_info *info,
		    uint8_t since, uint8_t *buffer,
		    struct blksnap_extents *extents)
{
	struct blksnap_map_piece piece = {
		.bytes = buffer,
		.block_bytes = info->blk_size,
		.capacity_bytes = info->device_capacity,
	};

	while (piece.first_block < info->blk_count) {
		ssize_t got = blksnap_tracker_read_cbt_map(fd, info->dev_id,
							   piece.first_block,
							   MAP_PIECE_BYTES,
							   buffer);
		int ret;

		if (got < 0)
			return (int)got;
		/* The map became shorter while it was read. */
		if (!got)
			return -ESTALE;
		piece.count = (uint32_t)got;
		ret = blksnap_extents_add_map(extents, &piece, since);
		if (ret)
			return ret;
		piece.first_block += piece.count;
	}
	return 0;
}

LIBEXPORT int blksnap_changed_extents(int fd, struct blk_snap_dev dev,
				      const struct blk_snap_uuid *generation,
				      unsigned int since,
				      struct blksnap_extents *extents)
{
	struct blk_snap_cbt_info info;
	uint8_t *buffer;
	int ret;

	ret = blksnap_tracker_find(fd, dev, &info);
	if (ret)
		return ret;
	if (memcmp(&info.generation_id, generation, sizeof(*generation)) ||
	    since > info.snap_number)
		return -ESTALE;

	buffer = malloc(MAP_PIECE_BYTES);
	if (!buffer)
		return -ENOMEM;
	ret = read_map(fd, &info, (uint8_t)since, buffer, extents);
	free(buffer);
	if (ret)
		blksnap_extents_free(extents);
	return ret;
}
