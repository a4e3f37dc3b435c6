// SPDX-License-Identifier: GPL-2.0-only
/*
 * gate: what a filter's user can do with it, once it has it: gates, epochs, bios.
 */
#include <linux/export.h>

#include "blk-filter-core.h"

bool blkfilter_is_gone(const struct blkfilter *flt)
{
	const struct blk_filter *f = blk_filter_of(flt);

	/* A filter that came while the disk was going has not been told. */
	return READ_ONCE(f->is_gone) || test_bit(GD_DEAD, &f->disk->state);
}
EXPORT_SYMBOL_GPL(blkfilter_is_gone);

void blkfilter_synchronize(void)
{
	synchronize_rcu_expedited();
}
EXPORT_SYMBOL_GPL(blkfilter_synchronize);

void blkfilter_close_gate(struct blkfilter *flt)
{
	WRITE_ONCE(blk_filter_of(flt)->is_gated, true);
}
EXPORT_SYMBOL_GPL(blkfilter_close_gate);

void blkfilter_open_gate(struct blkfilter *flt)
{
	struct blk_filter *f = blk_filter_of(flt);
	unsigned long flags;

	/* Under the lock: a holder that saw it closed has added its bio by now. */
	raw_spin_lock_irqsave(&f->lock, flags);
	/* Who sees it open sees all that was changed behind it. */
	smp_store_release(&f->is_gated, false);
	raw_spin_unlock_irqrestore(&f->lock, flags);
	queue_work(f->wq, &f->resubmit_work);
}
EXPORT_SYMBOL_GPL(blkfilter_open_gate);

void blkfilter_advance_epoch(struct blkfilter *flt)
{
	struct blk_filter *f = blk_filter_of(flt);

	WRITE_ONCE(f->epoch, f->epoch + 1);
}
EXPORT_SYMBOL_GPL(blkfilter_advance_epoch);

int blkfilter_wait_drained(struct blkfilter *flt, unsigned long deadline)
{
	struct blk_filter *f = blk_filter_of(flt);
	unsigned int older = (f->epoch + 1) & 1;

	/* The wake-up is a hint that may be missed, hence the short waits. */
	while (blk_filter_inflight(f, older)) {
		if (time_after(jiffies, deadline))
			return -ETIMEDOUT;
		wait_event_timeout(f->drain_wait, !blk_filter_inflight(f, older),
				   msecs_to_jiffies(10));
	}
	return 0;
}
EXPORT_SYMBOL_GPL(blkfilter_wait_drained);

struct blkfilter_range blkfilter_bio_range(const struct blkfilter *flt,
					   struct bio *bio)
{
	const struct blk_filter *f = blk_filter_of(flt);
	sector_t start = blk_filter_bio_start(bio), end = start + bio_sectors(bio);

	start = max(start, f->start);
	end = min(end, READ_ONCE(f->end));
	return (struct blkfilter_range){ start - f->start, end - start };
}
EXPORT_SYMBOL_GPL(blkfilter_bio_range);

void blkfilter_pass(struct blkfilter *flt, struct bio *bio)
{
	struct blk_filter *f = blk_filter_of(flt);

	for (;;) {
		preempt_disable();
		/* Records are counted by the epoch seen here: the gate was open. */
		if (smp_load_acquire(&f->is_gated) || blk_filter_record(f, bio))
			break;
		preempt_enable();
		blk_filter_refill_records();
	}
	/* Gated without a record it is judged like any other, later. */
	preempt_enable();
	blkfilter_resubmit(bio);
}
EXPORT_SYMBOL_GPL(blkfilter_pass);

struct bio *blkfilter_bio_alloc(struct block_device *bdev,
				unsigned short nr_vecs, blk_opf_t opf, gfp_t gfp)
{
	return bio_alloc_bioset(bdev, nr_vecs, opf, gfp, &blk_filter_below_set);
}
EXPORT_SYMBOL_GPL(blkfilter_bio_alloc);

struct bio *blkfilter_bio_clone(struct block_device *bdev, struct bio *src,
				gfp_t gfp)
{
	return bio_alloc_clone(bdev, src, gfp, &blk_filter_below_set);
}
EXPORT_SYMBOL_GPL(blkfilter_bio_clone);

void blkfilter_submit_below(struct bio *bio)
{
	submit_bio_noacct(bio);
}
EXPORT_SYMBOL_GPL(blkfilter_submit_below);
