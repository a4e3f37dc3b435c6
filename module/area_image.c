// SPDX-License-Identifier: GPL-2.0-only
/*
 * area_image: what an image asks of its area: where data is, and a place that
 * it can be overwritten at. And what storage asks: to be left out.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/highmem.h>
#include <linux/slab.h>

#include "diff_area_internal.h"

/* Storage that is being given a place to be written at by an image. */
struct zero_save {
	struct diff_area *area;
	struct extent *spare[2];
	struct completion done;
	int error;
};

void diff_area_find(struct diff_area *area, sector_t start, sector_t count,
		    struct area_piece *piece)
{
	u32 part = region_clip(start, count);
	struct region *region = region_find(area, start);
	struct extent_piece found = { .count = part };
	unsigned long flags;

	piece->copy = NULL;
	if (region) {
		raw_spin_lock_irqsave(&region->lock, flags);
		found = extent_map_lookup(&region->saved, region_offset(start), part);
		if (found.is_saved && found.place == PLACE_MEMORY) {
			piece->copy = __region_copy_at(region, start, found.count);
			if (piece->copy) {
				copy_get(piece->copy);
				piece->offset = start - piece->copy->start;
			}
		}
		raw_spin_unlock_irqrestore(&region->lock, flags);
	}
	piece->count = found.count;
	if (!area_is_readable(area))
		piece->source = AREA_LOST;
	else if (!found.is_saved)
		piece->source = AREA_ORIGIN;
	else if (found.place == PLACE_MEMORY)
		piece->source = piece->copy ? AREA_MEMORY : AREA_LOST;
	else if (found.place == PLACE_ZERO)
		piece->source = AREA_ZERO;
	else if (found.place == PLACE_POISON)
		piece->source = AREA_LOST;
	else
		piece->source = AREA_STORAGE;

	if (piece->source == AREA_STORAGE)
		piece->count = copier_locate(area->copier, found.place, found.count,
					     &piece->bdev, &piece->sector);
	else if (piece->source == AREA_LOST && piece->copy) {
		copy_put(piece->copy);
		piece->copy = NULL;
	}
}

/* The first part of @range that is not on the storage: its place, or none. */
static bool find_unsettled(struct diff_area *area, struct sector_range range,
			   struct extent_piece *piece, sector_t *at)
{
	while (range.count) {
		u32 part = region_clip(range.start, range.count);
		struct region *region = region_find(area, range.start);
		unsigned long flags;

		*piece = (struct extent_piece){ .count = part };
		if (region) {
			raw_spin_lock_irqsave(&region->lock, flags);
			*piece = extent_map_lookup(&region->saved,
						   region_offset(range.start), part);
			raw_spin_unlock_irqrestore(&region->lock, flags);
		}
		*at = range.start;
		if (!piece->is_saved || piece->place >= PLACE_SPECIAL)
			return true;
		range.start += piece->count;
		range.count -= piece->count;
	}
	return false;
}

/* Is nothing left that copying and storing, which are under way, will change? */
static bool is_settled(struct diff_area *area, struct sector_range range)
{
	struct extent_piece piece;
	sector_t at;

	return !area_is_readable(area) ||
	       !find_unsettled(area, range, &piece, &at) ||
	       (piece.is_saved && piece.place != PLACE_MEMORY);
}

static void zeros_stored(struct copy *copy, place_t place, int error)
{
	struct zero_save *save = copy->owner;
	struct region *region = region_find(save->area, copy->start);
	unsigned long flags;

	if (!error) {
		raw_spin_lock_irqsave(&region->lock, flags);
		extent_map_replace(&region->saved, region_offset(copy->start),
				   copy->count, place, save->spare);
		raw_spin_unlock_irqrestore(&region->lock, flags);
	}
	copy_put(copy);
	save->error = error;
	complete(&save->done);
}

static const struct copy_operations zero_ops = {
	.stored = zeros_stored,
};

/* One image write at a time comes here: the image sees to that. */
static int save_zeros(struct diff_area *area, sector_t start, u32 count)
{
	struct zero_save save = { .area = area };
	struct copy *copy;
	unsigned int i;

	init_completion(&save.done);
	save.spare[0] = extent_alloc(GFP_NOIO);
	save.spare[1] = extent_alloc(GFP_NOIO);
	copy = copy_alloc(area->copier, area->flt->bdev, start,
			  min_t(u32, count, COPY_MAX_SECTORS), &zero_ops, true, NULL);
	if (!save.spare[0] || !save.spare[1] || !copy) {
		if (copy)
			copy_put(copy);
		save.error = -EIO;
	} else {
		for (i = 0; i < copy->bio.bi_vcnt; i++)
			clear_highpage(copy->bio.bi_io_vec[i].bv_page);
		copy->owner = &save;
		copy_store(copy);
		wait_for_completion(&save.done);
	}
	extent_free(save.spare[0]);
	extent_free(save.spare[1]);
	return save.error ? -EIO : 0;
}

/*
 * Waits until copying and storing have done what they will do for @range. Room
 * is waited for as long as storage may take for anything, but not for that time
 * by each of a thousand writes.
 */
static int wait_until_settled(struct diff_area *area, struct sector_range range)
{
	unsigned long short_for = copier_short_for(area->copier);
	unsigned long timeout = area->stall_timeout;

	timeout -= min(short_for, timeout - 1);
	if (wait_event_timeout(area->progress, is_settled(area, range), timeout))
		return 0;
	return copier_short_for(area->copier) ? -ENOSPC : -ETIMEDOUT;
}

int diff_area_save(struct diff_area *area, struct sector_range range)
{
	struct save_request *request;
	struct extent_piece piece;
	unsigned long flags;
	sector_t at;
	int ret;

	range = range_round_out(range, area->unit, area->capacity);
	for (;;) {
		if (!area_is_readable(area))
			return -EIO;
		if (!find_unsettled(area, range, &piece, &at))
			return 0;
		if (piece.is_saved && piece.place == PLACE_POISON)
			return -EIO;
		if (piece.is_saved && piece.place == PLACE_ZERO) {
			ret = save_zeros(area, at, piece.count);
			if (ret)
				return ret;
			continue;
		}
		if (!piece.is_saved) {
			request = kmalloc(sizeof(*request), GFP_NOIO);
			if (!request)
				return -EIO;
			request->range = range;
			raw_spin_lock_irqsave(&area->lock, flags);
			list_add_tail(&request->link, &area->requests);
			raw_spin_unlock_irqrestore(&area->lock, flags);
			area_kick(area);
		}
		ret = wait_until_settled(area, range);
		if (ret)
			return ret;
	}
}

/* Zeros in all of @range that is neither saved nor being copied. */
static int exclude_part(struct diff_area *area, struct region *region,
			sector_t start, u32 count, u32 *done)
{
	struct extent *extent = extent_alloc(GFP_KERNEL);
	struct extent_piece piece;
	struct copy *copy;
	unsigned long flags;

	if (!extent)
		return -ENOMEM;
	raw_spin_lock_irqsave(&region->lock, flags);
	piece = __region_look(region, start, count, &copy);
	if (!piece.is_saved && !copy) {
		extent->start = region_offset(start);
		extent->count = piece.count;
		extent->place = PLACE_ZERO;
		extent_map_insert(&region->saved, extent);
		extent = NULL;
	}
	raw_spin_unlock_irqrestore(&region->lock, flags);
	extent_free(extent);
	/* What is being copied is saved or poisoned in a moment. */
	*done = copy ? 0 : piece.count;
	if (copy)
		schedule_timeout_uninterruptible(1);
	return 0;
}

int diff_area_exclude(struct diff_area *area, struct sector_range range)
{
	u32 done;
	int ret;

	while (range.count) {
		u32 part = region_clip(range.start, range.count);
		struct region *region = region_get(area, range.start);

		if (!region)
			return -ENOMEM;
		ret = exclude_part(area, region, range.start, part, &done);
		if (ret)
			return ret;
		range.start += done;
		range.count -= done;
	}
	return 0;
}
