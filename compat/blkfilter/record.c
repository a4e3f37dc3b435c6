// SPDX-License-Identifier: GPL-2.0-only
/*
 * record: a passed bio until it ends.
 *
 * A record takes the place of a bio's completion function. It does two things:
 * it counts the bio in its epoch until it ends, and it marks the bio as seen,
 * so that the same bio met again (resubmitted, or the remainder of a split) is
 * not judged twice. A bio that passed several filters carries a chain.
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

#include "blk-filter-core.h"

#define MAGAZINE_RECORDS	64

struct magazine {
	struct bio_record *first;
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

static struct bio_record *take_one(struct depot *depot)
{
	struct bio_record *record;

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
			depot->loaded.first = container_of(all, struct bio_record, link);
			depot->loaded.count = MAGAZINE_RECORDS;
		}
	}
	record = depot->loaded.first;
	depot->loaded.first = record->next;
	depot->loaded.count--;
	return record;
}

static void put_one(struct depot *depot, struct bio_record *record)
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

void blk_filter_record_free(struct bio_record *record)
{
	unsigned long flags;

	local_irq_save(flags);
	put_one(this_cpu_ptr(&depots), record);
	local_irq_restore(flags);
}

struct bio_record *blk_filter_take_off(struct bio *bio)
{
	struct bio_record *record = bio->bi_private;
	struct blk_filter *f = record->filter;
	unsigned long parity = record->parity;

	bio->bi_end_io = record->end_io;
	bio->bi_private = record->private;
	this_cpu_dec(f->inflight->count[parity]);
	/* Whoever waits looks again from time to time: no barrier. */
	if (unlikely(parity != (READ_ONCE(f->epoch) & 1)))
		wake_up(&f->drain_wait);
	return record;
}

bool blk_filter_is_seen(const struct blk_filter *f, const struct bio *bio)
{
	bio_end_io_t *end_io = bio->bi_end_io;
	void *private = bio->bi_private;

	while (end_io == blk_filter_end_io) {
		const struct bio_record *record = private;

		if (record->filter == f)
			return true;
		end_io = record->end_io;
		private = record->private;
	}
	return false;
}

bool blk_filter_record(struct blk_filter *f, struct bio *bio)
{
	struct bio_record *record;
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
	struct bio_record *first = NULL;
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
		struct bio_record *record;

		record = kmem_cache_alloc(record_cache, GFP_NOIO | __GFP_NOWARN |
							__GFP_NORETRY);
		if (!record)
			break;
		record->next = first;
		first = record;
	}
	if (i < MAGAZINE_RECORDS) {
		while (first) {
			struct bio_record *record = first;

			first = record->next;
			blk_filter_record_free(record);
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

static void free_list(struct bio_record *record)
{
	while (record) {
		struct bio_record *next = record->next;

		kmem_cache_free(record_cache, record);
		record = next;
	}
}

void blk_filter_records_exit(void)
{
	struct llist_node *node, *next;
	int cpu;

	for_each_possible_cpu(cpu) {
		struct depot *depot = per_cpu_ptr(&depots, cpu);

		free_list(depot->loaded.first);
		free_list(depot->spare.first);
		*depot = (struct depot){ };
	}
	for (node = llist_del_all(&full_magazines); node; node = next) {
		next = node->next;
		free_list(container_of(node, struct bio_record, link));
	}
	kmem_cache_destroy(record_cache);
}

int blk_filter_records_init(void)
{
	int cpu;

	record_cache = kmem_cache_create("blk_filter_record",
					 sizeof(struct bio_record), 0,
					 SLAB_HWCACHE_ALIGN, NULL);
	if (!record_cache)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct depot *depot = per_cpu_ptr(&depots, cpu);
		unsigned int i;

		for (i = 0; i < MAGAZINE_RECORDS; i++) {
			struct bio_record *record = kmem_cache_alloc(record_cache,
								 GFP_KERNEL);

			if (!record) {
				blk_filter_records_exit();
				return -ENOMEM;
			}
			put_one(depot, record);
		}
	}
	return 0;
}
