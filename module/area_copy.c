// SPDX-License-Identifier: GPL-2.0-only
/*
 * area_copy: from "this is not saved" to "this is saved".
 *
 * When a copy has been read, its range is first published in the map, then the
 * bios that hang on it are released (I1), then it is stored. A write thus waits
 * for one read, not for the store.
 *
 * What most writes touch is not saved at all, so its beginning is copied on that
 * guess, and the one look under the lock that enters the copy tells if it was right.
 * Only if it was not, and where there is more, is the range looked through.
 *
 * Writes in sequence, each of them smaller than what is copied at a time with
 * profit, make the worker copy ahead: as much as the run has touched already, up to
 * AHEAD_MAX_SECTORS, so that what is copied in vain is never more than what was
 * needed. The next of them then touch what is saved, and are not held at all.
 *
 * A copy that cannot be read is tried again unit by unit, each by itself; a unit that
 * cannot be read then is poisoned: the image answers EIO there, and the writers go on.
 *
 * Memory for the map is never given back, so that no reserve of it would last. What
 * writes need that are held here is not waited for in the allocator, which for ever
 * would try to free memory by writing: without it the write is stalled, others go on,
 * and it is tried again in a moment, for as long as a write may wait for the storage.
 *
 * Lock order: nothing nests but a workqueue's own. The worker holds no lock when it
 * allocates or submits.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blk-filter-inject.h>
#include <linux/sizes.h>

#include "diff_area_internal.h"

#define AHEAD_MAX_SECTORS	(SZ_256K >> SECTOR_SHIFT)
#define GFP_MAP			(GFP_NOIO | __GFP_NORETRY | __GFP_NOWARN)

/* (i) published, (ii) the writers go, (iii) stored. */
static void publish(struct diff_area *area, struct copy *copy, place_t place)
{
	struct region *region = blksnap_region_find(area, copy->start);
	struct bio_list waiters;
	unsigned long flags;

	inject_delay(200);
	copy->extent->start = region_offset(copy->start);
	copy->extent->count = copy->count;
	copy->extent->place = place;
	raw_spin_lock_irqsave(&region->lock, flags);
	blksnap_extent_map_insert(&region->saved, copy->extent);
	copy->extent = NULL;
	waiters = copy->waiters;
	bio_list_init(&copy->waiters);
	if (place != PLACE_MEMORY)
		rb_erase(&copy->node, &region->copies);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	inject_delay(200);
	blksnap_area_release(area, &waiters);
	blksnap_area_wake_progress(area);
}

static void read_done(struct copy *copy, blk_status_t status)
{
	struct diff_area *area = copy->owner;
	unsigned long flags;

	blksnap_area_read_ended(area);
	if (likely(!status)) {
		atomic64_add((u64)copy->count << SECTOR_SHIFT,
			     &area->counters->copied_bytes);
		/* No image shows it then, and the writers have to go on. */
		blksnap_area_lost_medium(area);
		publish(area, copy, PLACE_MEMORY);
		blksnap_copy_store(copy);
		return;
	}
	/* The worker takes the copy under the lock, and then the area may be freed. */
	raw_spin_lock_irqsave(&area->lock, flags);
	list_add_tail(&copy->link, &area->failed_reads);
	blksnap_area_kick(area);
	raw_spin_unlock_irqrestore(&area->lock, flags);
}

static void stored(struct copy *copy, place_t place, int error)
{
	struct diff_area *area = copy->owner;
	struct region *region = blksnap_region_find(area, copy->start);
	unsigned long flags;

	/* Lost data stays "in memory": readers find no copy, and answer EIO. */
	raw_spin_lock_irqsave(&region->lock, flags);
	if (!error)
		blksnap_extent_map_set_stored(&region->saved,
					      region_offset(copy->start),
					      copy->count, place);
	rb_erase(&copy->node, &region->copies);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	blksnap_copy_put(copy);
	blksnap_area_wake_progress(area);
	blksnap_area_copy_ended(area);
}

static const struct copy_operations copy_ops = {
	.read_done = read_done,
	.stored = stored,
};

static struct copy *alloc_copy(struct diff_area *area, sector_t start, u32 count,
			       enum copy_need need)
{
	struct copier_waiter *waiter = need >= COPY_NEEDED ? &area->budget_waiter : NULL;
	struct copy *copy;

	copy = blksnap_copy_alloc(area->copier, area->flt->bdev, start, count,
				  &copy_ops, need == COPY_URGENT, waiter);
	if (!copy)
		return NULL;
	copy->owner = area;
	copy->is_ahead = need == COPY_AHEAD;
	copy->is_alone = need == COPY_URGENT;
	copy->extent = blksnap_extent_alloc(GFP_MAP);
	if (copy->extent)
		return copy;
	if (need >= COPY_NEEDED)
		blksnap_area_retry_soon(area);
	blksnap_copy_put(copy);
	return NULL;
}

/*
 * Enters the copy if nothing of its range is saved or being copied, with @bio, if
 * there is one, hung to it: from then on that is not the caller's any more.
 */
static bool enter(struct diff_area *area, struct region *region, struct copy *copy,
		  struct bio *bio)
{
	struct extent_piece piece;
	struct copy *other;
	unsigned long flags;
	bool is_fresh;

	raw_spin_lock_irqsave(&region->lock, flags);
	piece = __blksnap_region_look(region, copy->start, copy->count, &other);
	is_fresh = !piece.is_saved && !other && piece.count == copy->count;
	if (is_fresh) {
		atomic_inc(&area->copies);
		__blksnap_region_add_copy(region, copy);
		if (bio)
			bio_list_add(&copy->waiters, bio);
	}
	raw_spin_unlock_irqrestore(&region->lock, flags);
	return is_fresh;
}

enum attempt { ATTEMPT_DONE, ATTEMPT_NO_BUDGET, ATTEMPT_NOT_FRESH };

static enum attempt start_copy(struct diff_area *area, struct region *region,
			       sector_t start, u32 count, enum copy_need need,
			       struct bio **bio)
{
	struct copy *copy = alloc_copy(area, start, count, need);

	if (!copy)
		return ATTEMPT_NO_BUDGET;
	if (!enter(area, region, copy, *bio)) {
		blksnap_extent_free(copy->extent);
		blksnap_copy_put(copy);
		return ATTEMPT_NOT_FRESH;
	}
	*bio = NULL;
	area->has_progressed = true;
	WRITE_ONCE(area->lacks_memory, false);
	inject_sleep(5);
	if (copy->is_alone)
		copy->bio.bi_opf |= REQ_NOMERGE;
	atomic_inc(&area->reads);
	blksnap_copy_read(copy);
	return ATTEMPT_DONE;
}

static struct extent_piece look(struct region *region, sector_t at, u32 count,
				bool *is_fresh)
{
	struct extent_piece piece;
	struct copy *copy;
	unsigned long flags;

	raw_spin_lock_irqsave(&region->lock, flags);
	piece = __blksnap_region_look(region, at, count, &copy);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	*is_fresh = !piece.is_saved && !copy;
	return piece;
}

/*
 * Copies all of a fresh range or, if there is no budget for that, as much of its front
 * as there is for. To insist on all could be in vain: others, who ask for less, take
 * what is given back as it comes. Only for a single unit is budget waited for.
 */
static enum attempt start_some(struct diff_area *area, struct region *region,
			       sector_t start, u32 *count, enum copy_need need,
			       struct bio **bio)
{
	enum attempt attempt;

	while (need == COPY_NEEDED && *count > area->unit) {
		attempt = start_copy(area, region, start, *count, COPY_GUESSED, bio);
		if (attempt != ATTEMPT_NO_BUDGET)
			return attempt;
		*count = round_up(*count / 2, area->unit);
	}
	return start_copy(area, region, start, *count, need, bio);
}

/* Copies what is fresh of the first part of a range. Returns its length, or 0. */
static u32 look_at_part(struct diff_area *area, struct region *region, sector_t at,
			u32 count, u32 most, enum copy_need need, struct bio **bio)
{
	struct extent_piece piece;
	enum attempt attempt;
	bool is_fresh;

	do {
		piece = look(region, at, count, &is_fresh);
		if (!is_fresh)
			return piece.count;
		piece.count = min(piece.count, most);
		attempt = start_some(area, region, at, &piece.count, need, bio);
	} while (attempt == ATTEMPT_NOT_FRESH);
	return attempt == ATTEMPT_DONE ? piece.count : 0;
}

enum outcome blksnap_area_start_copies(struct diff_area *area,
				       struct sector_range range, u32 most,
				       enum copy_need need, struct bio **bio)
{
	sector_t at = range.start, end = range_end(range);
	struct bio *none = NULL;

	while (at < end && area_state(area) == AREA_ACTIVE) {
		struct region *region = blksnap_region_get(area, at, GFP_MAP);
		u32 count = region_clip(at, end - at), guess = min(count, most), done = 0;
		enum attempt attempt = ATTEMPT_NOT_FRESH;

		if (!region) {
			if (need >= COPY_NEEDED)
				blksnap_area_retry_soon(area);
			return STALLED;
		}
		/* A long range over many extents would guess wrong at each of them. */
		if (at == range.start)
			attempt = start_copy(area, region, at, guess,
					     need == COPY_NEEDED ? COPY_GUESSED : need,
					     bio ?: &none);
		if (attempt == ATTEMPT_DONE)
			done = guess;
		else if (attempt == ATTEMPT_NOT_FRESH || need != COPY_AHEAD)
			done = look_at_part(area, region, at, count, most, need,
					    bio ?: &none);
		if (!done)
			return STALLED;
		at += done;
		cond_resched();
	}
	return STARTED;
}

/* The run that goes on with @start, or a new one in place of an old one. */
static struct run *run_of(struct diff_area *area, sector_t start)
{
	struct run *run;
	unsigned int i;

	for (i = 0; i < RUNS; i++)
		if (area->runs[i].end == start && area->runs[i].start != start)
			return &area->runs[i];
	run = &area->runs[area->next_run++ % RUNS];
	run->start = start;
	return run;
}

void blksnap_area_copy_ahead(struct diff_area *area, struct sector_range range)
{
	struct run *run = run_of(area, range.start);
	struct sector_range ahead = { range_end(range) };

	/* What does not begin a run has shown that its writer goes on. */
	if (run->start != range.start && range.count < AHEAD_MAX_SECTORS &&
	    !blksnap_copier_short_for(area->copier))
		ahead.count = min3((sector_t)AHEAD_MAX_SECTORS, ahead.start - run->start,
				   area->capacity - ahead.start);
	run->end = range_end(ahead);
	if (ahead.count)
		blksnap_area_start_copies(area, ahead, COPY_MAX_SECTORS,
					  COPY_AHEAD, NULL);
}

static struct copy *next_failed(struct diff_area *area)
{
	struct copy *copy;
	unsigned long flags;

	raw_spin_lock_irqsave(&area->lock, flags);
	copy = list_first_entry_or_null(&area->failed_reads, struct copy, link);
	if (copy)
		list_del_init(&copy->link);
	raw_spin_unlock_irqrestore(&area->lock, flags);
	return copy;
}

/*
 * A copy that could not be read becomes copies of one unit each, also one of a single
 * unit: its read may have been merged with others, and failed with them. One that was
 * ahead of its time becomes none, and who waits for it comes back here; but for what
 * an image has asked for meanwhile, as its request counts as done.
 */
static void split_failed(struct diff_area *area, struct copy *copy)
{
	struct region *region = blksnap_region_find(area, copy->start);
	struct sector_range range = { copy->start, copy->count };
	struct bio_list waiters;
	unsigned long flags;

	raw_spin_lock_irqsave(&region->lock, flags);
	rb_erase(&copy->node, &region->copies);
	waiters = copy->waiters;
	bio_list_init(&copy->waiters);
	raw_spin_unlock_irqrestore(&region->lock, flags);

	if (copy->is_ahead)
		range = range_intersect(range, area->requested);
	if (blksnap_area_start_copies(area, range, area->unit, COPY_URGENT,
				      NULL) == STALLED)
		blksnap_copier_fail(area->copier, area->flt->bdev, -ENOMEM);
	blksnap_area_release(area, &waiters);
	blksnap_extent_free(copy->extent);
	blksnap_copy_put(copy);
	blksnap_area_copy_ended(area);
}

void blksnap_area_retry_reads(struct diff_area *area)
{
	struct copy *copy;

	while ((copy = next_failed(area))) {
		if (!copy->is_alone) {
			split_failed(area, copy);
			continue;
		}
		pr_warn_ratelimited("%pg: sectors %llu to %llu cannot be read, and will be missing in the image\n",
				    area->flt->bdev, copy->start,
				    copy->start + copy->count - 1);
		publish(area, copy, PLACE_POISON);
		blksnap_copy_put(copy);
		blksnap_area_copy_ended(area);
	}
}
