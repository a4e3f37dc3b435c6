// SPDX-License-Identifier: GPL-2.0-only
/*
 * judge: the verdict on a bio.
 *
 * The hook brings every bio that changes data, on any disk, with preemption
 * off. An untracked disk costs one look into a small hash table. On a filtered
 * disk each filter whose device the bio touches is asked in turn, unless it has
 * passed this very bio before; the bio passes if all pass it.
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
#include <linux/blk-filter-inject.h>
#include <linux/hash.h>
#include <linux/rculist.h>

#include "blk-filter.h"

#define HASH_BITS_FILTERS	6

static struct hlist_head filters[1 << HASH_BITS_FILTERS];

static struct hlist_head *bucket_of(const struct gendisk *disk)
{
	return &filters[hash_ptr(disk, HASH_BITS_FILTERS)];
}

static enum blkfilter_verdict ask(struct blk_filter *flt, struct bio *bio,
				  sector_t start, sector_t end)
{
	/* Records are counted by the epoch seen here: the gate was open. */
	if (smp_load_acquire(&flt->is_gated)) {
		blk_filter_hold(flt, bio);
		return BLKFILTER_TAKEN;
	}
	start = max(start, flt->start);
	end = min(end, READ_ONCE(flt->end));
	/* The partition may have shrunk since the caller looked. */
	if (unlikely(start >= end))
		return BLKFILTER_PASS;
	/* Before it is in force the record alone counts: what has one will end. */
	if (READ_ONCE(flt->is_in_force) &&
	    flt->pub.ops->submit_bio(&flt->pub, bio, start - flt->start,
				     end - start) == BLKFILTER_TAKEN)
		return BLKFILTER_TAKEN;
	if (likely(blk_filter_record(flt, bio))) {
		inject_delay(200);
		return BLKFILTER_PASS;
	}
	blk_filter_hold(flt, bio);
	return BLKFILTER_TAKEN;
}

/* Preemption is off: that is an RCU read side. */
enum blkfilter_verdict judge_bio(struct bio *bio)
{
	struct gendisk *disk = bio->bi_bdev->bd_disk;
	sector_t start, end;
	struct blk_filter *flt;
	struct hlist_node *node;

	node = rcu_dereference_sched(hlist_first_rcu(bucket_of(disk)));
	if (likely(!node))
		return BLKFILTER_PASS;
	if (unlikely(!bio_sectors(bio)))
		return BLKFILTER_PASS;
	if (bio->bi_pool == &blk_filter_below_set)
		return BLKFILTER_PASS;			/* I4 */

	start = blk_filter_bio_start(bio);
	end = start + bio_sectors(bio);
	for (; node; node = rcu_dereference_sched(hlist_next_rcu(node))) {
		flt = hlist_entry(node, struct blk_filter, node);
		if (flt->disk != disk)
			continue;
		if (start >= READ_ONCE(flt->end) || end <= flt->start) {
			if (likely(!READ_ONCE(flt->is_disk_gated)))
				continue;
			blk_filter_hold(flt, bio);
			return BLKFILTER_TAKEN;
		}
		if (blk_filter_is_seen(flt, bio))
			continue;
		if (ask(flt, bio, start, end) == BLKFILTER_TAKEN)
			return BLKFILTER_TAKEN;
	}
	return BLKFILTER_PASS;
}

bool judge_is_filtered(const struct gendisk *disk)
{
	struct blk_filter *flt;

	hlist_for_each_entry_rcu(flt, bucket_of(disk), node,
				 rcu_read_lock_sched_held())
		if (flt->disk == disk)
			return true;
	return false;
}

static void set_gone(struct blk_filter *flt)
{
	if (!xchg(&flt->is_gone, true))
		queue_work(blk_filter_wq, &flt->gone_work);
}

void judge_disk_gone(const struct gendisk *disk)
{
	struct blk_filter *flt;

	hlist_for_each_entry_rcu(flt, bucket_of(disk), node,
				 rcu_read_lock_sched_held())
		if (flt->disk == disk)
			set_gone(flt);
}

/* Nothing else is known of @device: it need not be a block device. */
void judge_device_gone(const struct device *device)
{
	struct blk_filter *flt;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(filters); i++)
		hlist_for_each_entry_rcu(flt, &filters[i], node,
					 rcu_read_lock_sched_held())
			if (&flt->pub.bdev->bd_device == device)
				set_gone(flt);
}

/* The hook meets what is submitted here again, and finds it seen. */
void blkfilter_resubmit(struct bio *bio)
{
	enum blkfilter_verdict verdict;

	blk_filter_be_patient(bio);
	blk_filter_refill_records();
	preempt_disable();
	verdict = judge_bio(bio);
	preempt_enable();
	inject_sleep(5);
	if (verdict == BLKFILTER_PASS)
		submit_bio_noacct(bio);
}
EXPORT_SYMBOL_GPL(blkfilter_resubmit);

void judge_enter(struct blk_filter *f)
{
	hlist_add_tail_rcu(&f->node, bucket_of(f->disk));
}
