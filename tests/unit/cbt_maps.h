/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cbt_maps: what both tests of the change map share.
 */
#ifndef CBT_MAPS_H
#define CBT_MAPS_H

#include <linux/err.h>
#include <linux/slab.h>

#include "unit.h"
#include "cbt_map.h"

/* A small device with an odd end: 100 blocks of 4 KiB, the last one partly. */
#define SHIFT		12
#define BLOCK_SECTORS	8
#define BLOCKS		100
#define CAPACITY	((sector_t)BLOCKS * BLOCK_SECTORS - 3)
#define NO_LIMIT	2097152

static inline struct cbt_map *make_map(void)
{
	struct cbt_map *map = blksnap_cbt_map_alloc(CAPACITY, SHIFT, NO_LIMIT);

	assert_false(IS_ERR(map));
	return map;
}

static inline struct cbt_map_info info_of(const struct cbt_map *map)
{
	struct cbt_map_info info;

	blksnap_cbt_map_info(map, &info);
	return info;
}

static inline bool is_generation(const struct cbt_map *map, uuid_t generation)
{
	struct cbt_map_info info = info_of(map);

	return uuid_equal(&info.generation, &generation);
}

static inline u8 byte_of(const struct cbt_map *map, u32 block)
{
	u8 byte;

	blksnap_cbt_map_read(map, block, 1, &byte);
	return byte;
}

static inline void mark_block(struct cbt_map *map, u32 block)
{
	blksnap_cbt_map_mark(map, (sector_t)block * BLOCK_SECTORS + 2, 1);
}

static inline void take_of(struct cbt_map *map, sector_t capacity)
{
	assert_int_equal(blksnap_cbt_map_prepare(map, capacity), 0);
	blksnap_cbt_map_switch(map);
	blksnap_cbt_map_finish(map);
}

static inline void take(struct cbt_map *map)
{
	take_of(map, info_of(map).capacity);
}

static inline void assert_all_zero(const struct cbt_map *map)
{
	u32 block, count = info_of(map).block_count;

	for (block = 0; block < count; block++)
		assert_int_equal(byte_of(map, block), 0);
}

/* A new generation: number 0, nothing readable, and the next period is 1. */
static inline void assert_anew(struct cbt_map *map, uuid_t before)
{
	assert_int_equal(info_of(map).snap_number, 0);
	assert_false(is_generation(map, before));
	assert_all_zero(map);

	before = info_of(map).generation;
	mark_block(map, 1);
	assert_all_zero(map);
	take(map);
	assert_int_equal(info_of(map).snap_number, 1);
	assert_int_equal(byte_of(map, 1), 1);
	assert_int_equal(byte_of(map, 2), 0);
	assert_true(is_generation(map, before));
}

#endif /* CBT_MAPS_H */
