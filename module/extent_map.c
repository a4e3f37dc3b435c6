// SPDX-License-Identifier: GPL-2.0-only
/*
 * extent_map: which sectors of one region are saved, and where.
 *
 * Kept: an rb-tree of extents, ordered by start. They never overlap, and no two
 * neighbours could be joined, so memory follows the number of runs.
 *
 *	place            joins with
 *	a storage sector what runs on in sectors and in storage
 *	POISON, ZERO     its own kind
 *	MEMORY           nothing: its owner finds it again by its exact range
 *
 * insert	links the extent, then joins it with its neighbours.
 * set_stored	gives a MEMORY extent its place, then joins likewise.
 * replace	cuts a hole into a ZERO or POISON extent and fills it.
 * lookup	finds the first extent that ends after a sector, under the lock.
 * covers	does the same from extent to extent, without the lock.
 *
 * What a reader without the lock may meet, and why it does no harm:
 *
 * - Links, starts and counts in the middle of a change. All of them change
 *   with the seqcount odd, so what was seen counts only if the seqcount was
 *   even and has not moved; a reader that is overtaken a few times says "not
 *   covered". What is saved stays saved, so "covered" stays true afterwards.
 *   MEMORY counts as saved: it is published before any write is let go.
 * - An extent that was joined, freed and is now part of another map. It is
 *   still an extent (SLAB_TYPESAFE_BY_RCU), and its children are NULL or
 *   extents: a reader only reaches what was in a map at some time since its
 *   rcu_read_lock(), so no page under its feet has gone. To have been freed
 *   the extent left this map, which moved the seqcount.
 * - A loop, put together from two maps or two moments. The depth of a sound
 *   tree is below MAX_DEPTH; no reader goes deeper.
 *
 * The lock is a raw one, and on a -rt kernel the slab allocator may sleep. So
 * what is freed below it is parked on a lockless list, in the field that no
 * reader looks at, and goes back to the slab with the next allocation or
 * destroy.
 */
#include <linux/bug.h>
#include <linux/kernel.h>
#include <linux/llist.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "extent_map.h"
#include "geometry.h"

#define MAX_DEPTH	64	/* above 2 log2(REGION_SECTORS + 1) */
#define MAX_NEIGHBOURS	16	/* that covers() walks along */
#define MAX_TRIES	3	/* of covers() while others change the map */

static struct kmem_cache *extent_cache;
static LLIST_HEAD(parked);

static_assert(BITS_PER_LONG != 64 || sizeof(struct extent) == 40);

static void free_chain(struct llist_node *chain)
{
	struct extent *extent, *next;

	llist_for_each_entry_safe(extent, next, chain, parked)
		kmem_cache_free(extent_cache, extent);
}

int blksnap_extent_cache_init(void)
{
	extent_cache = kmem_cache_create("blksnap_extent",
					 sizeof(struct extent), 0,
					 SLAB_TYPESAFE_BY_RCU, NULL);
	return extent_cache ? 0 : -ENOMEM;
}

void blksnap_extent_cache_exit(void)
{
	free_chain(llist_del_all(&parked));
	kmem_cache_destroy(extent_cache);
}

struct extent *blksnap_extent_alloc(gfp_t gfp)
{
	struct llist_node *first;

	if (llist_empty(&parked))
		return kmem_cache_alloc(extent_cache, gfp);

	first = llist_del_all(&parked);
	if (!first)
		return kmem_cache_alloc(extent_cache, gfp);
	free_chain(first->next);
	return llist_entry(first, struct extent, parked);
}

void blksnap_extent_free(struct extent *extent)
{
	if (extent)
		llist_add(&extent->parked, &parked);
}

void blksnap_extent_map_setup(struct extent_map *map)
{
	seqcount_init(&map->seq);
	map->root = RB_ROOT;
}

void blksnap_extent_map_destroy(struct extent_map *map)
{
	struct extent *extent, *next;

	rbtree_postorder_for_each_entry_safe(extent, next, &map->root, node)
		kmem_cache_free(extent_cache, extent);
	map->root = RB_ROOT;
	free_chain(llist_del_all(&parked));
}

static struct extent *extent_of(struct rb_node *node)
{
	return rb_entry_safe(node, struct extent, node);
}

static u32 start_of(const struct extent *extent)
{
	return READ_ONCE(extent->start);
}

static u32 end_of(const struct extent *extent)
{
	return READ_ONCE(extent->start) + READ_ONCE(extent->count);
}

/* May be called without the lock: then the seqcount tells if it was right. */
static struct extent *first_ending_after(const struct extent_map *map,
					 u32 sector)
{
	struct rb_node *node = rcu_dereference_raw(map->root.rb_node);
	struct extent *found = NULL;
	int depth;

	for (depth = 0; node && depth < MAX_DEPTH; depth++) {
		struct extent *extent = extent_of(node);

		if (sector >= end_of(extent)) {
			node = rcu_dereference_raw(node->rb_right);
			continue;
		}
		found = extent;
		if (sector >= start_of(extent))
			break;
		node = rcu_dereference_raw(node->rb_left);
	}
	return found;
}

static bool seems_covered(const struct extent_map *map, u32 start, u32 end)
{
	int i;

	for (i = 0; i < MAX_NEIGHBOURS; i++) {
		struct extent *extent = first_ending_after(map, start);

		if (!extent || start_of(extent) > start)
			return false;
		start = end_of(extent);
		if (start >= end)
			return true;
	}
	return false;
}

bool blksnap_extent_map_covers(const struct extent_map *map, u32 start, u32 count)
{
	int i;

	for (i = 0; i < MAX_TRIES; i++) {
		unsigned int seq = raw_read_seqcount(&map->seq);
		bool is_covered;

		if (seq & 1)
			continue;
		is_covered = seems_covered(map, start, start + count);
		if (!read_seqcount_retry(&map->seq, seq))
			return is_covered;
	}
	return false;
}

/* Where sector @sector of @extent is. */
static place_t place_at(const struct extent *extent, u32 sector)
{
	if (extent->place >= PLACE_SPECIAL)
		return extent->place;
	return extent->place + (sector - extent->start);
}

struct extent_piece blksnap_extent_map_lookup(const struct extent_map *map,
					      u32 start, u32 count)
{
	const struct extent *extent = first_ending_after(map, start);
	u32 end = start + count;

	if (!extent || extent->start >= end)
		return (struct extent_piece){ .start = start, .count = count };
	if (extent->start > start)
		return (struct extent_piece){
			.start = start,
			.count = extent->start - start,
		};
	return (struct extent_piece){
		.start = start,
		.count = min(end, end_of(extent)) - start,
		.is_saved = true,
		.place = place_at(extent, start),
	};
}

static void link_extent(struct extent_map *map, struct extent *extent)
{
	struct rb_node **link = &map->root.rb_node, *parent = NULL;
	struct rb_node *nowhere;

	while (*link) {
		parent = *link;
		if (extent->start < extent_of(parent)->start)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node(&extent->node, parent, &nowhere);
	/* A reader must not meet it half made, nor later through a rotation. */
	smp_wmb();
	WRITE_ONCE(*link, &extent->node);
	rb_insert_color(&extent->node, &map->root);
}

static bool runs_on(const struct extent *a, const struct extent *b)
{
	if (a->start + a->count != b->start)
		return false;
	if (a->place >= PLACE_SPECIAL)
		return a->place == b->place && a->place != PLACE_MEMORY;
	return b->place < PLACE_SPECIAL && a->place + a->count == b->place;
}

/* Joins @b into @a, which stands before it, if they run on. */
static bool join_two(struct extent_map *map, struct extent *a, struct extent *b)
{
	if (!a || !b || !runs_on(a, b))
		return false;
	WRITE_ONCE(a->count, a->count + b->count);
	rb_erase(&b->node, &map->root);
	blksnap_extent_free(b);
	return true;
}

static void join(struct extent_map *map, struct extent *extent)
{
	struct extent *before = extent_of(rb_prev(&extent->node));

	if (join_two(map, before, extent))
		extent = before;
	join_two(map, extent, extent_of(rb_next(&extent->node)));
}

void blksnap_extent_map_insert(struct extent_map *map, struct extent *extent)
{
	raw_write_seqcount_begin(&map->seq);
	link_extent(map, extent);
	join(map, extent);
	raw_write_seqcount_end(&map->seq);
}

void blksnap_extent_map_set_stored(struct extent_map *map, u32 start, u32 count,
				   place_t place)
{
	struct extent *extent = first_ending_after(map, start);

	if (WARN_ON_ONCE(!extent || extent->start != start ||
			 extent->count != count ||
			 extent->place != PLACE_MEMORY))
		return;

	extent->place = place;
	raw_write_seqcount_begin(&map->seq);
	join(map, extent);
	raw_write_seqcount_end(&map->seq);
}

static struct extent *take_spare(struct extent *spare[2], u32 start, u32 end,
				 place_t place)
{
	struct extent **slot = spare[0] ? &spare[0] : &spare[1];
	struct extent *extent = *slot;

	*slot = NULL;
	extent->start = start;
	extent->count = end - start;
	extent->place = place;
	return extent;
}

/* Cuts [start, end) off @whole, which reaches beyond it on one side or both. */
static struct extent *cut_out(struct extent_map *map, struct extent *whole,
			      u32 start, u32 end, struct extent *spare[2])
{
	struct extent *middle = take_spare(spare, start, end, whole->place);
	u32 whole_end = end_of(whole);

	if (whole->start == start) {
		WRITE_ONCE(whole->start, end);
		WRITE_ONCE(whole->count, whole_end - end);
	} else {
		WRITE_ONCE(whole->count, start - whole->start);
		if (whole_end != end)
			link_extent(map, take_spare(spare, end, whole_end, whole->place));
	}
	link_extent(map, middle);
	return middle;
}

void blksnap_extent_map_replace(struct extent_map *map, u32 start, u32 count,
				place_t place, struct extent *spare[2])
{
	struct extent *extent = first_ending_after(map, start);
	u32 end = start + count;

	if (WARN_ON_ONCE(!extent || extent->start > start ||
			 end_of(extent) < end ||
			 (extent->place != PLACE_ZERO &&
			  extent->place != PLACE_POISON)))
		return;

	raw_write_seqcount_begin(&map->seq);
	if (extent->start != start || end_of(extent) != end)
		extent = cut_out(map, extent, start, end, spare);
	extent->place = place;
	join(map, extent);
	raw_write_seqcount_end(&map->seq);
}
