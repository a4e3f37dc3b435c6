// SPDX-License-Identifier: GPL-2.0-only
/*
 * diff_area: the way of a write to a snapshotted device.
 *
 * blksnap_diff_area_hold() decides, in the filter's callback: does the write touch a
 * block that is not saved? If so the bio is chained in the area, and nothing
 * else happens there. The area's worker, the only one who starts copies, goes
 * through what was held:
 *
 *	all saved meanwhile		passed (see pass())
 *	a discard			ended without effect: it is advisory
 *	anything else			copies of what is neither saved nor being
 *					copied are started (area_copy.c), and the
 *					bio is hung to one that it has to wait for
 *	no budget for a copy		stalled until some is given back
 *	no memory for the map		stalled, and tried again in a moment
 *
 * Bios that have waited for a copy are released when it has been read, and the
 * worker resubmits them: the filter judges them anew, and one that waits for more
 * than one copy comes back here.
 *
 * While the worker is at it nobody needs to wake it: it does not rest before it
 * has seen, under the lock, that there is nothing more to do. On a device that
 * answers at once, or one that is busy, many writes thus cost one wake-up.
 *
 * Lock order: nothing nests. The worker holds no lock when it allocates or
 * submits.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/slab.h>

#include "diff_area_internal.h"

#define RETRY_DELAY	msecs_to_jiffies(20)
/* An origin that answers nothing is given so many times what storage is. */
#define STALL_PATIENCE	4

static void set_state(struct diff_area *area, enum area_state to)
{
	enum area_state from;

	do {
		from = area_state(area);
		if (to <= from)
			return;
	} while (cmpxchg(&area->state, from, to) != from);
}

void blksnap_area_kick(struct diff_area *area)
{
	queue_work(area->wq, &area->work);
}

void blksnap_area_retry_soon(struct diff_area *area)
{
	WRITE_ONCE(area->lacks_memory, true);
	queue_delayed_work(area->wq, &area->retry_work, RETRY_DELAY);
}

static void retry(struct work_struct *work)
{
	blksnap_area_kick(container_of(to_delayed_work(work), struct diff_area,
				       retry_work));
}

bool blksnap_area_lost_medium(struct diff_area *area)
{
	struct block_device *origin = area->flt->bdev;

	if (likely(READ_ONCE(origin->bd_disk->diskseq) == area->diskseq))
		return false;
	blksnap_copier_fail(area->copier, origin, -ENOMEDIUM);
	return true;
}

void blksnap_area_wake_progress(struct diff_area *area)
{
	if (wq_has_sleeper(&area->progress))
		wake_up_all(&area->progress);
}

void blksnap_area_read_ended(struct diff_area *area)
{
	WRITE_ONCE(area->last_read, jiffies);
	smp_mb__before_atomic();
	atomic_dec(&area->reads);
}

/* The last thing that is done for a copy: after it the area may be freed. */
void blksnap_area_copy_ended(struct diff_area *area)
{
	if (atomic_dec_and_test(&area->copies))
		complete(&area->idle);
}

void blksnap_area_release(struct diff_area *area, struct bio_list *bios)
{
	unsigned long flags;
	bool is_busy;

	if (bio_list_empty(bios))
		return;
	atomic64_add(bio_list_size(bios), &area->counters->released_writes);
	raw_spin_lock_irqsave(&area->lock, flags);
	bio_list_merge(&area->released, bios);
	is_busy = area->is_busy;
	raw_spin_unlock_irqrestore(&area->lock, flags);
	bio_list_init(bios);
	if (!is_busy)
		blksnap_area_kick(area);
}

/* The bio goes on by itself or ends here: the filter judges it no more. */
static void count_ended(struct diff_area *area)
{
	atomic64_inc(&area->counters->released_writes);
	atomic64_inc(&area->counters->ended_writes);
}

/* Hangs @bio to a copy that it has to wait for. False: it need not wait. */
static bool hang(struct diff_area *area, struct bio *bio, struct sector_range range)
{
	while (range.count) {
		u32 part = region_clip(range.start, range.count);
		struct region *region = blksnap_region_find(area, range.start);
		struct extent_piece piece;
		struct copy *copy = NULL;
		unsigned long flags;

		if (region) {
			raw_spin_lock_irqsave(&region->lock, flags);
			piece = __blksnap_region_look(region, range.start, part, &copy);
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

/* False: it has to wait for budget, or for memory. */
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
	    !blksnap_region_covers(area, range.start, range.count)) {
		count_ended(area);
		bio_endio(bio);
		return true;
	}
	range = range_round_out(range, area->unit, area->capacity);
	if (blksnap_area_start_copies(area, range, COPY_MAX_SECTORS,
				      COPY_NEEDED, &bio) == STALLED &&
	    bio && area_state(area) == AREA_ACTIVE)
		return false;
	/* Also if the area has failed: a copy under way brings it back. */
	if (bio && !hang(area, bio, range))
		pass(area, bio);
	blksnap_area_copy_ahead(area, range);
	return true;
}

static struct bio_list take_all(struct diff_area *area, struct bio_list *list)
{
	struct bio_list bios;
	unsigned long flags;

	raw_spin_lock_irqsave(&area->lock, flags);
	bios = *list;
	bio_list_init(list);
	raw_spin_unlock_irqrestore(&area->lock, flags);
	return bios;
}

static void resubmit_released(struct diff_area *area)
{
	struct bio_list bios = take_all(area, &area->released);
	struct blk_plug plug;
	struct bio *bio;

	blk_start_plug(&plug);
	while ((bio = bio_list_pop(&bios)))
		blkfilter_resubmit(bio);
	blk_finish_plug(&plug);
}

/* In order; when one stalls so do those behind it. */
static void process_writes(struct diff_area *area)
{
	struct bio_list bios = area->stalled, incoming = take_all(area, &area->incoming);
	struct bio *bio;

	bio_list_init(&area->stalled);
	bio_list_merge(&bios, &incoming);
	if (!area_is_readable(area)) {
		blksnap_area_release(area, &bios);
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
	if (!range.count ||
	    blksnap_copier_wait_for_room(area->copier, &area->budget_waiter) ||
	    blksnap_area_start_copies(area, range, COPY_MAX_SECTORS,
				      COPY_NEEDED, NULL) == STALLED)
		return;
	area->requested = range;
	raw_spin_lock_irqsave(&area->lock, flags);
	/* Given up, and perhaps another one made, meanwhile? */
	if (area->request.start == range.start && area->request.count == range.count)
		area->request.count = 0;
	raw_spin_unlock_irqrestore(&area->lock, flags);
}

/*
 * How long stalled writes may still wait; the time is the storage's. While the origin
 * owes us an answer it is not the storage that makes no progress, and most likely to
 * let its writers go would not help them. But it may be one of its parts that hangs,
 * and writers of the others wait: so there is an end to it.
 */
static unsigned long stall_left(struct diff_area *area)
{
	unsigned long timeout = area->stall_timeout, now = jiffies, until;

	if (time_after_eq(now, area->stalled_since + STALL_PATIENCE * timeout))
		return 0;
	if (atomic_read(&area->reads))
		return timeout;
	smp_rmb();		/* see blksnap_area_read_ended() */
	until = READ_ONCE(area->last_read) + timeout;
	return time_before(now, until) ? until - now : 0;
}

static void give_up(struct diff_area *area)
{
	blksnap_copier_fail(area->copier, area->flt->bdev,
			    READ_ONCE(area->lacks_memory) ? -ENOMEM : -ETIMEDOUT);
}

/*
 * The time runs from the last progress, not from the last kick. When it is over the
 * worker looks once more: what came meanwhile may have found it busy.
 */
static void watch_stalled(struct diff_area *area)
{
	bool is_stalled = !bio_list_empty(&area->stalled);
	bool is_overdue = xchg(&area->is_overdue, false);
	unsigned long left;

	if (!is_stalled) {
		if (area->is_watched)
			cancel_delayed_work(&area->stall_work);
	} else if (!area->is_watched || area->has_progressed) {
		area->stalled_since = jiffies;
		mod_delayed_work(area->wq, &area->stall_work, area->stall_timeout);
	} else if (is_overdue) {
		left = stall_left(area);
		if (left)
			mod_delayed_work(area->wq, &area->stall_work, left);
		else
			give_up(area);
	}
	area->is_watched = is_stalled;
	area->has_progressed = false;
}

static void be_busy(struct diff_area *area)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&area->lock, flags);
	area->is_busy = true;
	raw_spin_unlock_irqrestore(&area->lock, flags);
}

/* Who adds something later finds nobody busy, and kicks. */
static bool may_rest(struct diff_area *area)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&area->lock, flags);
	area->is_busy = !bio_list_empty(&area->incoming) ||
			!bio_list_empty(&area->released);
	raw_spin_unlock_irqrestore(&area->lock, flags);
	return !area->is_busy;
}

static void area_work(struct work_struct *work)
{
	struct diff_area *area = container_of(work, struct diff_area, work);
	struct blk_plug plug;

	/* Older writes are still under way: the data to copy is not there yet. */
	if (area_state(area) == AREA_ARMED)
		return;
	be_busy(area);
	do {
		blk_start_plug(&plug);
		blksnap_area_retry_reads(area);
		process_request(area);
		process_writes(area);
		blk_finish_plug(&plug);
		watch_stalled(area);
		/* The reads of a device without latency have ended by now. */
		resubmit_released(area);
		cond_resched();
	} while (!may_rest(area));
}

static void stall_timed_out(struct work_struct *work)
{
	struct diff_area *area = container_of(to_delayed_work(work),
					      struct diff_area, stall_work);

	WRITE_ONCE(area->is_overdue, true);
	blksnap_area_kick(area);
}

static void has_budget(struct copier_waiter *waiter)
{
	blksnap_area_kick(container_of(waiter, struct diff_area, budget_waiter));
}

void blksnap_diff_area_forget(struct diff_area *area)
{
	blksnap_regions_free(area);
	area->recent = NULL;
}

void blksnap_diff_area_arm(struct diff_area *area, sector_t capacity)
{
	area->capacity = capacity;
	area->diskseq = READ_ONCE(area->flt->bdev->bd_disk->diskseq);
	set_state(area, AREA_ARMED);
}

void blksnap_diff_area_activate(struct diff_area *area)
{
	set_state(area, AREA_ACTIVE);
	blksnap_area_kick(area);
}

void blksnap_diff_area_fail(struct diff_area *area)
{
	set_state(area, AREA_FAILED);
	blksnap_area_wake_progress(area);
	blksnap_area_kick(area);
}

/*
 * Nobody brings writes any more. Those held go on now; those that hang on reads
 * go when these end, and are not brought back; stores have ended or were
 * dropped with the copier.
 */
void blksnap_diff_area_stop(struct diff_area *area)
{
	set_state(area, AREA_STOPPED);
	blksnap_area_wake_progress(area);
	blksnap_area_kick(area);
	flush_work(&area->work);
	blksnap_area_copy_ended(area);
	wait_for_completion(&area->idle);
	flush_work(&area->work);
	blksnap_copier_forget(area->copier, &area->budget_waiter);
	cancel_delayed_work_sync(&area->stall_work);
	cancel_delayed_work_sync(&area->retry_work);
	flush_work(&area->work);
	WARN_ON(!bio_list_empty(&area->incoming) || !bio_list_empty(&area->released) ||
		!bio_list_empty(&area->stalled));
}

u64 blksnap_diff_area_waiting_writes(const struct diff_area_counters *counters)
{
	u64 released = atomic64_read(&counters->released_writes);

	/* A write is counted as held before it can be released: read that last. */
	smp_rmb();
	return atomic64_read(&counters->held_writes) - released;
}

static void read_counters(const struct diff_area_counters *counters,
			  struct diff_area_stats *stats)
{
	stats->waiting_writes = blksnap_diff_area_waiting_writes(counters);
	stats->held_writes = atomic64_read(&counters->held_writes);
	stats->copied_bytes = atomic64_read(&counters->copied_bytes);
}

void blksnap_diff_area_stats(struct diff_area *area, struct diff_area_stats *stats)
{
	read_counters(area->counters, stats);
	stats->held_writes -= area->before.held_writes;
	stats->copied_bytes -= area->before.copied_bytes;
}

void blksnap_diff_area_set_timeout(struct diff_area *area, unsigned int timeout_ms)
{
	area->stall_timeout = msecs_to_jiffies(timeout_ms);
}

void blksnap_diff_area_free(struct diff_area *area)
{
	if (area->wq)
		destroy_workqueue(area->wq);
	blksnap_regions_free(area);
	kfree(area);
}

struct diff_area *blksnap_diff_area_alloc(struct blkfilter *flt, struct copier *copier,
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
	area->last_read = jiffies;
	xa_init(&area->regions);
	raw_spin_lock_init(&area->lock);
	bio_list_init(&area->incoming);
	bio_list_init(&area->released);
	bio_list_init(&area->stalled);
	INIT_LIST_HEAD(&area->failed_reads);
	INIT_WORK(&area->work, area_work);
	INIT_DELAYED_WORK(&area->stall_work, stall_timed_out);
	INIT_DELAYED_WORK(&area->retry_work, retry);
	INIT_LIST_HEAD(&area->budget_waiter.link);
	area->budget_waiter.has_budget = has_budget;
	init_waitqueue_head(&area->progress);
	atomic_set(&area->copies, 1);
	init_completion(&area->idle);
	area->wq = alloc_workqueue("blksnap-area", WQ_MEM_RECLAIM | WQ_UNBOUND |
				   WQ_HIGHPRI, 1);
	if (!area->wq) {
		blksnap_diff_area_free(area);
		return ERR_PTR(-ENOMEM);
	}
	return area;
}

bool blksnap_diff_area_hold(struct diff_area *area, struct bio *bio, sector_t start,
			    sector_t count)
{
	enum area_state state = area_state(area);
	unsigned long flags;
	bool is_busy;

	if (state != AREA_ACTIVE && state != AREA_ARMED)
		return false;
	if (start >= area->capacity)
		return false;
	count = min(count, area->capacity - start);
	if (blksnap_region_covers(area, start, count))
		return false;

	/* Before it can be released: no fewer are ever held than released. */
	atomic64_inc(&area->counters->held_writes);
	raw_spin_lock_irqsave(&area->lock, flags);
	bio_list_add(&area->incoming, bio);
	is_busy = area->is_busy;
	raw_spin_unlock_irqrestore(&area->lock, flags);
	if (!is_busy)
		blksnap_area_kick(area);
	return true;
}
