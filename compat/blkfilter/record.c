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
 * all is empty, the bio is held and a worker refills (records_refill()).
 *
 * The count of a CPU may be negative: a bio ends on another CPU than it began.
 * Once an epoch is over nothing is added to it, so that a sum which reads zero
 * is zero.
 */
#include <linux/delay.h>
#include <linux/llist.h>
#include <linux/slab.h>

#include "blkfilter.h"

#define MAGAZINE_RECORDS	64

struct record {
	union {
		struct record *next;		/* in a magazine */
		struct filter *flt;		/* on a bio */
	};
	union {
		struct llist_node link;		/* of a magazine's first record */
		bio_end_io_t *end_io;
	};
	void *private;
	union {
		struct bio *bio;		/* waiting for its turn to end */
		unsigned long parity;		/* of the epoch */
	};
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

/* Completions of chained bios: see end_chained(). */
static LLIST_HEAD(chained);
static atomic_long_t chained_count = ATOMIC_LONG_INIT(0);
static bio_end_io_t *chain_end_io;

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

/*
 * What the block layer does with a chained bio. Its completion function stands for
 * this there, and must not be called on newer kernels.
 */
static void end_parent(struct bio *bio)
{
	struct bio *parent = bio->bi_private;

	if (bio->bi_status && !parent->bi_status)
		parent->bi_status = bio->bi_status;
	bio_put(bio);
	bio_endio(parent);
}

/*
 * A chained bio ends by ending its parent, which may carry a record and be
 * chained in its turn. The block layer makes a loop of that where it sees it;
 * behind our records it does not, and a discard of a large device is a chain of
 * thousands. So these end one after another, in the one context that found
 * nobody at it.
 */
static void end_chained(struct record *record)
{
	struct llist_node *batch;
	struct record *next;
	long ended;

	llist_add(&record->link, &chained);
	if (atomic_long_inc_return(&chained_count) != 1)
		return;
	do {
		ended = 0;
		batch = llist_del_all(&chained);
		llist_for_each_entry_safe(record, next, batch, link) {
			struct bio *bio = record->bio;

			record_free(record);
			end_parent(bio);
			ended++;
		}
	} while (atomic_long_sub_return(ended, &chained_count));
}

/* Until rcu_read_unlock() our text is in use, see records_exit(). */
static void record_end_io(struct bio *bio)
{
	struct record *record = bio->bi_private;
	struct filter *flt = record->flt;
	unsigned long parity = record->parity;

	rcu_read_lock();
	bio->bi_end_io = record->end_io;
	bio->bi_private = record->private;
	this_cpu_dec(flt->inflight->count[parity]);
	/* Whoever waits looks again by itself from time to time: no barrier. */
	if (unlikely(parity != (READ_ONCE(flt->epoch) & 1)))
		wake_up(&flt->drain_wait);

	if (bio->bi_end_io == chain_end_io) {
		record->bio = bio;
		end_chained(record);
	} else {
		record_free(record);
		compat_bio_complete(bio);
	}
	rcu_read_unlock();
}

bool record_is_seen(const struct filter *flt, const struct bio *bio)
{
	bio_end_io_t *end_io = bio->bi_end_io;
	void *private = bio->bi_private;

	while (end_io == record_end_io) {
		const struct record *record = private;

		if (record->flt == flt)
			return true;
		end_io = record->end_io;
		private = record->private;
	}
	return false;
}

bool record_attach(struct filter *flt, struct bio *bio)
{
	struct record *record;
	unsigned long flags;

	local_irq_save(flags);
	record = take_one(this_cpu_ptr(&depots));
	local_irq_restore(flags);
	if (!record)
		return false;
	record->flt = flt;
	record->parity = READ_ONCE(flt->epoch) & 1;
	/* A bio-based driver that polls keeps a list head in bi_private. */
	if (bio->bi_bdev->bd_disk->fops->poll_bio)
		bio_clear_polled(bio);
	record->end_io = bio->bi_end_io;
	record->private = bio->bi_private;
	bio->bi_private = record;
	bio->bi_end_io = record_end_io;
	this_cpu_inc(flt->inflight->count[record->parity]);
	return true;
}

/* Without memory it waits for records to come back: bios that passed do end. */
void records_refill(void)
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
		struct record *record = kmem_cache_alloc(record_cache, GFP_NOIO |
							 __GFP_NOWARN | __GFP_NORETRY);

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
			msleep(1);
		return;
	}
	llist_add(&first->link, &full_magazines);
}

long records_inflight(const struct filter *flt, unsigned int parity)
{
	long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(flt->inflight, cpu)->count[parity]);
	return sum;
}

static void free_list(struct record *record)
{
	while (record) {
		struct record *next = record->next;

		kmem_cache_free(record_cache, record);
		record = next;
	}
}

/*
 * No filter is left and all its bios have ended, so that no new record_end_io()
 * can begin. One that has dropped the last count may still be on its way out:
 * those in task context are waited for by RCU and RCU-tasks, those in interrupts
 * by the "rude" variant, which makes every CPU schedule.
 */
void records_exit(void)
{
	struct llist_node *node, *next;
	int cpu;

	synchronize_rcu();
	synchronize_rcu_tasks();
	synchronize_rcu_tasks_rude();

	for_each_possible_cpu(cpu) {
		struct depot *depot = per_cpu_ptr(&depots, cpu);

		free_list(depot->loaded.first);
		free_list(depot->spare.first);
	}
	for (node = llist_del_all(&full_magazines); node; node = next) {
		next = node->next;
		free_list(container_of(node, struct record, link));
	}
	kmem_cache_destroy(record_cache);
}

/* The block layer's own completion of chained bios is not exported: look. */
static void learn_chain_end_io(void)
{
	struct bio child, parent;

	bio_init(&parent, NULL, NULL, 0, 0);
	bio_init(&child, NULL, NULL, 0, 0);
	bio_chain(&child, &parent);
	chain_end_io = child.bi_end_io;
	bio_uninit(&child);
	bio_uninit(&parent);
}

int records_init(void)
{
	int cpu;

	record_cache = KMEM_CACHE(record, SLAB_HWCACHE_ALIGN);
	if (!record_cache)
		return -ENOMEM;
	learn_chain_end_io();
	for_each_possible_cpu(cpu) {
		struct depot *depot = per_cpu_ptr(&depots, cpu);
		unsigned int i;

		for (i = 0; i < MAGAZINE_RECORDS; i++) {
			struct record *record = kmem_cache_alloc(record_cache, GFP_KERNEL);

			if (!record) {
				records_exit();
				return -ENOMEM;
			}
			put_one(depot, record);
		}
	}
	return 0;
}
