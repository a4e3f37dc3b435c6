// SPDX-License-Identifier: GPL-2.0-only
/*
 * gate: what a filter's user can do with it, once it has it: gates, epochs, bios. And
 * the bios that wait, for the gate or for records.
 */
#include <linux/blkdev.h>
#include <linux/export.h>

#include "blk-filter-core.h"

struct bio_set blk_filter_below_set;

bool blkfilter_is_gone(const struct blkfilter *flt)
{
	const struct blk_filter *f = blk_filter_of(flt);

	/* A filter that came while the disk was going has not been told. */
	return READ_ONCE(f->is_gone) || !blk_filter_is_disk_live(f->disk);
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
	end = max(start, min(end, READ_ONCE(f->end)));
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

void blk_filter_hold(struct blk_filter *f, struct bio *bio)
{
	unsigned long flags;

	blk_filter_be_patient(bio);
	raw_spin_lock_irqsave(&f->lock, flags);
	bio_list_add(&f->held, bio);
	raw_spin_unlock_irqrestore(&f->lock, flags);
	if (!READ_ONCE(f->is_gated))
		queue_work(f->wq, &f->resubmit_work);
}

static struct bio *take_held(struct blk_filter *f)
{
	struct bio *bio = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&f->lock, flags);
	if (!READ_ONCE(f->is_gated))
		bio = bio_list_pop(&f->held);
	raw_spin_unlock_irqrestore(&f->lock, flags);
	return bio;
}

static void resubmit_held(struct work_struct *work)
{
	struct blk_filter *f = container_of(work, struct blk_filter,
					    resubmit_work);
	struct blk_plug plug;
	struct bio *bio;

	blk_start_plug(&plug);
	while ((bio = take_held(f)))
		blkfilter_resubmit(bio);
	blk_finish_plug(&plug);
}

/* Nothing is held when this returns; the gate is open, and none adds to it. */
void blk_filter_flush(struct blk_filter *f)
{
	do {
		queue_work(f->wq, &f->resubmit_work);
		flush_work(&f->resubmit_work);
	} while (!bio_list_empty(&f->held));
}

void blk_filter_gate_init(struct blk_filter *f)
{
	raw_spin_lock_init(&f->lock);
	bio_list_init(&f->held);
	INIT_WORK(&f->resubmit_work, resubmit_held);
}
