// SPDX-License-Identifier: GPL-2.0-only
/*
 * end: the end of a passed bio, where the block layer knows nothing of records.
 *
 * A chained bio ends by ending its parent, which may carry a record and be
 * chained in its turn. The block layer makes a loop of that where it sees it;
 * behind our records it does not, and a discard of a large device is a chain of
 * thousands. So what ends inside such an end is put on a list of the processor's,
 * and whoever is at it below takes it from there. That is either the caller of this
 * very end, or what was interrupted, and goes on right after it: preemption is off.
 * (On a real-time kernel completions take locks that sleep, so that it cannot be:
 * there it may be a task that was preempted, and the end waits until that goes on.)
 */
#include <linux/llist.h>
#include <linux/percpu.h>

#include "blk-filter.h"

struct chain_ends {
	struct llist_head records;	/* whose @private is the bio again */
	unsigned long busy;		/* bit 0 */
};

static DEFINE_PER_CPU(struct chain_ends, chain_ends);
static bio_end_io_t *chain_end_io;

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

static struct chain_ends *get_chain_ends(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		migrate_disable();
	else
		preempt_disable();
	return this_cpu_ptr(&chain_ends);
}

static void put_chain_ends(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		migrate_enable();
	else
		preempt_enable();
}

static void end_all(struct llist_head *records)
{
	struct bio_record *record, *next;
	struct llist_node *batch;

	while ((batch = llist_del_all(records)))
		llist_for_each_entry_safe(record, next, batch, link) {
			struct bio *bio = record->private;

			blk_filter_record_free(record);
			end_parent(bio);
		}
}

static void end_chained(struct bio_record *record)
{
	struct chain_ends *ends = get_chain_ends();

	llist_add(&record->link, &ends->records);
	/* Who interrupts this between the last look and the bit finds it set, and leaves. */
	while (!llist_empty(&ends->records) && !test_and_set_bit(0, &ends->busy)) {
		end_all(&ends->records);
		clear_bit_unlock(0, &ends->busy);
	}
	put_chain_ends();
}

/* Until rcu_read_unlock() our text is in use, see end_settle(). */
void blk_filter_end_io(struct bio *bio)
{
	struct bio_record *record;

	rcu_read_lock();
	record = blk_filter_take_off(bio);
	if (bio->bi_end_io == chain_end_io) {
		record->private = bio;
		end_chained(record);
	} else {
		blk_filter_record_free(record);
		compat_bio_complete(bio);
	}
	rcu_read_unlock();
}

/*
 * No filter is left and all its bios have ended, so that no new end can begin. One
 * that has dropped the last count may still be on its way out, behind its
 * rcu_read_unlock(): with preemption or interrupts off it is waited for by RCU,
 * else by RCU-tasks.
 */
void end_settle(void)
{
	synchronize_rcu();
	synchronize_rcu_tasks();
}

/* The block layer's own completion of chained bios is not exported: look. */
void end_init(void)
{
	struct bio child, parent;

	bio_init(&parent, NULL, NULL, 0, 0);
	bio_init(&child, NULL, NULL, 0, 0);
	bio_chain(&child, &parent);
	chain_end_io = child.bi_end_io;
	bio_uninit(&child);
	bio_uninit(&parent);
}
