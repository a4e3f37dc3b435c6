// SPDX-License-Identifier: GPL-2.0-only
/*
 * area_image: what an image asks of its area: where data is, and a place that
 * it can be overwritten at. And what storage asks: to be left out.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/highmem.h>
#include <linux/slab.h>

#include "diff_area_internal.h"

enum zero_state { ZERO_WAITED_FOR, ZERO_BEING_ENTERED, ZERO_ENTERED, ZERO_GIVEN_UP };

/*
 * Storage that is being given a place to be written at by an image. Belongs to who
 * waits and to the copy, since there may never be room.
 */
struct zero_save {
	struct diff_area *area;
	struct extent *spare[2];
	enum zero_state state;		/* from WAITED_FOR by cmpxchg() */
	refcount_t owners;
	int error;
};

void blksnap_diff_area_find(struct diff_area *area, sector_t start, sector_t count,
			    struct area_piece *piece)
{
	u32 part = region_clip(start, count);
	struct region *region = blksnap_region_find(area, start);
	struct extent_piece found = { .count = part };
	unsigned long flags;

	piece->copy = NULL;
	if (region) {
		raw_spin_lock_irqsave(&region->lock, flags);
		found = blksnap_extent_map_lookup(&region->saved,
						  region_offset(start), part);
		if (found.is_saved && found.place == PLACE_MEMORY) {
			piece->copy = __blksnap_region_copy_at(region, start,
							       found.count);
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
		piece->source = blksnap_area_lost_medium(area) ? AREA_LOST :
								 AREA_ORIGIN;
	else if (found.place == PLACE_MEMORY)
		piece->source = piece->copy ? AREA_MEMORY : AREA_LOST;
	else if (found.place == PLACE_ZERO)
		piece->source = AREA_ZERO;
	else if (found.place == PLACE_POISON)
		piece->source = AREA_LOST;
	else
		piece->source = AREA_STORAGE;

	if (piece->source == AREA_STORAGE)
		piece->count = blksnap_copier_locate(area->copier, found.place,
						     found.count, &piece->bdev,
						     &piece->sector);
	else if (piece->source == AREA_LOST && piece->copy) {
		blksnap_copy_put(piece->copy);
		piece->copy = NULL;
	}
}

/* The first part of @range that is not on the storage: its place, or none. */
static bool find_unsettled(struct diff_area *area, struct sector_range range,
			   struct extent_piece *piece, sector_t *at)
{
	while (range.count) {
		u32 part = region_clip(range.start, range.count);
		struct region *region = blksnap_region_find(area, range.start);
		unsigned long flags;

		*piece = (struct extent_piece){ .count = part };
		if (region) {
			raw_spin_lock_irqsave(&region->lock, flags);
			*piece = blksnap_extent_map_lookup(&region->saved,
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

static void zero_save_put(struct zero_save *save)
{
	if (!refcount_dec_and_test(&save->owners))
		return;
	blksnap_extent_free(save->spare[0]);
	blksnap_extent_free(save->spare[1]);
	kfree(save);
}

static struct zero_save *zero_save_alloc(struct diff_area *area)
{
	struct zero_save *save = kzalloc(sizeof(*save), GFP_NOIO);

	if (!save)
		return NULL;
	save->area = area;
	refcount_set(&save->owners, 1);
	save->spare[0] = blksnap_extent_alloc(GFP_NOIO);
	save->spare[1] = blksnap_extent_alloc(GFP_NOIO);
	if (save->spare[0] && save->spare[1])
		return save;
	zero_save_put(save);
	return NULL;
}

/* Given up, the place is lost: the range may have got another one since. */
static void zeros_stored(struct copy *copy, place_t place, int error)
{
	struct zero_save *save = copy->owner;
	struct diff_area *area = save->area;
	struct region *region = blksnap_region_find(area, copy->start);
	unsigned long flags;

	if (cmpxchg(&save->state, ZERO_WAITED_FOR, ZERO_BEING_ENTERED) == ZERO_WAITED_FOR) {
		if (!error) {
			raw_spin_lock_irqsave(&region->lock, flags);
			blksnap_extent_map_replace(&region->saved,
						   region_offset(copy->start),
						   copy->count, place,
						   save->spare);
			raw_spin_unlock_irqrestore(&region->lock, flags);
		}
		save->error = error;
		/* Who finds it entered reads the error: is_entered(). */
		smp_store_release(&save->state, ZERO_ENTERED);
		blksnap_area_wake_progress(area);
	}
	blksnap_copy_put(copy);
	zero_save_put(save);
	blksnap_area_copy_ended(area);
}

static const struct copy_operations zero_ops = {
	.stored = zeros_stored,
};

static bool is_entered(struct zero_save *save)
{
	/* Pairs with zeros_stored(). */
	return smp_load_acquire(&save->state) == ZERO_ENTERED;
}

static int wait_for_zeros(struct zero_save *save)
{
	struct diff_area *area = save->area;

	wait_event_timeout(area->progress, is_entered(save) || !area_is_readable(area),
			   area->stall_timeout);
	if (cmpxchg(&save->state, ZERO_WAITED_FOR, ZERO_GIVEN_UP) == ZERO_WAITED_FOR) {
		if (!area_is_readable(area))
			return -EIO;
		return blksnap_copier_short_for(area->copier) ? -ENOSPC : -ETIMEDOUT;
	}
	wait_event(area->progress, is_entered(save));
	return save->error ? -EIO : 0;
}

/* The area is not stopped yet: images go first. */
static int save_zeros(struct diff_area *area, sector_t start, u32 count)
{
	struct zero_save *save;
	struct copy *copy;
	unsigned int i;
	int ret;

	/* What waits for room already has waited long enough for this one as well. */
	if (blksnap_copier_short_for(area->copier) >= area->stall_timeout)
		return -ENOSPC;
	save = zero_save_alloc(area);
	if (!save)
		return -EIO;
	copy = blksnap_copy_alloc(area->copier, area->flt->bdev, start,
				  min_t(u32, count, COPY_MAX_SECTORS), &zero_ops, true, NULL);
	if (!copy) {
		zero_save_put(save);
		return -EIO;
	}
	for (i = 0; i < copy->bio.bi_vcnt; i++)
		clear_highpage(copy->bio.bi_io_vec[i].bv_page);
	copy->owner = save;
	refcount_inc(&save->owners);
	atomic_inc(&area->copies);
	blksnap_copy_store(copy);
	ret = wait_for_zeros(save);
	zero_save_put(save);
	return ret;
}

/*
 * Waits until copying and storing have done what they will do for @range, for as
 * long as the storage may take to make any progress. Room is waited for that long
 * as well, but not by each of a thousand writes.
 */
static int wait_until_settled(struct diff_area *area, struct sector_range range)
{
	struct copier_stats before, now;
	unsigned long timeout, short_for;

	for (;;) {
		blksnap_copier_stats(area->copier, &before);
		short_for = blksnap_copier_short_for(area->copier);
		timeout = area->stall_timeout;
		timeout -= min(short_for, timeout - 1);
		if (wait_event_timeout(area->progress, is_settled(area, range), timeout))
			return 0;
		blksnap_copier_stats(area->copier, &now);
		if (blksnap_copier_short_for(area->copier))
			return -ENOSPC;
		if (!short_for && now.stored_bytes == before.stored_bytes)
			return -ETIMEDOUT;
	}
}

/* One image write at a time comes here: the image sees to that. */
static void set_request(struct diff_area *area, struct sector_range range)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&area->lock, flags);
	area->request = range;
	raw_spin_unlock_irqrestore(&area->lock, flags);
}

/* Also if the first of @range is on its way to the storage: the rest may not be. */
static int save_copied(struct diff_area *area, struct sector_range range)
{
	int ret;

	set_request(area, range);
	blksnap_area_kick(area);
	ret = wait_until_settled(area, range);
	set_request(area, (struct sector_range){ });
	return ret;
}

int blksnap_diff_area_save(struct diff_area *area, struct sector_range range)
{
	struct extent_piece piece;
	sector_t at;
	int ret = 0;

	range = range_round_out(range, area->unit, area->capacity);
	while (!ret) {
		if (!area_is_readable(area))
			return -EIO;
		if (!find_unsettled(area, range, &piece, &at))
			return 0;
		if (piece.is_saved && piece.place == PLACE_POISON)
			return -EIO;
		blksnap_copier_hurry_begin(area->copier);
		if (piece.is_saved && piece.place == PLACE_ZERO)
			ret = save_zeros(area, at, piece.count);
		else
			ret = save_copied(area, range);
		blksnap_copier_hurry_end(area->copier);
	}
	return ret;
}

/* Zeros in all of @range that is neither saved nor being copied. */
static int exclude_part(struct diff_area *area, struct region *region,
			sector_t start, u32 count, u32 *done)
{
	struct extent *extent = blksnap_extent_alloc(GFP_KERNEL);
	struct extent_piece piece;
	struct copy *copy;
	unsigned long flags;

	if (!extent)
		return -ENOMEM;
	raw_spin_lock_irqsave(&region->lock, flags);
	piece = __blksnap_region_look(region, start, count, &copy);
	if (!piece.is_saved && !copy) {
		extent->start = region_offset(start);
		extent->count = piece.count;
		extent->place = PLACE_ZERO;
		blksnap_extent_map_insert(&region->saved, extent);
		extent = NULL;
	}
	raw_spin_unlock_irqrestore(&region->lock, flags);
	blksnap_extent_free(extent);
	/*
	 * What is being copied is saved or poisoned in a moment. To be killed in this moment
	 * would leave the area half done, which ends a snapshot that may be somebody else's.
	 */
	*done = copy ? 0 : piece.count;
	if (copy)
		schedule_timeout_uninterruptible(1);
	return 0;
}

int blksnap_diff_area_exclude(struct diff_area *area, struct sector_range range)
{
	u32 done;
	int ret;

	while (range.count) {
		u32 part = region_clip(range.start, range.count);
		struct region *region =
			blksnap_region_get(area, range.start, GFP_KERNEL);

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
