// SPDX-License-Identifier: GPL-2.0-only
/*
 * region: the map of an area, in pieces of 1 GiB made on demand.
 *
 * Memory follows what is overwritten, not the size of the device (I7). A region
 * is never removed before the area, so that a pointer to one stays good. The one
 * that was wanted last by those who enter something is found without a search; who
 * only looks does not change that, so that readers share no line that is written.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/slab.h>

#include "diff_area_internal.h"

struct region *blksnap_region_find(struct diff_area *area, sector_t sector)
{
	unsigned long index = sector >> REGION_SECTOR_SHIFT;
	struct region *recent = READ_ONCE(area->recent);

	if (!recent)
		return NULL;
	if (recent->index == index)
		return recent;
	return xa_load(&area->regions, index);
}

static struct region *make_region(struct diff_area *area, unsigned long index,
				  gfp_t gfp)
{
	struct region *region, *other;

	region = kzalloc(sizeof(*region), gfp);
	if (!region)
		return NULL;
	raw_spin_lock_init(&region->lock);
	blksnap_extent_map_setup(&region->saved);
	region->copies = RB_ROOT;
	region->index = index;
	other = xa_cmpxchg(&area->regions, index, NULL, region, gfp);
	if (!other)
		return region;
	kfree(region);
	return xa_is_err(other) ? NULL : other;
}

struct region *blksnap_region_get(struct diff_area *area, sector_t sector, gfp_t gfp)
{
	struct region *region = blksnap_region_find(area, sector);

	if (!region)
		region = make_region(area, sector >> REGION_SECTOR_SHIFT, gfp);
	if (region && region != READ_ONCE(area->recent)) {
		/* Before anything is entered: who sees none looks for none. */
		smp_store_release(&area->recent, region);
	}
	return region;
}

bool blksnap_region_covers(struct diff_area *area, sector_t start, sector_t count)
{
	bool is_covered = true;

	rcu_read_lock();
	while (count && is_covered) {
		struct region *region = blksnap_region_find(area, start);
		u32 part = region_clip(start, count);

		is_covered = region && blksnap_extent_map_covers(&region->saved,
								 region_offset(start), part);
		start += part;
		count -= part;
	}
	rcu_read_unlock();
	return is_covered;
}

struct copy *__blksnap_region_copy_at(struct region *region, sector_t start, u32 count)
{
	struct rb_node *node = region->copies.rb_node;
	struct copy *found = NULL;

	lockdep_assert_held(&region->lock);
	/* Copies do not overlap: by start they are in order of their ends, too. */
	while (node) {
		struct copy *copy = rb_entry(node, struct copy, node);

		if (copy->start + copy->count <= start) {
			node = node->rb_right;
		} else {
			if (copy->start < start + count)
				found = copy;
			node = node->rb_left;
		}
	}
	return found;
}

void __blksnap_region_add_copy(struct region *region, struct copy *copy)
{
	struct rb_node **link = &region->copies.rb_node, *parent = NULL;

	lockdep_assert_held(&region->lock);
	while (*link) {
		parent = *link;
		if (copy->start < rb_entry(parent, struct copy, node)->start)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node(&copy->node, parent, link);
	rb_insert_color(&copy->node, &region->copies);
}

struct extent_piece __blksnap_region_look(struct region *region, sector_t start,
					  u32 count, struct copy **copy)
{
	struct extent_piece piece;

	lockdep_assert_held(&region->lock);
	*copy = NULL;
	piece = blksnap_extent_map_lookup(&region->saved, region_offset(start), count);
	if (piece.is_saved)
		return piece;
	*copy = __blksnap_region_copy_at(region, start, piece.count);
	if (!*copy)
		return piece;
	if ((*copy)->start > start) {
		piece.count = (*copy)->start - start;
		*copy = NULL;
	} else {
		piece.count = min_t(sector_t, piece.count,
				    (*copy)->start + (*copy)->count - start);
	}
	return piece;
}

void blksnap_regions_free(struct diff_area *area)
{
	struct region *region;
	unsigned long index;

	xa_for_each(&area->regions, index, region) {
		WARN_ON(!RB_EMPTY_ROOT(&region->copies));
		blksnap_extent_map_destroy(&region->saved);
		kfree(region);
	}
	xa_destroy(&area->regions);
}
