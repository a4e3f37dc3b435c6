/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * geometry: arithmetic on sectors, units and blocks, in one place.
 *
 * Pure: no state, no locks, any context. A unit is the smallest thing that is
 * copied: 4 KiB, or the device's logical block if that is larger. A region is
 * the part of a device that shares one extent map and one lock.
 */
#ifndef _BLKSNAP_GEOMETRY_H
#define _BLKSNAP_GEOMETRY_H

#include <linux/types.h>
#include <linux/kernel.h>
#include <linux/log2.h>

#define BLKSNAP_UNIT_MIN_SECTORS	8u
#define REGION_SECTOR_SHIFT		21u		/* 1 GiB */
#define REGION_SECTORS			(1u << REGION_SECTOR_SHIFT)

/*
 * A run of sectors; empty if count is 0. Its end is far below 2^64, as that of
 * any device: a range from outside is first tried with range_is_inside().
 */
struct sector_range {
	sector_t start;
	sector_t count;
};

static inline sector_t range_end(struct sector_range r)
{
	return r.start + r.count;
}

/* Sectors of a copy unit on a device with this logical block size. */
static inline u32 unit_sectors(u32 logical_block_bytes)
{
	return max(BLKSNAP_UNIT_MIN_SECTORS, logical_block_bytes >> 9);
}

/* What two ranges share; count is 0 if they share nothing. */
static inline struct sector_range range_intersect(struct sector_range a,
						  struct sector_range b)
{
	sector_t start = max(a.start, b.start);
	sector_t end = min(range_end(a), range_end(b));

	return (struct sector_range){ start, end > start ? end - start : 0 };
}

/* Widens to whole units, but not past the device's end. @unit: a power of 2. */
static inline struct sector_range range_round_out(struct sector_range r,
						  u32 unit, sector_t capacity)
{
	sector_t start = r.start & ~(sector_t)(unit - 1);
	sector_t end = (range_end(r) + unit - 1) & ~(sector_t)(unit - 1);

	end = min(end, capacity);
	return (struct sector_range){ start, end > start ? end - start : 0 };
}

/* Narrows to whole units; count is 0 if none is whole. @unit: a power of 2. */
static inline struct sector_range range_round_in(struct sector_range r, u32 unit)
{
	sector_t start = (r.start + unit - 1) & ~(sector_t)(unit - 1);
	sector_t end = range_end(r) & ~(sector_t)(unit - 1);

	return (struct sector_range){ start, end > start ? end - start : 0 };
}

/*
 * Is [start, start + count) inside a device of @capacity sectors? Exact also
 * where the sum would overflow. An empty range is not inside anything.
 */
static inline bool range_is_inside(u64 start, u64 count, sector_t capacity)
{
	return count && start < capacity && count <= capacity - start;
}

/* Blocks of 1 << @shift bytes; the last one may reach past the device's end. */
static inline u64 cbt_block_count(u64 capacity_bytes, u32 shift)
{
	u64 whole = capacity_bytes >> shift;

	return whole + (whole << shift != capacity_bytes);
}

/*
 * Shift of the change map's block size: the smallest power of two that is not
 * below 1 << @min_shift and needs at most @max_count blocks.
 */
static inline u32 cbt_block_shift(u64 capacity_bytes, u32 min_shift, u32 max_count)
{
	u32 shift = min_shift;

	while (shift < 63 && cbt_block_count(capacity_bytes, shift) > max_count)
		shift++;
	return shift;
}

#endif /* _BLKSNAP_GEOMETRY_H */
