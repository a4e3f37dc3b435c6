// SPDX-License-Identifier: GPL-2.0-only
/*
 * copy: memory, reads and the budget of copies on their way. How they reach the
 * storage is in store.c.
 *
 * A copy is one allocation: a read bio with the copy in front of it, whose
 * vector of pages stays as it is after the read and is what the store writes.
 * Pages are recycled in the copier, because a fresh page costs more than the
 * rest of the path. What one largest copy takes, its pages and itself, is set aside
 * when the copier is made, so that without any memory copying still goes on, one after
 * another; it is never waited for while a copy of the same copier might be what holds
 * it. The set of bios is no such reserve: who may not sleep does not always get at it,
 * and who sleeps there holds up those who could give memory back.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/highmem.h>
#include <linux/slab.h>

#include "copy_internal.h"

#define SPARE_PAGES_MAX		1024
#define SPARE_PAGES_MIN		BIO_MAX_VECS

static unsigned int pages_of(u32 sectors)
{
	return DIV_ROUND_UP(sectors, PAGE_SECTORS);
}

/* Pages are linked by their lru. */
static struct page *take_page(struct copier *copier)
{
	struct page *page;
	unsigned long flags;

	raw_spin_lock_irqsave(&copier->lock, flags);
	page = list_first_entry_or_null(&copier->pages, struct page, lru);
	if (page) {
		list_del(&page->lru);
		copier->page_count--;
	}
	raw_spin_unlock_irqrestore(&copier->lock, flags);
	return page ?: alloc_page(GFP_NOIO | __GFP_NOWARN | __GFP_NORETRY);
}

static void give_page(struct copier *copier, struct page *page)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&copier->lock, flags);
	if (copier->page_count < SPARE_PAGES_MAX) {
		list_add(&page->lru, &copier->pages);
		copier->page_count++;
		page = NULL;
	}
	raw_spin_unlock_irqrestore(&copier->lock, flags);
	if (page)
		__free_page(page);
}

static bool take_budget(struct copier *copier, size_t bytes, bool is_urgent,
			struct copier_waiter *waiter)
{
	unsigned long flags;
	bool is_taken;

	raw_spin_lock_irqsave(&copier->lock, flags);
	/* A budget smaller than one copy still lets one at a time through. */
	is_taken = is_urgent || !copier->memory_bytes ||
		   copier->memory_bytes + bytes <= copier->budget_bytes;
	if (is_taken)
		copier->memory_bytes += bytes;
	else if (waiter && list_empty(&waiter->link))
		list_add_tail(&waiter->link, &copier->waiters);
	raw_spin_unlock_irqrestore(&copier->lock, flags);
	return is_taken;
}

void __blksnap_copier_call_waiters(struct copier *copier)
{
	struct copier_waiter *waiter, *next;
	LIST_HEAD(called);

	lockdep_assert_held(&copier->lock);
	list_splice_init(&copier->waiters, &called);
	list_for_each_entry_safe(waiter, next, &called, link) {
		list_del_init(&waiter->link);
		waiter->has_budget(waiter);
	}
}

static void give_budget(struct copier *copier, size_t bytes)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&copier->lock, flags);
	copier->memory_bytes -= bytes;
	__blksnap_copier_call_waiters(copier);
	raw_spin_unlock_irqrestore(&copier->lock, flags);
}

void blksnap_copier_forget(struct copier *copier, struct copier_waiter *waiter)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&copier->lock, flags);
	list_del_init(&waiter->link);
	raw_spin_unlock_irqrestore(&copier->lock, flags);
}

static void free_pages_of(struct copy *copy)
{
	unsigned int i;

	for (i = 0; i < copy->bio.bi_vcnt; i++)
		give_page(copy->copier, copy->bio.bi_io_vec[i].bv_page);
}

/* The one that is set aside, or NULL if it is in use. */
static struct copy *take_spare(struct copier *copier, struct block_device *origin)
{
	struct copy *copy = copier->spare;
	unsigned long flags;
	bool is_taken;

	raw_spin_lock_irqsave(&copier->lock, flags);
	is_taken = copier->is_spare_used;
	copier->is_spare_used = true;
	raw_spin_unlock_irqrestore(&copier->lock, flags);
	if (is_taken)
		return NULL;
	/* Its vector is behind it. */
	bio_init(&copy->bio, origin, (struct bio_vec *)(copy + 1), BIO_MAX_VECS,
		 REQ_OP_READ);
	return copy;
}

static void give_bio(struct copy *copy)
{
	struct copier *copier = copy->copier;
	unsigned long flags;

	if (copy != copier->spare) {
		bio_put(&copy->bio);
		return;
	}
	bio_uninit(&copy->bio);
	raw_spin_lock_irqsave(&copier->lock, flags);
	copier->is_spare_used = false;
	raw_spin_unlock_irqrestore(&copier->lock, flags);
}

void blksnap_copy_put(struct copy *copy)
{
	struct copier *copier = copy->copier;
	size_t bytes = (size_t)copy->bio.bi_vcnt << PAGE_SHIFT;

	if (!refcount_dec_and_test(&copy->refs))
		return;
	free_pages_of(copy);
	give_bio(copy);
	give_budget(copier, bytes);
}

static void end_read(struct bio *bio)
{
	struct copy *copy = container_of(bio, struct copy, bio);

	copy->ops->read_done(copy, bio->bi_status);
}

void blksnap_copy_read(struct copy *copy)
{
	struct bio *bio = &copy->bio;

	bio->bi_iter.bi_sector = copy->start;
	bio->bi_iter.bi_size = copy->count << SECTOR_SHIFT;
	bio->bi_end_io = end_read;
	submit_bio_noacct(bio);
}

/* What lies behind the origin's end is stored with the last unit: as zeros. */
static void clear_tail(struct copy *copy)
{
	u32 used = (copy->count << SECTOR_SHIFT) & (PAGE_SIZE - 1);

	if (used)
		memzero_page(copy->bio.bi_io_vec[copy->bio.bi_vcnt - 1].bv_page,
			     used, PAGE_SIZE - used);
}

static bool fill_pages(struct copy *copy, unsigned int count)
{
	while (copy->bio.bi_vcnt < count) {
		struct page *page = take_page(copy->copier);

		if (!page)
			return false;
		__bio_add_page(&copy->bio, page, PAGE_SIZE, 0);
	}
	return true;
}

/* Enrols @waiter, unless nobody is left who could call it. */
static bool wait_for_others(struct copier *copier, struct copier_waiter *waiter)
{
	unsigned long flags;
	bool is_waiting;

	raw_spin_lock_irqsave(&copier->lock, flags);
	is_waiting = copier->memory_bytes;
	if (is_waiting && waiter && list_empty(&waiter->link))
		list_add_tail(&waiter->link, &copier->waiters);
	raw_spin_unlock_irqrestore(&copier->lock, flags);
	return is_waiting;
}

static struct copy *copy_make(struct copier *copier, struct block_device *origin,
			      sector_t start, u32 count,
			      const struct copy_operations *ops)
{
	struct bio *bio = bio_alloc_bioset(origin, pages_of(count), REQ_OP_READ,
					   GFP_NOWAIT | __GFP_NOWARN, &copier->bios);
	struct copy *copy = bio ? container_of(bio, struct copy, bio) :
				  take_spare(copier, origin);

	if (!copy)
		return NULL;
	copy->copier = copier;
	copy->ops = ops;
	copy->origin = origin;
	copy->start = start;
	copy->count = count;
	copy->room = round_up(count, BLKSNAP_UNIT_MIN_SECTORS);
	copy->extent = NULL;
	refcount_set(&copy->refs, 1);
	bio_list_init(&copy->waiters);
	if (fill_pages(copy, pages_of(count)))
		return copy;
	free_pages_of(copy);
	give_bio(copy);
	return NULL;
}

struct copy *blksnap_copy_alloc(struct copier *copier, struct block_device *origin,
				sector_t start, u32 count,
				const struct copy_operations *ops, bool is_urgent,
				struct copier_waiter *waiter)
{
	size_t bytes = (size_t)pages_of(count) << PAGE_SHIFT;
	struct copy *copy;

	do {
		if (!take_budget(copier, bytes, is_urgent, waiter)) {
			if (waiter)
				blksnap_store_budget_is_gone(copier, origin);
			blksnap_copier_store_now(copier);
			return NULL;
		}
		copy = copy_make(copier, origin, start, count, ops);
		if (copy) {
			clear_tail(copy);
			return copy;
		}
		give_budget(copier, bytes);
		blksnap_copier_store_now(copier);
		/* With nothing in flight what is set aside is back: enough for one. */
	} while (!wait_for_others(copier, waiter));
	return NULL;
}

void blksnap_copy_to_bio(struct copy *copy, u32 offset, struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec bv;
	size_t from = (size_t)offset << SECTOR_SHIFT;

	bio_for_each_segment(bv, bio, iter) {
		size_t done = 0;

		while (done < bv.bv_len) {
			struct page *page =
				copy->bio.bi_io_vec[from >> PAGE_SHIFT].bv_page;
			size_t within = from & (PAGE_SIZE - 1);
			size_t len = min_t(size_t, bv.bv_len - done,
					   PAGE_SIZE - within);

			memcpy_page(bv.bv_page, bv.bv_offset + done, page, within, len);
			done += len;
			from += len;
		}
	}
}

void blksnap_copier_stats(struct copier *copier, struct copier_stats *stats)
{
	stats->memory_bytes = READ_ONCE(copier->memory_bytes);
	stats->stored_bytes = atomic64_read(&copier->stored_bytes);
}

void blksnap_copier_free(struct copier *copier)
{
	struct page *page, *next;

	cancel_delayed_work_sync(&copier->store_work);
	if (copier->wq)
		destroy_workqueue(copier->wq);
	WARN_ON(copier->memory_bytes);
	list_for_each_entry_safe(page, next, &copier->pages, lru)
		__free_page(page);
	bioset_exit(&copier->bios);
	kfree(copier->spare);
	kfree(copier);
}

void blksnap_copier_set_budget(struct copier *copier, u64 budget_bytes)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&copier->lock, flags);
	copier->budget_bytes = budget_bytes;
	raw_spin_unlock_irqrestore(&copier->lock, flags);
}

struct copier *blksnap_copier_alloc(struct diff_storage *storage, u64 budget_bytes,
				    void (*fail)(void *arg, struct block_device *origin,
						 int error),
				    void *arg)
{
	struct copier *copier = kzalloc(sizeof(*copier), GFP_KERNEL);

	if (!copier)
		return ERR_PTR(-ENOMEM);
	copier->storage = storage;
	copier->budget_bytes = budget_bytes;
	copier->fail = fail;
	copier->fail_arg = arg;
	raw_spin_lock_init(&copier->lock);
	INIT_LIST_HEAD(&copier->pages);
	INIT_LIST_HEAD(&copier->waiters);
	blksnap_store_init(copier);
	copier->wq = alloc_workqueue("blksnap-store", WQ_MEM_RECLAIM | WQ_UNBOUND |
				     WQ_HIGHPRI, 1);
	copier->spare = kzalloc(sizeof(*copier->spare) +
				BIO_MAX_VECS * sizeof(struct bio_vec), GFP_KERNEL);
	if (!copier->wq || !copier->spare ||
	    bioset_init(&copier->bios, 1, offsetof(struct copy, bio), BIOSET_NEED_BVECS))
		goto out;
	while (copier->page_count < SPARE_PAGES_MIN) {
		struct page *page = alloc_page(GFP_KERNEL);

		if (!page)
			goto out;
		give_page(copier, page);
	}
	return copier;

out:
	blksnap_copier_free(copier);
	return ERR_PTR(-ENOMEM);
}

int blksnap_copies_init(void)
{
	return blksnap_stores_init();
}

void blksnap_copies_exit(void)
{
	blksnap_stores_exit();
}
