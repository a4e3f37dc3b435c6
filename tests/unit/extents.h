/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * extents: what both tests of the extent map share.
 */
#ifndef EXTENTS_H
#define EXTENTS_H

#include <linux/slab.h>

#include "unit.h"
#include "extent_map.h"
#include "geometry.h"

#define PLACE(sector)	((place_t)(sector))

static inline int set_up(void **state)
{
	(void)state;
	shim_warnings = 0;
	shim_objects = 0;
	shim_on_read = NULL;
	shim_on_write = NULL;
	return blksnap_extent_cache_init();
}

/* Whatever a test did, no extent may be left in use. */
static inline int tear_down(void **state)
{
	(void)state;
	blksnap_extent_cache_exit();
	return shim_objects || shim_warnings;
}

static inline void insert(struct extent_map *map, u32 start, u32 count, place_t place)
{
	struct extent *extent = blksnap_extent_alloc(GFP_KERNEL);

	extent->start = start;
	extent->count = count;
	extent->place = place;
	blksnap_extent_map_insert(map, extent);
}

/* Returns how many of the two spare extents were taken over. */
static inline int replace(struct extent_map *map, u32 start, u32 count, place_t place)
{
	struct extent *spare[2] = {
		blksnap_extent_alloc(GFP_KERNEL), blksnap_extent_alloc(GFP_KERNEL),
	};
	int taken;

	blksnap_extent_map_replace(map, start, count, place, spare);
	taken = !spare[0] + !spare[1];
	blksnap_extent_free(spare[0]);
	blksnap_extent_free(spare[1]);
	return taken;
}

static inline struct extent *first_extent(const struct extent_map *map)
{
	return rb_entry_safe(rb_first(&map->root), struct extent, node);
}

static inline struct extent *next_extent(const struct extent *extent)
{
	return rb_entry_safe(rb_next(&extent->node), struct extent, node);
}

static inline int count_extents(const struct extent_map *map)
{
	const struct extent *extent;
	int count = 0;

	for (extent = first_extent(map); extent; extent = next_extent(extent))
		count++;
	return count;
}

#undef SENTENCE
#define SENTENCE(text, function) \
	{ .name = text, .test_func = function, \
	  .setup_func = set_up, .teardown_func = tear_down }

#endif
