/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Block device filters, inside the block layer; calls go down only:
 *
 *	blk-filter.c		attach, detach, gates, epochs
 *	blk-filter-judge.c	the verdict, and what is held
 *	blk-filter-drain.c	waiting for what was under way before a filter
 *	blk-filter-record.c	a passed bio until it ends
 *
 * The first part of this header is for the places that are hooked.
 */
#ifndef BLK_FILTER_INTERNAL_H
#define BLK_FILTER_INTERNAL_H

#include <linux/blk-filter.h>
#include <linux/jump_label.h>

#ifdef CONFIG_BLK_FILTER
DECLARE_STATIC_KEY_FALSE(blk_filter_key);

bool __blk_filter_bio(struct bio *bio);
void __blk_filter_end_bio(struct bio *bio);
void blk_filter_end_io(struct bio *bio);
void __blk_filter_gone(struct block_device *bdev);

/* Has @disk a filter, on the whole of it or on a partition? */
static inline bool blk_filter_is_on(const struct gendisk *disk)
{
	return static_branch_unlikely(&blk_filter_key) &&
	       !hlist_empty(&disk->filters);
}

/*
 * Shows @bio, which is about to go to its driver, to the filters of its disk.
 * The caller has entered the queue, and has moved a partition's bio to its
 * disk. True: a filter has taken the bio, the caller leaves it alone and exits
 * the queue. Does not sleep.
 */
static inline bool blk_filter_bio(struct bio *bio)
{
	return op_is_write(bio->bi_opf) &&
	       blk_filter_is_on(bio->bi_bdev->bd_disk) && __blk_filter_bio(bio);
}

/* Counts the end of a bio that filters have passed. Any context. */
static inline void blk_filter_end_bio(struct bio *bio)
{
	if (unlikely(bio->bi_end_io == blk_filter_end_io))
		__blk_filter_end_bio(bio);
}

/*
 * @disk was put on @bdev, or taken off it (@change is 1 or -1). A request-based
 * one, as of multipath, puts requests into the queue below it: these no bio tells
 * of, so such a disk cannot be filtered.
 */
static inline void blk_filter_count_holder(struct block_device *bdev,
					   struct gendisk *disk, int change)
{
	if (queue_is_mq(disk->queue))
		atomic_add(change, &bdev->bd_disk->rq_holders);
}

/* @bdev, a disk or a partition, is being removed. Does not sleep. */
static inline void blk_filter_gone(struct block_device *bdev)
{
	if (blk_filter_is_on(bdev->bd_disk))
		__blk_filter_gone(bdev);
}
#else
static inline bool blk_filter_is_on(const struct gendisk *disk)
{
	return false;
}

static inline bool blk_filter_bio(struct bio *bio)
{
	return false;
}

static inline void blk_filter_end_bio(struct bio *bio) { }
static inline void blk_filter_count_holder(struct block_device *bdev,
					   struct gendisk *disk, int change) { }
static inline void blk_filter_gone(struct block_device *bdev) { }
#endif /* CONFIG_BLK_FILTER */

/* --- what follows is for the files above --- */

struct blk_filter_inflight {
	long count[2];		/* by parity of the epoch */
};

/*
 * Legend: I set at creation; G changed only with the gate closed and
 * synchronized; L under @lock; A atomic or single-word; M under filters_lock.
 */
struct blk_filter {
	struct blkfilter pub;			/* I */
	struct gendisk *disk;			/* I */
	struct module *driver;			/* I, which frees the disk */
	sector_t start;				/* I, on the disk */
	sector_t end;				/* A, on the disk */
	struct hlist_node node;			/* M, read under RCU */
	bool is_gated;				/* A */
	unsigned int epoch;			/* G */
	struct blk_filter_inflight __percpu *inflight;	/* A */

	bool is_gone;				/* A */
	bool is_detached;			/* M */
	raw_spinlock_t lock;			/* innermost; irqs off */
	struct bio_list held;			/* L */
	struct work_struct resubmit_work;
	struct workqueue_struct *wq;		/* I */
	wait_queue_head_t drain_wait;
	struct work_struct gone_work;
	struct delayed_work reap_work;
	struct list_head link;			/* M, all that is not yet freed */
};

/* What runs later on behalf of a filter runs here. */
extern struct workqueue_struct *blk_filter_wq;
/* Bios from here are our users' own I/O, and marked by that. */
extern struct bio_set blk_filter_below_set;

void blk_filter_judge_init(struct blk_filter *f);
void blk_filter_hold(struct blk_filter *f, struct bio *bio);
void blk_filter_flush(struct blk_filter *f);

/* Where on its disk a bio begins. */
static inline sector_t blk_filter_bio_start(struct bio *bio)
{
	sector_t start = bio->bi_iter.bi_sector;

	if (!bio_flagged(bio, BIO_REMAPPED))
		start += bio->bi_bdev->bd_start_sect;
	return start;
}

/* 0, -ETIMEDOUT, -EOPNOTSUPP with a log line, -ENOMEM; these sleep */
int blk_filter_can_drain(struct block_device *bdev);
int blk_filter_drain_older(struct block_device *bdev, unsigned long deadline);

/* Once, before the first filter; nothing is kept if it fails (-ENOMEM). */
int blk_filter_records_init(void);
/* Counts @bio as passed by @f. Preemption off. False: the pool is empty. */
bool blk_filter_record(struct blk_filter *f, struct bio *bio);
/* Has @f passed this very bio? Any context. */
bool blk_filter_is_seen(const struct blk_filter *f, const struct bio *bio);
/* Makes room in the pools. Sleeps; always succeeds in the end. */
void blk_filter_refill_records(void);
/* What was passed in the epoch of this parity and has not ended. Any context. */
long blk_filter_inflight(const struct blk_filter *f, unsigned int parity);

#endif /* BLK_FILTER_INTERNAL_H */
