// SPDX-License-Identifier: GPL-2.0-only
/*
 * store: how copies reach the difference storage.
 *
 * Copies queue in the order in which they were read. When there are enough of them
 * for a write of a good size, or a moment after the first, a worker takes as many
 * from the front as make one large write, reserves one place for them all, and
 * writes them; they lie behind each other on the storage whatever their places
 * on the origin. Nobody waits for a store, but for writers of images and those who
 * find no budget: these have it done at once. A place may cross from one storage
 * range to the next, so a batch may need several bios; it is stored when the last
 * has ended.
 *
 * No room: the queue waits (blksnap_copier_has_room() starts it again) and holds its
 * memory. Only when the budget is gone as well is that a failure.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blk-filter-inject.h>
#include <linux/blk-filter.h>
#include <linux/mempool.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "copy_internal.h"

#define BATCH_POOL_MIN	4
/* Enough for a store, and the time that less than that may stay in memory. */
#define STORE_PAGES	(SZ_256K >> PAGE_SHIFT)
#define STORE_DELAY	msecs_to_jiffies(2)

struct batch {
	struct copier *copier;
	struct list_head copies;
	place_t place;
	u32 sectors;
	unsigned int pages;
	atomic_t pending;
	blk_status_t status;
};

static struct kmem_cache *batch_cache;
static mempool_t batch_pool;

void blksnap_copier_store_now(struct copier *copier)
{
	mod_delayed_work(copier->wq, &copier->store_work, 0);
}

void blksnap_copier_hurry_begin(struct copier *copier)
{
	atomic_inc(&copier->hurry);
	blksnap_copier_store_now(copier);
}

void blksnap_copier_hurry_end(struct copier *copier)
{
	atomic_dec(&copier->hurry);
}

void blksnap_copier_fail(struct copier *copier, struct block_device *origin, int error)
{
	unsigned long flags;
	bool is_first;

	raw_spin_lock_irqsave(&copier->lock, flags);
	is_first = !copier->error;
	if (is_first)
		copier->error = error;
	raw_spin_unlock_irqrestore(&copier->lock, flags);
	if (is_first)
		copier->fail(copier->fail_arg, origin, error);
	blksnap_copier_store_now(copier);
}

void blksnap_store_budget_is_gone(struct copier *copier, struct block_device *origin)
{
	if (READ_ONCE(copier->is_short_of_room))
		blksnap_copier_fail(copier, origin, -ENOSPC);
}

void blksnap_copier_has_room(struct copier *copier)
{
	unsigned long flags;

	/* At once: a budget that is gone now is no reason to fail any more. */
	raw_spin_lock_irqsave(&copier->lock, flags);
	WRITE_ONCE(copier->is_short_of_room, false);
	copier->room_given++;
	__blksnap_copier_call_waiters(copier);
	raw_spin_unlock_irqrestore(&copier->lock, flags);
	blksnap_copier_store_now(copier);
}

bool blksnap_copier_wait_for_room(struct copier *copier, struct copier_waiter *waiter)
{
	unsigned long flags;
	bool is_short;

	raw_spin_lock_irqsave(&copier->lock, flags);
	is_short = copier->is_short_of_room;
	if (is_short && list_empty(&waiter->link))
		list_add_tail(&waiter->link, &copier->waiters);
	raw_spin_unlock_irqrestore(&copier->lock, flags);
	return is_short;
}

unsigned long blksnap_copier_short_for(struct copier *copier)
{
	unsigned long flags, time = 0;

	raw_spin_lock_irqsave(&copier->lock, flags);
	if (copier->is_short_of_room)
		time = max(1UL, jiffies - copier->short_since);
	raw_spin_unlock_irqrestore(&copier->lock, flags);
	return time;
}

sector_t blksnap_copier_locate(struct copier *copier, place_t place, sector_t sectors,
			       struct block_device **bdev, sector_t *sector)
{
	return blksnap_diff_storage_locate(copier->storage, place, sectors,
					   bdev, sector);
}

/* The last thing a store does: after it blksnap_copier_stop() may return. */
static void store_ended(struct copier *copier)
{
	if (atomic_dec_and_test(&copier->stores))
		complete(&copier->idle);
}

static void batch_done(struct batch *batch)
{
	struct copier *copier = batch->copier;
	int error = blk_status_to_errno(batch->status);
	place_t place = batch->place;
	struct copy *copy, *next;

	if (error)
		blksnap_copier_fail(copier,
				    list_first_entry(&batch->copies,
						     struct copy, link)
					    ->origin,
				    -EIO);
	else
		atomic64_add((u64)batch->sectors << SECTOR_SHIFT,
			     &copier->stored_bytes);
	list_for_each_entry_safe(copy, next, &batch->copies, link) {
		u32 room = copy->room;

		copy->ops->stored(copy, place, error);
		place += room;
	}
	mempool_free(batch, &batch_pool);

	store_ended(copier);
}

static void batch_put(struct batch *batch)
{
	if (atomic_dec_and_test(&batch->pending))
		batch_done(batch);
}

static void end_store(struct bio *bio)
{
	struct batch *batch = bio->bi_private;

	if (bio->bi_status)
		WRITE_ONCE(batch->status, bio->bi_status);
	bio_put(bio);
	batch_put(batch);
}

/* Where in the pages of a batch a bio begins. */
struct cursor {
	struct copy *copy;
	u32 offset;		/* sectors into the copy */
};

static void add_run(struct bio *bio, struct cursor *at, u32 sectors)
{
	while (sectors) {
		u32 within = at->offset & (PAGE_SECTORS - 1);
		u32 len = min3(sectors, (u32)PAGE_SECTORS - within,
			       at->copy->room - at->offset);

		__bio_add_page(bio, at->copy->bio.bi_io_vec[at->offset / PAGE_SECTORS].bv_page,
			       len << SECTOR_SHIFT, within << SECTOR_SHIFT);
		sectors -= len;
		at->offset += len;
		if (at->offset == at->copy->room)
			*at = (struct cursor){ list_next_entry(at->copy, link), 0 };
	}
}

static void submit_batch(struct batch *batch)
{
	struct cursor at = { list_first_entry(&batch->copies, struct copy, link), 0 };
	u32 sectors = batch->sectors;
	place_t place = batch->place;

	atomic_set(&batch->pending, 1);
	while (sectors) {
		struct block_device *bdev;
		struct bio *bio;
		sector_t sector, run;

		run = blksnap_diff_storage_locate(batch->copier->storage, place,
						  sectors, &bdev, &sector);
		/* No vector holds less than a unit, and none more than a page. */
		bio = blkfilter_bio_alloc(bdev, min_t(sector_t, batch->pages,
						      run / BLKSNAP_UNIT_MIN_SECTORS),
					  REQ_OP_WRITE, GFP_NOIO);
		bio->bi_iter.bi_sector = sector;
		bio->bi_end_io = end_store;
		bio->bi_private = batch;
		add_run(bio, &at, run);
		atomic_inc(&batch->pending);
		blkfilter_submit_below(bio);
		place += run;
		sectors -= run;
	}
	batch_put(batch);
}

/* Up to @most copies from the front of the queue that fit one bio's vector. */
static u32 gather(struct copier *copier, unsigned int most, struct list_head *copies,
		  unsigned int *pages)
{
	struct copy *copy, *next;
	unsigned long flags;
	u32 sectors = 0;

	*pages = 0;
	raw_spin_lock_irqsave(&copier->lock, flags);
	list_for_each_entry_safe(copy, next, &copier->queue, link) {
		if (!most-- || *pages + copy->bio.bi_vcnt > BIO_MAX_VECS)
			break;
		list_move_tail(&copy->link, copies);
		sectors += copy->room;
		*pages += copy->bio.bi_vcnt;
	}
	copier->queued_pages -= *pages;
	raw_spin_unlock_irqrestore(&copier->lock, flags);
	return sectors;
}

static void put_back(struct copier *copier, struct list_head *copies,
		     unsigned int pages)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&copier->lock, flags);
	list_splice_init(copies, &copier->queue);
	copier->queued_pages += pages;
	raw_spin_unlock_irqrestore(&copier->lock, flags);
}

/*
 * Nothing could be reserved, not even for one copy. False if room was given since
 * @given was read, before that was tried.
 */
static bool has_become_short(struct copier *copier, unsigned int given)
{
	unsigned long flags;
	bool is_short;

	raw_spin_lock_irqsave(&copier->lock, flags);
	is_short = copier->room_given == given;
	if (is_short) {
		if (!copier->is_short_of_room)
			copier->short_since = jiffies;
		WRITE_ONCE(copier->is_short_of_room, true);
		/* Who found the budget gone before learns now that this is the end. */
		__blksnap_copier_call_waiters(copier);
	}
	raw_spin_unlock_irqrestore(&copier->lock, flags);
	return is_short;
}

/* False: nothing to do, or no room for the first of the queue. */
static bool store_some(struct copier *copier)
{
	unsigned int given = READ_ONCE(copier->room_given);
	struct batch *batch;
	unsigned int pages;
	LIST_HEAD(copies);
	place_t place;
	u32 sectors;

	sectors = gather(copier, BIO_MAX_VECS, &copies, &pages);
	if (!sectors)
		return false;
	if (!blksnap_diff_storage_reserve(copier->storage, sectors, &place)) {
		/* The rest of the room may still do for one. */
		put_back(copier, &copies, pages);
		sectors = gather(copier, 1, &copies, &pages);
		if (!blksnap_diff_storage_reserve(copier->storage, sectors, &place)) {
			put_back(copier, &copies, pages);
			return !has_become_short(copier, given);
		}
	}
	WRITE_ONCE(copier->is_short_of_room, false);
	batch = mempool_alloc(&batch_pool, GFP_NOIO);
	batch->copier = copier;
	batch->place = place;
	batch->sectors = sectors;
	batch->pages = pages;
	batch->status = BLK_STS_OK;
	INIT_LIST_HEAD(&batch->copies);
	list_splice(&copies, &batch->copies);
	atomic_inc(&copier->stores);
	inject_sleep(5);
	submit_batch(batch);
	return true;
}

static void drop_queue(struct copier *copier, int error)
{
	struct copy *copy, *next;
	unsigned long flags;
	LIST_HEAD(copies);

	raw_spin_lock_irqsave(&copier->lock, flags);
	list_splice_init(&copier->queue, &copies);
	copier->queued_pages = 0;
	raw_spin_unlock_irqrestore(&copier->lock, flags);
	list_for_each_entry_safe(copy, next, &copies, link)
		copy->ops->stored(copy, 0, error);
}

static void store_queue(struct work_struct *work)
{
	struct copier *copier = container_of(to_delayed_work(work), struct copier,
					     store_work);
	struct blk_plug plug;
	int error;

	blk_start_plug(&plug);
	do {
		error = READ_ONCE(copier->error);
		if (error)
			drop_queue(copier, error);
	} while (!error && store_some(copier));
	blk_finish_plug(&plug);
}

/*
 * The worker is called under the lock: it takes the copy under it, and when the last
 * copy has been stored the copier may be freed.
 */
void blksnap_copy_store(struct copy *copy)
{
	struct copier *copier = copy->copier;
	unsigned int pages = copy->bio.bi_vcnt, before;
	unsigned long flags;

	raw_spin_lock_irqsave(&copier->lock, flags);
	list_add_tail(&copy->link, &copier->queue);
	before = copier->queued_pages;
	copier->queued_pages += pages;
	/* With more than enough before it is under way, or waits for room. */
	if (!list_empty(&copier->waiters) || atomic_read(&copier->hurry) ||
	    (before < STORE_PAGES && before + pages >= STORE_PAGES))
		blksnap_copier_store_now(copier);
	else if (before < STORE_PAGES)
		queue_delayed_work(copier->wq, &copier->store_work, STORE_DELAY);
	raw_spin_unlock_irqrestore(&copier->lock, flags);
}

void blksnap_copier_stop(struct copier *copier)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&copier->lock, flags);
	if (!copier->error)
		copier->error = -ESHUTDOWN;
	raw_spin_unlock_irqrestore(&copier->lock, flags);
	blksnap_copier_store_now(copier);
	flush_delayed_work(&copier->store_work);
	/* The worker begins no more stores: what it counted is all there is. */
	store_ended(copier);
	wait_for_completion(&copier->idle);
}

void blksnap_store_init(struct copier *copier)
{
	INIT_LIST_HEAD(&copier->queue);
	INIT_DELAYED_WORK(&copier->store_work, store_queue);
	atomic_set(&copier->stores, 1);
	init_completion(&copier->idle);
}

void blksnap_stores_exit(void)
{
	mempool_exit(&batch_pool);
	kmem_cache_destroy(batch_cache);
}

int blksnap_stores_init(void)
{
	int ret;

	batch_cache = KMEM_CACHE(batch, 0);
	if (!batch_cache)
		return -ENOMEM;
	ret = mempool_init_slab_pool(&batch_pool, BATCH_POOL_MIN, batch_cache);
	if (ret)
		kmem_cache_destroy(batch_cache);
	return ret;
}
