/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * extent_map: which sectors of one region are saved, and where.
 *
 * Pure: memory only, no allocation but through blksnap_extent_alloc(). One map serves
 * one region of REGION_SECTORS sectors; sectors count from the region's start.
 * Extents never overlap. The map only grows until blksnap_extent_map_destroy().
 *
 * The caller holds the region's lock around every call but
 * blksnap_extent_map_covers(), which is lockless: it may say "not covered" of what is
 * covered, while the map changes or across many extents; never the reverse.
 */
#ifndef _BLKSNAP_EXTENT_MAP_H
#define _BLKSNAP_EXTENT_MAP_H

#include <linux/types.h>
#include <linux/llist.h>
#include <linux/rbtree.h>
#include <linux/seqlock.h>

/*
 * Where the data of an extent is. A place below PLACE_SPECIAL is a sector of
 * the difference storage; an extent's places run on with its sectors. The
 * others are the same for every sector of the extent.
 */
typedef u64 place_t;
#define PLACE_SPECIAL	((place_t)1 << 63)
#define PLACE_MEMORY	(PLACE_SPECIAL + 0)	/* published, not stored yet */
#define PLACE_POISON	(PLACE_SPECIAL + 1)	/* the origin could not be read */
#define PLACE_ZERO	(PLACE_SPECIAL + 2)	/* storage on the device itself */

struct extent {
	struct rb_node node;
	u32 start;		/* sectors from the region's start */
	u32 count;
	union {
		place_t place;
		struct llist_node parked;	/* once freed */
	};
};

struct extent_map {
	seqcount_t seq;		/* odd while start, count or links change */
	struct rb_root root;
};

/* A piece of a range, all of it in one state. */
struct extent_piece {
	u32 start;
	u32 count;
	bool is_saved;
	place_t place;		/* of the piece's first sector, if saved */
};

/* Module-wide slab of extents: -ENOMEM or 0; at exit all must be free. */
int blksnap_extent_cache_init(void);
void blksnap_extent_cache_exit(void);

/* Owned by the caller until inserted. @gfp as for any allocation. */
struct extent *blksnap_extent_alloc(gfp_t gfp);
void blksnap_extent_free(struct extent *extent);	/* NULL is fine; any context */

/* Not ..._init(): btrfs has one of that name, and both may be built in. */
void blksnap_extent_map_setup(struct extent_map *map);

/*
 * Frees all extents. No lockless reader may be left, and no other user: so
 * without the lock.
 */
void blksnap_extent_map_destroy(struct extent_map *map);

/*
 * Is all of [start, start + count), count > 0, saved? Lockless, any context, under
 * rcu_read_lock() or with preemption off.
 */
bool blksnap_extent_map_covers(const struct extent_map *map, u32 start, u32 count);

/*
 * The first piece of [start, start + count), count > 0: from @start up to where
 * the state changes or the range ends. Neighbouring extents are different
 * pieces.
 */
struct extent_piece blksnap_extent_map_lookup(const struct extent_map *map,
					      u32 start, u32 count);

/*
 * Puts @extent, filled in by the caller, into the map, which takes it over.
 * Nothing of it may be saved yet. Extents with a storage place are joined with
 * neighbours that run on, in sectors and places alike; PLACE_POISON and
 * PLACE_ZERO join with their own kind; PLACE_MEMORY never joins.
 */
void blksnap_extent_map_insert(struct extent_map *map, struct extent *extent);

/*
 * The data of a PLACE_MEMORY extent that was inserted with exactly this range
 * has reached the storage at @place. Joins as insert does.
 */
void blksnap_extent_map_set_stored(struct extent_map *map, u32 start, u32 count,
				   place_t place);

/*
 * Gives PLACE_ZERO or PLACE_POISON sectors [start, start + count), which must
 * lie within one extent of that kind, a storage place. @spare: two extents
 * from the caller, used as needed; what is set to NULL was taken over.
 */
void blksnap_extent_map_replace(struct extent_map *map, u32 start, u32 count,
				place_t place, struct extent *spare[2]);

#endif /* _BLKSNAP_EXTENT_MAP_H */
