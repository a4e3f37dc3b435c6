// SPDX-License-Identifier: GPL-2.0-only
/*
 * end: the end of a passed bio, where the block layer knows nothing of records.
 *
 * A chained bio ends by ending its parent, which may carry a record and be
 * chained in its turn. The block layer makes a loop of that where it sees it;
 * behind our records it does not, and a discard of a large device is a chain of
 * thousands. So these end one after another, in the one context that found
 * nobody at it.
 */
#include <linux/llist.h>

#include "blk-filter.h"

static LLIST_HEAD(chained);		/* records whose @private is the bio again */
static atomic_long_t chained_count = ATOMIC_LONG_INIT(0);
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

static void end_chained(struct bio_record *record)
{
	struct llist_node *batch;
	struct bio_record *next;
	long ended;

	llist_add(&record->link, &chained);
	if (atomic_long_inc_return(&chained_count) != 1)
		return;
	do {
		ended = 0;
		batch = llist_del_all(&chained);
		llist_for_each_entry_safe(record, next, batch, link) {
			struct bio *bio = record->private;

			blk_filter_record_free(record);
			end_parent(bio);
			ended++;
		}
	} while (atomic_long_sub_return(ended, &chained_count));
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
 * that has dropped the last count may still be on its way out: those in task context
 * are waited for by RCU and RCU-tasks, those in interrupts by the "rude" variant,
 * which makes every CPU schedule.
 */
void end_settle(void)
{
	synchronize_rcu();
	synchronize_rcu_tasks();
	synchronize_rcu_tasks_rude();
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
