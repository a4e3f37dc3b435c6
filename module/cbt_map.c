// SPDX-License-Identifier: GPL-2.0-only
/*
 * cbt_map: which blocks of one device were written in which period.
 *
 * Kept: one cell of 16 bits a block. Its low byte is the period of the last
 * write, its high byte the period of the last write before that period; 0 is
 * "not in this generation". Periods count from 1. The running period is always
 * the number of the last take plus one, so one byte stands for both.
 *
 *	cell            the last write was       readable, as of the take
 *	{0, 0}          never                    0
 *	{p, *}  p < run in period p              p
 *	{run, q}        after the take           q
 *
 * mark		{p, *} becomes {run, p}, {run, q} stays: the first write of a
 *		period costs a cmpxchg a block, any further one a load.
 * mark_both	any cell becomes {run, run - 1}.
 * read		takes each cell's third column.
 * switch	raises the running period. That alone turns the second row's
 *		view of each cell into the third's, so no map is copied and a
 *		take costs the same for every size of device.
 *
 * What must hold, and why it does:
 *
 * - No cell is newer than the running period, and markers agree on what that
 *   is: it changes only with the gates closed.
 * - A mark is never lost. A cmpxchg fails only if the cell has changed, and
 *   within a period it changes only to {run, *}, so it need not be repeated.
 * - The readable value stays fixed but for mark_both: a mark moves it from the
 *   low byte to the high one in a single step, so a reader beside it sees the
 *   same value before and after.
 * - mark_both only ever raises a byte: no cell is above run, no readable value
 *   above run - 1. A plain store will do. If it lands between a mark's load
 *   and its cmpxchg, that load was not {run, *}, so the cmpxchg fails.
 *
 * Starting anew (a period above 255 would be needed, another capacity, a lost
 * map): a zeroed grid and a new generation; run is 1, so the number is 0. The
 * grid is made in prepare, where memory may be waited for. Only a map lost
 * since then is cleared in place. Nobody marks during the switch, so a plain
 * pointer serves.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "cbt_map.h"
#include "geometry.h"

#define FIRST_PERIOD	1
#define LAST_PERIOD	U8_MAX

/* The interface tells a block's size in bytes, in 32 bits. */
#define SHIFT_MAX	31

/* Cells, and how a device's sectors fall on them. */
struct grid {
	u16 *cells;
	sector_t capacity;
	u32 block_count;
	u32 block_shift;
};

/*
 * I set at creation - G changed only with the gates closed - A atomic, any
 * context - P belongs to prepare, switch and finish, which the caller never
 * runs beside each other. What marking needs stands first, in a cache line.
 */
struct cbt_map {
	struct grid grid;		/* G; the cells themselves: A */
	u8 period;			/* G: the running one */
	u8 lost;			/* A: enum cbt_reason or 0; set only, but for the switch */

	uuid_t generation;		/* G */
	u8 reason;			/* G: enum cbt_reason, of @generation */
	u32 min_shift;			/* I */
	u32 max_count;			/* I */

	struct grid next_grid;		/* P: without cells: keep the grid */
	uuid_t next_generation;		/* P */
	u8 next_reason;			/* P, with @next_grid */
	u16 *old_cells;			/* P: replaced, not yet freed */
};

static_assert(offsetofend(struct cbt_map, lost) <= 32);
static_assert(CBT_NEW == 0);	/* no reason for a loss, and what zeroed memory says */

static u16 make_cell(u8 last, u8 before)
{
	return before << 8 | last;
}

static u8 last_of(u16 cell)
{
	return cell & 0xff;
}

static u8 readable_of(u16 cell, u8 period)
{
	return last_of(cell) == period ? cell >> 8 : last_of(cell);
}

/* What the last take reported. */
static u8 snap_number(const struct cbt_map *map)
{
	return map->period - 1;
}

static int make_grid(struct grid *grid, sector_t capacity, u32 min_shift,
		     u32 max_count)
{
	u64 bytes = (u64)capacity << 9;
	/* Blocks that would have to be larger are more instead. */
	u32 shift = min_t(u32, cbt_block_shift(bytes, min_shift, max_count), SHIFT_MAX);
	u64 count = cbt_block_count(bytes, shift);
	u16 *cells;

	if (!capacity)
		return -EINVAL;
	/* As many bytes as an int can tell, or kvcalloc() would complain. */
	if (count > INT_MAX / sizeof(*cells))
		return -ENOMEM;
	cells = kvcalloc(count, sizeof(*cells), GFP_KERNEL);
	if (!cells)
		return -ENOMEM;

	*grid = (struct grid){ cells, capacity, count, shift };
	return 0;
}

struct cbt_map *blksnap_cbt_map_alloc(sector_t capacity, u32 min_shift, u32 max_count)
{
	struct cbt_map *map = kzalloc(sizeof(*map), GFP_KERNEL);
	int ret;

	if (!map)
		return ERR_PTR(-ENOMEM);

	ret = make_grid(&map->grid, capacity, min_shift, max_count);
	if (ret) {
		kfree(map);
		return ERR_PTR(ret);
	}
	map->min_shift = min_shift;
	map->max_count = max_count;
	map->period = FIRST_PERIOD;
	uuid_gen(&map->generation);
	return map;
}

void blksnap_cbt_map_free(struct cbt_map *map)
{
	if (!map)
		return;
	blksnap_cbt_map_finish(map);
	kvfree(map->grid.cells);
	kfree(map);
}

void blksnap_cbt_map_info(const struct cbt_map *map, struct cbt_map_info *info)
{
	*info = (struct cbt_map_info){
		.capacity = map->grid.capacity,
		.block_shift = map->grid.block_shift,
		.block_count = map->grid.block_count,
		.generation = map->generation,
		.snap_number = snap_number(map),
		.reason = map->reason,
	};
}

void blksnap_cbt_map_read(const struct cbt_map *map, u32 first, u32 count, u8 *bytes)
{
	const u16 *cell = map->grid.cells + first;
	u8 period = map->period;

	while (count--)
		*bytes++ = readable_of(READ_ONCE(*cell++), period);
}

/* The sector range of blocks [first, end): the last block may be cut short. */
static struct sector_range sectors_of(const struct grid *grid, u32 first, u32 end)
{
	u32 shift = grid->block_shift - 9;
	sector_t start = (sector_t)first << shift;

	return (struct sector_range){
		start, min((sector_t)end << shift, grid->capacity) - start
	};
}

unsigned int blksnap_cbt_map_changes(const struct cbt_map *map, u8 since,
				     u32 *next, u32 end,
				     struct sector_range *ranges,
				     unsigned int room)
{
	const u16 *cells = map->grid.cells;
	u8 period = map->period;
	unsigned int count = 0;
	u32 block = *next;

	while (block < end && count < room) {
		u32 first;

		while (block < end && readable_of(READ_ONCE(cells[block]), period) <= since)
			block++;
		first = block;
		while (block < end && readable_of(READ_ONCE(cells[block]), period) > since)
			block++;
		if (block > first)
			ranges[count++] = sectors_of(&map->grid, first, block);
	}
	*next = block;
	return count;
}

void blksnap_cbt_map_count(const struct cbt_map *map, u32 first, u32 count,
			   struct cbt_map_counts *counts)
{
	const u16 *cell = map->grid.cells + first;
	u8 number = snap_number(map);

	for (; count; count--, cell++) {
		u16 value = READ_ONCE(*cell);

		if (!last_of(value))
			continue;
		counts->generation++;
		counts->running += last_of(value) == map->period;
		counts->last += number && readable_of(value, map->period) == number;
	}
}

int blksnap_cbt_map_prepare(struct cbt_map *map, sector_t capacity)
{
	u8 lost = READ_ONCE(map->lost);

	blksnap_cbt_map_finish(map);
	uuid_gen(&map->next_generation);

	if (capacity != map->grid.capacity) {
		/* Also if this take fails, and the old size is back at the next. */
		blksnap_cbt_map_set_lost(map, CBT_RESIZED);
		map->next_reason = CBT_RESIZED;
	} else if (lost) {
		map->next_reason = lost;
	} else if (map->period == LAST_PERIOD) {
		map->next_reason = CBT_WRAPPED;
	} else {
		return 0;
	}
	return make_grid(&map->next_grid, capacity, map->min_shift,
			 map->max_count);
}

void blksnap_cbt_map_switch(struct cbt_map *map)
{
	if (map->next_grid.cells) {
		map->old_cells = map->grid.cells;
		map->grid = map->next_grid;
		map->next_grid.cells = NULL;
		map->reason = map->next_reason;
	} else if (map->lost) {
		memset(map->grid.cells, 0,
		       map->grid.block_count * sizeof(*map->grid.cells));
		map->reason = map->lost;
	} else {
		map->period++;
		return;
	}
	map->generation = map->next_generation;
	map->period = FIRST_PERIOD;
	map->lost = 0;
}

void blksnap_cbt_map_finish(struct cbt_map *map)
{
	kvfree(map->old_cells);
	map->old_cells = NULL;
	kvfree(map->next_grid.cells);
	map->next_grid.cells = NULL;
}

void blksnap_cbt_map_set_lost(struct cbt_map *map, enum cbt_reason reason)
{
	WRITE_ONCE(map->lost, reason);
}

struct cell_range {
	u16 *first;
	u16 *end;
};

/* The cells of [start, start + count), as far as there are any. */
static struct cell_range cells_of(struct cbt_map *map, sector_t start,
				  sector_t count)
{
	const struct grid *grid = &map->grid;
	u32 shift = grid->block_shift - 9;

	if (unlikely(!range_is_inside(start, count, grid->capacity))) {
		if (!count)
			return (struct cell_range){};
		blksnap_cbt_map_set_lost(map, CBT_BEYOND);
		if (start >= grid->capacity)
			return (struct cell_range){};
		count = grid->capacity - start;
	}
	return (struct cell_range){
		.first = grid->cells + (start >> shift),
		.end = grid->cells + ((start + count - 1) >> shift) + 1,
	};
}

void blksnap_cbt_map_mark_both(struct cbt_map *map, sector_t start, sector_t count)
{
	struct cell_range cells = cells_of(map, start, count);
	u16 marked = make_cell(map->period, snap_number(map));
	u16 *cell;

	for (cell = cells.first; cell < cells.end; cell++)
		WRITE_ONCE(*cell, marked);
}

/* If the cmpxchg fails, someone else has marked the block meanwhile. */
static void mark_cell(u16 *cell, u8 period)
{
	u16 old = READ_ONCE(*cell);

	if (last_of(old) != period)
		cmpxchg(cell, old, make_cell(period, last_of(old)));
}

void blksnap_cbt_map_mark(struct cbt_map *map, sector_t start, sector_t count)
{
	struct cell_range cells = cells_of(map, start, count);
	u8 period = map->period;
	u16 *cell;

	for (cell = cells.first; cell < cells.end; cell++)
		mark_cell(cell, period);
}
