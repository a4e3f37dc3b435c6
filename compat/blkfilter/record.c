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
 * on one CPU and completes on another needs no allocator, and a lock once a
 * magazine. When all is empty, the bio is held and a worker makes more records.
 * Without memory for that it takes what other CPUs have put by: there are some
 * from the first, and those on bios come back. What is in the stack when the last
 * filter goes is freed.
 *
 * The count of a CPU may be negative: a bio ends on another CPU than it began.
 * Once an epoch is over nothing is added to it, so that a sum which reads zero
 * is zero.
 */
#include <linux/delay.h>
#include <linux/llist.h>
#include <linux/slab.h>
#include <linux/smp.h>

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
static LLIST_HEAD(magazines);			/* not empty, most of them full */
static DEFINE_RAW_SPINLOCK(magazines_lock);	/* for who takes one; interrupts off */
static struct kmem_cache *record_cache;

static void push_magazine(struct magazine *magazine)
{
	if (!magazine->count)
		return;
	magazine->first->count = magazine->count;
	llist_add(&magazine->first->link, &magazines);
	*magazine = (struct magazine){ };
}

static bool pop_magazine(struct magazine *magazine)
{
	struct llist_node *node;

	if (llist_empty(&magazines))
		return false;
	raw_spin_lock(&magazines_lock);
	node = llist_del_first(&magazines);
	raw_spin_unlock(&magazines_lock);
	if (!node)
		return false;
	magazine->first = container_of(node, struct bio_record, link);
	magazine->count = magazine->first->count;
	return true;
}

static struct bio_record *take_one(struct depot *depot)
{
	struct bio_record *record;

	if (!depot->loaded.count) {
		swap(depot->loaded, depot->spare);
		if (!depot->loaded.count && !pop_magazine(&depot->loaded))
			return NULL;
	}
	record = depot->loaded.first;
	depot->loaded.first = record->next;
	depot->loaded.count--;
	return record;
}

static void put_one(struct depot *depot, struct bio_record *record)
{
	if (depot->loaded.count == MAGAZINE_RECORDS) {
		push_magazine(&depot->spare);
		swap(depot->loaded, depot->spare);
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
	/* Who sees the count sees the data as well, which a processor may have moved. */
	smp_wmb();
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

/* On each CPU, interrupts off. */
static void give_up_magazines(void *unused)
{
	struct depot *depot = this_cpu_ptr(&depots);

	push_magazine(&depot->loaded);
	push_magazine(&depot->spare);
}

static bool has_records(void)
{
	unsigned long flags;
	bool has_some;

	local_irq_save(flags);
	has_some = this_cpu_ptr(&depots)->loaded.count ||
		   this_cpu_ptr(&depots)->spare.count;
	local_irq_restore(flags);
	return has_some || !llist_empty(&magazines);
}

void blk_filter_refill_records(void)
{
	struct magazine magazine = { };
	unsigned long flags;

	if (has_records())
		return;
	while (magazine.count < MAGAZINE_RECORDS) {
		struct bio_record *record;

		record = kmem_cache_alloc(record_cache, GFP_NOIO | __GFP_NOWARN |
							__GFP_NORETRY);
		if (!record)
			break;
		record->next = magazine.first;
		magazine.first = record;
		magazine.count++;
	}
	if (magazine.count) {
		local_irq_save(flags);
		push_magazine(&magazine);
		local_irq_restore(flags);
		return;
	}
	on_each_cpu(give_up_magazines, NULL, 1);
	/* All are on bios that passed, which do end. */
	if (llist_empty(&magazines))
		fsleep(1000);
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

void blk_filter_records_trim(void)
{
	struct llist_node *node, *next;
	unsigned long flags;

	raw_spin_lock_irqsave(&magazines_lock, flags);
	node = llist_del_all(&magazines);
	raw_spin_unlock_irqrestore(&magazines_lock, flags);
	for (; node; node = next) {
		next = node->next;
		free_list(container_of(node, struct bio_record, link));
	}
}

void blk_filter_records_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct depot *depot = per_cpu_ptr(&depots, cpu);

		free_list(depot->loaded.first);
		free_list(depot->spare.first);
		*depot = (struct depot){ };
	}
	blk_filter_records_trim();
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
