// SPDX-License-Identifier: GPL-2.0-only
/*
 * diff_area: the way of a write to a snapshotted device.
 *
 * diff_area_hold() decides, in the filter's callback: does the write touch a
 * block that is not saved? If so the bio is chained in the area, and nothing
 * else happens there. The area's worker, the only one who starts copies, goes
 * through what was held:
 *
 *	all saved meanwhile		passed (see pass())
 *	a discard			ended without effect: it is advisory
 *	anything else			copies of what is neither saved nor being
 *					copied are started, and the bio is hung
 *					to a copy that it has to wait for
 *	no budget for a copy		stalled until some is given back
 *
 * When a copy has been read, its range is first published in the map, then the
 * bios that hang on it are resubmitted (I1): the filter judges them anew, and
 * one that waits for more than one copy comes back here. Then the copy is
 * stored. A write thus waits for one read, not for the store.
 *
 * A copy that cannot be read is tried again unit by unit; a unit that cannot
 * be read is poisoned: the image answers EIO there, and the writers go on.
 *
 * Lock order: nothing nests. The worker holds no lock when it allocates or
 * submits.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blk-filter-inject.h>
#include <linux/slab.h>

#include "diff_area_internal.h"

enum outcome { STARTED, STALLED };

static void set_state(struct diff_area *area, enum area_state to)
{
	enum area_state from;

	do {
		from = area_state(area);
		if (to <= from)
			return;
	} while (cmpxchg(&area->state, from, to) != from);
}

void area_kick(struct diff_area *area)
{
	queue_work(area->wq, &area->work);
}

void area_wake_progress(struct diff_area *area)
{
	if (wq_has_sleeper(&area->progress))
		wake_up_all(&area->progress);
}

/* The last thing that is done for a copy: after it the area may be freed. */
void area_copy_ended(struct diff_area *area)
{
	if (atomic_dec_and_test(&area->copies))
		complete(&area->idle);
}

static void resubmit_all(struct diff_area *area, struct bio_list *bios)
{
	struct bio *bio;

	while ((bio = bio_list_pop(bios))) {
		atomic64_inc(&area->counters->released_writes);
		blkfilter_resubmit(area->flt, bio);
	}
}

/* The bio goes on by itself or ends here: the filter judges it no more. */
static void count_ended(struct diff_area *area)
{
	atomic64_inc(&area->counters->released_writes);
	atomic64_inc(&area->counters->ended_writes);
}

/* (i) published, (ii) the writers go, (iii) stored. */
static void publish(struct diff_area *area, struct copy *copy, place_t place)
{
	struct region *region = region_find(area, copy->start);
	struct bio_list waiters;
	unsigned long flags;

	inject_delay(200);
	copy->extent->start = region_offset(copy->start);
	copy->extent->count = copy->count;
	copy->extent->place = place;
	raw_spin_lock_irqsave(&region->lock, flags);
	extent_map_insert(&region->saved, copy->extent);
	copy->extent = NULL;
	copy->is_published = true;
	waiters = copy->waiters;
	bio_list_init(&copy->waiters);
	if (place != PLACE_MEMORY)
		rb_erase(&copy->node, &region->copies);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	inject_delay(200);
	resubmit_all(area, &waiters);
	area_wake_progress(area);
}

static void read_done(struct copy *copy, blk_status_t status)
{
	struct diff_area *area = copy->owner;
	unsigned long flags;

	if (likely(!status)) {
		atomic64_add((u64)copy->count << SECTOR_SHIFT,
			     &area->counters->copied_bytes);
		publish(area, copy, PLACE_MEMORY);
		copy_store(copy);
		return;
	}
	raw_spin_lock_irqsave(&area->lock, flags);
	list_add_tail(&copy->link, &area->failed_reads);
	raw_spin_unlock_irqrestore(&area->lock, flags);
	area_kick(area);
}

static void stored(struct copy *copy, place_t place, int error)
{
	struct diff_area *area = copy->owner;
	struct region *region = region_find(area, copy->start);
	unsigned long flags;

	/* Lost data stays "in memory": readers find no copy, and answer EIO. */
	raw_spin_lock_irqsave(&region->lock, flags);
	if (!error)
		extent_map_set_stored(&region->saved, region_offset(copy->start),
				      copy->count, place);
	rb_erase(&copy->node, &region->copies);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	copy_put(copy);
	area_wake_progress(area);
	area_copy_ended(area);
}

static const struct copy_operations copy_ops = {
	.read_done = read_done,
	.stored = stored,
};

/*
 * Starts one copy of a range in which nothing was saved or being copied. If
 * something is now (storage that is being excluded), nothing is done: the
 * caller looks again. Returns the copy, or NULL if there is no budget.
 */
static struct copy *start_copy(struct diff_area *area, struct region *region,
			       sector_t start, u32 count, bool is_urgent)
{
	struct extent_piece piece;
	struct copy *copy, *other;
	unsigned long flags;

	copy = copy_alloc(area->copier, area->flt->bdev, start, count, &copy_ops,
			  is_urgent, &area->budget_waiter);
	if (!copy)
		return NULL;
	copy->owner = area;
	copy->extent = extent_alloc(GFP_NOIO);
	if (!copy->extent) {
		copier_fail(area->copier, area->flt->bdev, -ENOMEM);
		copy_put(copy);
		return NULL;
	}
	raw_spin_lock_irqsave(&region->lock, flags);
	piece = __region_look(region, start, count, &other);
	if (!piece.is_saved && !other && piece.count == count) {
		atomic_inc(&area->copies);
		__region_add_copy(region, copy);
		other = copy;
		area->has_progressed = true;
	} else {
		other = ERR_PTR(-EAGAIN);
	}
	raw_spin_unlock_irqrestore(&region->lock, flags);
	if (IS_ERR(other)) {
		extent_free(copy->extent);
		copy_put(copy);
		return other;
	}
	inject_sleep(5);
	/* Tried again by itself: merged, it would fail with its neighbour. */
	if (is_urgent)
		copy->bio.bi_opf |= REQ_NOMERGE;
	copy_read(copy);
	return copy;
}

/* Copies of all of @range that is neither saved nor being copied. */
static enum outcome start_copies(struct diff_area *area, struct sector_range range,
				 u32 most, bool is_urgent)
{
	sector_t at = range.start, end = range_end(range);

	while (at < end && area_state(area) == AREA_ACTIVE) {
		struct region *region = region_get(area, at);
		struct extent_piece piece;
		struct copy *copy;
		unsigned long flags;

		if (!region) {
			copier_fail(area->copier, area->flt->bdev, -ENOMEM);
			return STALLED;
		}
		raw_spin_lock_irqsave(&region->lock, flags);
		piece = __region_look(region, at, region_clip(at, end - at), &copy);
		raw_spin_unlock_irqrestore(&region->lock, flags);
		if (!piece.is_saved && !copy) {
			piece.count = min(piece.count, most);
			copy = start_copy(area, region, at, piece.count, is_urgent);
			if (!copy)
				return STALLED;
			if (IS_ERR(copy))
				continue;
		}
		at += piece.count;
	}
	return STARTED;
}

/* Hangs @bio to a copy that it has to wait for. False: it need not wait. */
static bool hang(struct diff_area *area, struct bio *bio, struct sector_range range)
{
	while (range.count) {
		u32 part = region_clip(range.start, range.count);
		struct region *region = region_find(area, range.start);
		struct extent_piece piece;
		struct copy *copy = NULL;
		unsigned long flags;

		if (region) {
			raw_spin_lock_irqsave(&region->lock, flags);
			piece = __region_look(region, range.start, part, &copy);
			if (copy)
				bio_list_add(&copy->waiters, bio);
			raw_spin_unlock_irqrestore(&region->lock, flags);
			if (copy)
				return true;
			part = piece.count;
		}
		range.start += part;
		range.count -= part;
	}
	return false;
}

static bool is_supported(struct bio *bio)
{
	switch (bio_op(bio)) {
	case REQ_OP_DISCARD:
		return bdev_max_discard_sectors(bio->bi_bdev);
	case REQ_OP_SECURE_ERASE:
		return bdev_max_secure_erase_sectors(bio->bi_bdev);
	case REQ_OP_WRITE_ZEROES:
		return bdev_write_zeroes_sectors(bio->bi_bdev);
	default:
		return true;
	}
}

/*
 * All of it is saved, as the locks have told. The lockless look-up might still
 * say no, if the range is in too many extents: so it is not asked again. No other
 * area can be armed meanwhile: the snapshot's end waits for this worker first.
 */
static void pass(struct diff_area *area, struct bio *bio)
{
	count_ended(area);
	blkfilter_pass(area->flt, bio);
}

/* False: it has to wait for budget. */
static bool process(struct diff_area *area, struct bio *bio)
{
	struct blkfilter_range touched = blkfilter_bio_range(area->flt, bio);
	struct sector_range range = { touched.sector, touched.nr_sects };

	if (!is_supported(bio)) {
		/* Refused here: if the device learned it just now, it would pass. */
		bio->bi_status = BLK_STS_NOTSUPP;
		count_ended(area);
		bio_endio(bio);
		return true;
	}
	range = range_intersect(range, (struct sector_range){ 0, area->capacity });
	if (bio_op(bio) == REQ_OP_DISCARD && range.count &&
	    !region_covers(area, range.start, range.count)) {
		count_ended(area);
		bio_endio(bio);
		return true;
	}
	range = range_round_out(range, area->unit, area->capacity);
	if (start_copies(area, range, COPY_MAX_SECTORS, false) == STALLED &&
	    area_state(area) == AREA_ACTIVE)
		return false;
	/* Also if the area has failed: a copy under way brings it back. */
	if (!hang(area, bio, range))
		pass(area, bio);
	return true;
}

/* In order; when one stalls so do those behind it. */
static void process_writes(struct diff_area *area)
{
	struct bio_list bios = area->stalled;
	unsigned long flags;
	struct bio *bio;

	bio_list_init(&area->stalled);
	raw_spin_lock_irqsave(&area->lock, flags);
	bio_list_merge(&bios, &area->incoming);
	bio_list_init(&area->incoming);
	raw_spin_unlock_irqrestore(&area->lock, flags);

	if (!area_is_readable(area)) {
		resubmit_all(area, &bios);
		return;
	}
	while ((bio = bio_list_pop(&bios))) {
		if (process(area, bio))
			continue;
		bio_list_add_head(&bios, bio);
		bio_list_merge(&area->stalled, &bios);
		break;
	}
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

/* A copy of several units that could not be read becomes copies of one each. */
static void split_failed(struct diff_area *area, struct copy *copy)
{
	struct region *region = region_find(area, copy->start);
	struct sector_range range = { copy->start, copy->count };
	struct bio_list waiters;
	unsigned long flags;

	raw_spin_lock_irqsave(&region->lock, flags);
	rb_erase(&copy->node, &region->copies);
	waiters = copy->waiters;
	bio_list_init(&copy->waiters);
	raw_spin_unlock_irqrestore(&region->lock, flags);

	if (start_copies(area, range, area->unit, true) == STALLED)
		copier_fail(area->copier, area->flt->bdev, -ENOMEM);
	resubmit_all(area, &waiters);
	extent_free(copy->extent);
	copy_put(copy);
	area_copy_ended(area);
}

static void process_failed_reads(struct diff_area *area)
{
	struct copy *copy;

	while ((copy = next_failed(area))) {
		if (copy->count > area->unit) {
			split_failed(area, copy);
			continue;
		}
		pr_warn_ratelimited("%pg: sectors %llu to %llu cannot be read, and will be missing in the image\n",
				    area->flt->bdev, copy->start,
				    copy->start + copy->count - 1);
		publish(area, copy, PLACE_POISON);
		copy_put(copy);
		area_copy_ended(area);
	}
}

/*
 * What an image wants to have a place for. Not while there is no room for it: it
 * would take the memory that writers of the origin need.
 */
static void process_request(struct diff_area *area)
{
	struct sector_range range;
	unsigned long flags;

	raw_spin_lock_irqsave(&area->lock, flags);
	range = area->request;
	raw_spin_unlock_irqrestore(&area->lock, flags);
	if (!range.count || copier_wait_for_room(area->copier, &area->budget_waiter) ||
	    start_copies(area, range, COPY_MAX_SECTORS, false) == STALLED)
		return;
	raw_spin_lock_irqsave(&area->lock, flags);
	/* Given up, and perhaps another one made, meanwhile? */
	if (area->request.start == range.start && area->request.count == range.count)
		area->request.count = 0;
	raw_spin_unlock_irqrestore(&area->lock, flags);
}

static void area_work(struct work_struct *work)
{
	struct diff_area *area = container_of(work, struct diff_area, work);
	struct blk_plug plug;

	/* Older writes are still under way: the data to copy is not there yet. */
	if (area_state(area) == AREA_ARMED)
		return;
	blk_start_plug(&plug);
	process_failed_reads(area);
	process_request(area);
	process_writes(area);
	blk_finish_plug(&plug);
	/* The time runs from the last progress, not from the last kick. */
	if (bio_list_empty(&area->stalled))
		cancel_delayed_work(&area->stall_work);
	else if (area->has_progressed)
		mod_delayed_work(area->wq, &area->stall_work, area->stall_timeout);
	else
		queue_delayed_work(area->wq, &area->stall_work, area->stall_timeout);
	area->has_progressed = false;
}

static void stall_timed_out(struct work_struct *work)
{
	struct diff_area *area = container_of(to_delayed_work(work),
					      struct diff_area, stall_work);

	copier_fail(area->copier, area->flt->bdev, -ETIMEDOUT);
}

static void has_budget(struct copier_waiter *waiter)
{
	area_kick(container_of(waiter, struct diff_area, budget_waiter));
}

void diff_area_arm(struct diff_area *area, sector_t capacity)
{
	area->capacity = capacity;
	set_state(area, AREA_ARMED);
}

void diff_area_activate(struct diff_area *area)
{
	set_state(area, AREA_ACTIVE);
	area_kick(area);
}

void diff_area_fail(struct diff_area *area)
{
	set_state(area, AREA_FAILED);
	area_wake_progress(area);
	area_kick(area);
}

/*
 * Nobody brings writes any more. Those held go on now; those that hang on reads
 * go when these end, and are not brought back; stores have ended or were
 * dropped with the copier.
 */
void diff_area_stop(struct diff_area *area)
{
	set_state(area, AREA_STOPPED);
	area_wake_progress(area);
	area_kick(area);
	flush_work(&area->work);
	area_copy_ended(area);
	wait_for_completion(&area->idle);
	flush_work(&area->work);
	copier_forget(area->copier, &area->budget_waiter);
	cancel_delayed_work_sync(&area->stall_work);
	flush_work(&area->work);
	WARN_ON(!bio_list_empty(&area->incoming) || !bio_list_empty(&area->stalled));
}

/* A write is counted as held before it can be released: so read that last. */
u64 diff_area_waiting_writes(const struct diff_area_counters *counters)
{
	u64 released = atomic64_read(&counters->released_writes);

	smp_rmb();
	return atomic64_read(&counters->held_writes) - released;
}

static void read_counters(const struct diff_area_counters *counters,
			  struct diff_area_stats *stats)
{
	stats->waiting_writes = diff_area_waiting_writes(counters);
	stats->held_writes = atomic64_read(&counters->held_writes);
	stats->copied_bytes = atomic64_read(&counters->copied_bytes);
}

void diff_area_stats(struct diff_area *area, struct diff_area_stats *stats)
{
	read_counters(area->counters, stats);
	stats->held_writes -= area->before.held_writes;
	stats->copied_bytes -= area->before.copied_bytes;
}

void diff_area_set_timeout(struct diff_area *area, unsigned int timeout_ms)
{
	area->stall_timeout = msecs_to_jiffies(timeout_ms);
}

void diff_area_free(struct diff_area *area)
{
	if (area->wq)
		destroy_workqueue(area->wq);
	regions_free(area);
	kfree(area);
}

struct diff_area *diff_area_alloc(struct blkfilter *flt, struct copier *copier,
				  struct diff_area_counters *counters,
				  unsigned int timeout_ms)
{
	struct diff_area *area = kzalloc(sizeof(*area), GFP_KERNEL);

	if (!area)
		return ERR_PTR(-ENOMEM);
	area->flt = flt;
	area->copier = copier;
	area->counters = counters;
	read_counters(counters, &area->before);
	area->unit = unit_sectors(bdev_logical_block_size(flt->bdev));
	area->stall_timeout = msecs_to_jiffies(timeout_ms);
	xa_init(&area->regions);
	raw_spin_lock_init(&area->lock);
	bio_list_init(&area->incoming);
	bio_list_init(&area->stalled);
	INIT_LIST_HEAD(&area->failed_reads);
	INIT_WORK(&area->work, area_work);
	INIT_DELAYED_WORK(&area->stall_work, stall_timed_out);
	INIT_LIST_HEAD(&area->budget_waiter.link);
	area->budget_waiter.has_budget = has_budget;
	init_waitqueue_head(&area->progress);
	atomic_set(&area->copies, 1);
	init_completion(&area->idle);
	area->wq = alloc_workqueue("blksnap-area", WQ_MEM_RECLAIM | WQ_UNBOUND |
				   WQ_HIGHPRI, 1);
	if (!area->wq) {
		diff_area_free(area);
		return ERR_PTR(-ENOMEM);
	}
	return area;
}

bool diff_area_hold(struct diff_area *area, struct bio *bio, sector_t start,
		    sector_t count)
{
	enum area_state state = area_state(area);
	unsigned long flags;

	if (state != AREA_ACTIVE && state != AREA_ARMED)
		return false;
	if (start >= area->capacity)
		return false;
	count = min(count, area->capacity - start);
	if (region_covers(area, start, count))
		return false;

	/* Before it can be released: no fewer are ever held than released. */
	atomic64_inc(&area->counters->held_writes);
	raw_spin_lock_irqsave(&area->lock, flags);
	bio_list_add(&area->incoming, bio);
	raw_spin_unlock_irqrestore(&area->lock, flags);
	area_kick(area);
	return true;
}
