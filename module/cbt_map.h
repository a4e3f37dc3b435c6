/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cbt_map: which blocks of one device were written in which period.
 *
 * Pure: memory only. See cbt_map.c for how a cell serves the running period
 * and the readable one at a time.
 *
 * Marking takes no lock and may be done from any context. Everything that
 * changes the period (blksnap_cbt_map_switch) is called while no one can mark, that
 * is, with the gates of the device closed; the caller serialises readers
 * (blksnap_cbt_map_read, blksnap_cbt_map_info) against it.
 */
#ifndef _BLKSNAP_CBT_MAP_H
#define _BLKSNAP_CBT_MAP_H

#include <linux/types.h>
#include <linux/uuid.h>

#include "geometry.h"

struct cbt_map;

/* Why a generation began. */
enum cbt_reason {
	CBT_NEW,	/* the map was made */
	CBT_RESIZED,	/* another capacity */
	CBT_WRAPPED,	/* the number would have overflowed */
	CBT_BEYOND,	/* lost: a write where the map has no cell */
	CBT_MEDIUM,	/* lost: the device has other contents */
	CBT_STORAGE,	/* lost: writes by way of storage were not seen */
};

struct cbt_map_info {
	sector_t capacity;	/* sectors, as of the last switch or creation */
	u32 block_shift;	/* log2 of bytes a block stands for */
	u32 block_count;
	uuid_t generation;
	u8 snap_number;		/* what the last take reported, 0 before it */
	enum cbt_reason reason;	/* why the generation began */
};

/* How many blocks were written... */
struct cbt_map_counts {
	u32 running;		/* since the last take */
	u32 last;		/* in the period that the last take ended */
	u32 generation;		/* at all, in this generation */
};

/*
 * A fresh map in period 1 with a random generation. May sleep. @min_shift (at
 * least 9) and @max_count are the limits of cbt_block_shift(); a block is never
 * larger than 2 GiB, though, rather are there more. Returns ERR_PTR(-ENOMEM), or
 * ERR_PTR(-EINVAL) for a device without sectors. The caller owns the map and frees it
 * with blksnap_cbt_map_free(), which takes NULL.
 */
struct cbt_map *blksnap_cbt_map_alloc(sector_t capacity, u32 min_shift, u32 max_count);
void blksnap_cbt_map_free(struct cbt_map *map);

/*
 * Sectors are about to change (I2: called before the write is passed on). Any
 * context, lockless. What lies beyond the capacity that the map was made for
 * makes the map lost: the next switch starts a new generation.
 */
void blksnap_cbt_map_mark(struct cbt_map *map, sector_t start, sector_t count);

/*
 * Sectors differ between what the last take reported and what a backup must
 * see: raises both the running and the readable value of their blocks. The
 * caller has checked the range. Any context, lockless.
 */
void blksnap_cbt_map_mark_both(struct cbt_map *map, sector_t start, sector_t count);

/*
 * The map can no longer be trusted: the next switch starts a new generation, for
 * the reason given last. Any context.
 */
void blksnap_cbt_map_set_lost(struct cbt_map *map, enum cbt_reason reason);

/*
 * Prepares for a take of a device that has @capacity sectors now. May sleep;
 * marks go on meanwhile. If the map has to start anew (the number would
 * overflow, the capacity has changed, the map is lost), memory and a new
 * generation are put aside for the switch. Returns 0, or an error as
 * blksnap_cbt_map_alloc(); then there must be no switch. May be called again, the last
 * call counts, but a capacity that was seen once makes the next switch start anew.
 */
int blksnap_cbt_map_prepare(struct cbt_map *map, sector_t capacity);

/*
 * The take itself: the running period becomes the readable one. With the gates
 * closed; never sleeps, never fails. If the map became lost after the
 * preparation, it is cleared in place here. The replaced cells are kept for
 * blksnap_cbt_map_finish(), which frees them and may sleep; after a take that failed it
 * frees what was prepared.
 */
void blksnap_cbt_map_switch(struct cbt_map *map);
void blksnap_cbt_map_finish(struct cbt_map *map);

/* As of the last switch. The caller excludes blksnap_cbt_map_switch(). */
void blksnap_cbt_map_info(const struct cbt_map *map, struct cbt_map_info *info);

/*
 * Readable bytes of the blocks [first, first + count), which the caller has
 * clipped to the map. The caller excludes blksnap_cbt_map_switch(). Any context.
 */
void blksnap_cbt_map_read(const struct cbt_map *map, u32 first, u32 count, u8 *bytes);

/*
 * What changed since take @since, as sectors: up to @room ranges, in ascending
 * order and none touching another, of the blocks from *@next to before @end,
 * which the caller has clipped to the map. Returns how many; *@next is then the
 * block to go on from, @end if all was looked at. The caller excludes
 * blksnap_cbt_map_switch(). Any context.
 */
unsigned int blksnap_cbt_map_changes(const struct cbt_map *map, u8 since,
				     u32 *next, u32 end,
				     struct sector_range *ranges,
				     unsigned int room);

/*
 * Adds the blocks [first, first + count), which the caller has clipped to the
 * map, to @counts. The caller excludes blksnap_cbt_map_switch(). Any context.
 */
void blksnap_cbt_map_count(const struct cbt_map *map, u32 first, u32 count,
			   struct cbt_map_counts *counts);

#endif /* _BLKSNAP_CBT_MAP_H */
