// SPDX-License-Identifier: GPL-2.0-only
/*
 * A passed bio until it ends.
 *
 * A record takes the place of a bio's completion function. It does two things:
 * it counts the bio in its epoch until it ends, and it marks the bio as seen,
 * so that the same bio met again (resubmitted, or the remainder of a split) is
 * not judged twice. A bio that passed several filters carries a chain.
 * bio_endio() takes the records off before it looks what kind of end it is, so
 * that long chains of bios end in its loop as they always do.
 *
 * Records come from per-CPU magazines: lists of records of which a CPU holds
 * two, touched with interrupts off for a few instructions. Full magazines go to
 * a global stack and are fetched from it whole, so that a machine that submits
 * on one CPU and completes on another needs neither lock nor allocator. When
 * all is empty, the bio is held and a worker makes more records.
 *
 * The count of a CPU may be negative: a bio ends on another CPU than it began.
 * Once an epoch is over nothing is added to it, so that a sum which reads zero
 * is zero.
 */
#include <linux/delay.h>
#include <linux/llist.h>
#include <linux/slab.h>

#include "blk-filter.h"

#define MAGAZINE_RECORDS	64

struct record {
	union {
		struct record *next;		/* in a magazine */
		struct blk_filter *filter;	/* on a bio */
	};
	union {
		struct llist_node link;		/* of a magazine's first record */
		bio_end_io_t *end_io;
	};
	void *private;
	unsigned long parity;			/* of the epoch */
};

struct magazine {
	struct record *first;
	unsigned int count;
};

/* Used by its own CPU only, interrupts off. The spare is full or empty. */
struct depot {
	struct magazine loaded;
	struct magazine spare;
};

static DEFINE_PER_CPU(struct depot, depots);
static LLIST_HEAD(full_magazines);
static struct kmem_cache *record_cache;

static struct record *take_one(struct depot *depot)
{
	struct record *record;

	if (!depot->loaded.count) {
		struct llist_node *all, *rest;

		swap(depot->loaded, depot->spare);
		if (!depot->loaded.count) {
			/* Taking one of a lockless stack is not safe, taking all is. */
			all = llist_del_all(&full_magazines);
			if (!all)
				return NULL;
			rest = all->next;
			while (rest) {
				struct llist_node *next = rest->next;

				llist_add(rest, &full_magazines);
				rest = next;
			}
			depot->loaded.first = container_of(all, struct record, link);
			depot->loaded.count = MAGAZINE_RECORDS;
		}
	}
	record = depot->loaded.first;
	depot->loaded.first = record->next;
	depot->loaded.count--;
	return record;
}

static void put_one(struct depot *depot, struct record *record)
{
	if (depot->loaded.count == MAGAZINE_RECORDS) {
		if (depot->spare.count)
			llist_add(&depot->spare.first->link, &full_magazines);
		depot->spare = depot->loaded;
		depot->loaded = (struct magazine){ };
	}
	record->next = depot->loaded.first;
	depot->loaded.first = record;
	depot->loaded.count++;
}

static void record_free(struct record *record)
{
	unsigned long flags;

	local_irq_save(flags);
	put_one(this_cpu_ptr(&depots), record);
	local_irq_restore(flags);
}

void __blk_filter_end_bio(struct bio *bio)
{
	rcu_read_lock();		/* the filter is freed behind that */
	while (bio->bi_end_io == blk_filter_end_io) {
		struct record *record = bio->bi_private;
		struct blk_filter *f = record->filter;
		unsigned long parity = record->parity;

		bio->bi_end_io = record->end_io;
		bio->bi_private = record->private;
		record_free(record);
		this_cpu_dec(f->inflight->count[parity]);
		/* Whoever waits looks again from time to time: no barrier. */
		if (unlikely(parity != (READ_ONCE(f->epoch) & 1)))
			wake_up(&f->drain_wait);
	}
	rcu_read_unlock();
}

/* Only somebody who ends a bio without bio_endio() gets here. */
void blk_filter_end_io(struct bio *bio)
{
	__blk_filter_end_bio(bio);
	if (bio->bi_end_io)
		bio->bi_end_io(bio);
}

bool blk_filter_is_seen(const struct blk_filter *f, const struct bio *bio)
{
	bio_end_io_t *end_io = bio->bi_end_io;
	void *private = bio->bi_private;

	while (end_io == blk_filter_end_io) {
		const struct record *record = private;

		if (record->filter == f)
			return true;
		end_io = record->end_io;
		private = record->private;
	}
	return false;
}

bool blk_filter_record(struct blk_filter *f, struct bio *bio)
{
	struct record *record;
	unsigned long flags;

	local_irq_save(flags);
	record = take_one(this_cpu_ptr(&depots));
	local_irq_restore(flags);
	if (!record)
		return false;
	record->filter = f;
	record->parity = READ_ONCE(f->epoch) & 1;
	/* A bio-based driver that polls keeps a list head in bi_private. */
	if (bio->bi_bdev->bd_disk->fops->poll_bio)
		bio_clear_polled(bio);
	record->end_io = bio->bi_end_io;
	record->private = bio->bi_private;
	bio->bi_private = record;
	bio->bi_end_io = blk_filter_end_io;
	this_cpu_inc(f->inflight->count[record->parity]);
	return true;
}

/* Without memory it waits for records to come back: bios that passed do end. */
void blk_filter_refill_records(void)
{
	struct record *first = NULL;
	unsigned long flags;
	unsigned int i;
	bool has_some;

	local_irq_save(flags);
	has_some = this_cpu_ptr(&depots)->loaded.count ||
		   this_cpu_ptr(&depots)->spare.count;
	local_irq_restore(flags);
	if (has_some || !llist_empty(&full_magazines))
		return;

	for (i = 0; i < MAGAZINE_RECORDS; i++) {
		struct record *record;

		record = kmem_cache_alloc(record_cache, GFP_NOIO | __GFP_NOWARN |
							__GFP_NORETRY);
		if (!record)
			break;
		record->next = first;
		first = record;
	}
	if (i < MAGAZINE_RECORDS) {
		while (first) {
			struct record *record = first;

			first = record->next;
			record_free(record);
		}
		if (!i)
			fsleep(1000);
		return;
	}
	llist_add(&first->link, &full_magazines);
}

long blk_filter_inflight(const struct blk_filter *f, unsigned int parity)
{
	long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(f->inflight, cpu)->count[parity]);
	return sum;
}

static void free_all(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct depot *depot = per_cpu_ptr(&depots, cpu);

		while (depot->loaded.first) {
			struct record *record = depot->loaded.first;

			depot->loaded.first = record->next;
			kmem_cache_free(record_cache, record);
		}
		depot->loaded.count = 0;
	}
	kmem_cache_destroy(record_cache);
}

int blk_filter_records_init(void)
{
	int cpu;

	record_cache = kmem_cache_create("blk_filter_record",
					 sizeof(struct record), 0,
					 SLAB_HWCACHE_ALIGN, NULL);
	if (!record_cache)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct depot *depot = per_cpu_ptr(&depots, cpu);
		unsigned int i;

		for (i = 0; i < MAGAZINE_RECORDS; i++) {
			struct record *record = kmem_cache_alloc(record_cache,
								 GFP_KERNEL);

			if (!record) {
				free_all();
				return -ENOMEM;
			}
			put_one(depot, record);
		}
	}
	return 0;
}
