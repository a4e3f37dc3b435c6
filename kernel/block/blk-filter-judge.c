// SPDX-License-Identifier: GPL-2.0-only
/*
 * The verdict on a bio.
 *
 * Every bio that changes data comes by on its way to its driver: in
 * blk_mq_submit_bio() or before ->submit_bio(), after the queue was entered and
 * before anything is split off. It then holds the queue, so that freezing the
 * queue once waits for all that was judged before: that is how a new filter
 * knows what has escaped it. What is throttled, or waits for the queue or on a
 * list of its submitter's, has not been judged yet.
 *
 * On a filtered disk each filter whose device the bio touches is asked in turn,
 * unless it has passed this very bio before; the bio passes if all pass it.
 *
 * A bio is held, that is chained in its filter, when the filter's gate is
 * closed or no record can be had. The filter's worker judges held bios anew,
 * and sends those that pass on their way. What a filter took is judged anew as
 * well when it comes back (blkfilter_resubmit()), so that a write that is released
 * while a new gate closes is judged by the state behind that gate, and none slips
 * through.
 *
 * Why a held bio loses NOWAIT and POLLED: holding does not block its submitter,
 * so there is nothing to be refused, and nobody could poll for it here.
 */
#include <linux/rculist.h>

#include "blk.h"
#include "blk-filter.h"

DEFINE_STATIC_KEY_FALSE(blk_filter_key);

static enum blkfilter_verdict ask(struct blk_filter *f, struct bio *bio,
				  sector_t start, sector_t end)
{
	/* Records are counted by the epoch seen here: the gate was open. */
	if (smp_load_acquire(&f->is_gated)) {
		blk_filter_hold(f, bio);
		return BLKFILTER_TAKEN;
	}
	start = max(start, f->start);
	end = min(end, READ_ONCE(f->end));
	/* The partition may have shrunk since the caller looked. */
	if (unlikely(start >= end))
		return BLKFILTER_PASS;
	if (f->pub.ops->submit_bio(&f->pub, bio, start - f->start,
				   end - start) == BLKFILTER_TAKEN)
		return BLKFILTER_TAKEN;
	if (likely(blk_filter_record(f, bio)))
		return BLKFILTER_PASS;
	blk_filter_hold(f, bio);
	return BLKFILTER_TAKEN;
}

/* Preemption is off: that is an RCU read side. */
static enum blkfilter_verdict judge(struct bio *bio)
{
	sector_t start = blk_filter_bio_start(bio);
	sector_t end = start + bio_sectors(bio);
	struct gendisk *disk = bio->bi_bdev->bd_disk;
	struct blk_filter *f;

	hlist_for_each_entry_rcu(f, &disk->filters, node,
				 rcu_read_lock_sched_held()) {
		if (start >= READ_ONCE(f->end) || end <= f->start) {
			if (likely(!READ_ONCE(f->is_disk_gated)))
				continue;
			blk_filter_hold(f, bio);
			return BLKFILTER_TAKEN;
		}
		if (blk_filter_is_seen(f, bio))
			continue;
		if (ask(f, bio, start, end) == BLKFILTER_TAKEN)
			return BLKFILTER_TAKEN;
	}
	return BLKFILTER_PASS;
}

bool __blk_filter_bio(struct bio *bio)
{
	enum blkfilter_verdict verdict;

	if (!bio_sectors(bio) || bio->bi_pool == &blk_filter_below_set)
		return false;
	preempt_disable();
	verdict = judge(bio);
	preempt_enable();
	return verdict == BLKFILTER_TAKEN;
}

static bool is_on(const struct blk_filter *f, struct block_device *bdev)
{
	return f->pub.bdev == bdev || !bdev_is_partition(bdev);
}

/* With a whole disk its partitions go. */
void __blk_filter_gone(struct block_device *bdev)
{
	struct blk_filter *f;

	rcu_read_lock();
	hlist_for_each_entry_rcu(f, &bdev->bd_disk->filters, node) {
		if (is_on(f, bdev) && !xchg(&f->is_gone, true))
			queue_work(blk_filter_wq, &f->gone_work);
	}
	rcu_read_unlock();
}

/*
 * It is judged on its way, like any other. If others were quicker to use up the
 * records it is held, and comes back here. What submit_bio_noacct() does was done
 * when it first came, and its cgroup charged for its bytes; the operation is counted
 * once more, as for the rest of a split.
 */
void blkfilter_resubmit(struct bio *bio)
{
	blk_filter_be_patient(bio);
	blk_filter_refill_records();
#ifdef HAVE_SUBMIT_NOCHECK_SPLIT
	submit_bio_noacct_nocheck(bio, false);
#else
	submit_bio_noacct_nocheck(bio);
#endif
}
EXPORT_SYMBOL_GPL(blkfilter_resubmit);
