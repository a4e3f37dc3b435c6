/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Block device filters, inside the block layer; calls go down, but for what is said in
 * blk-filter-core.h:
 *
 *	blk-filter-life.c	how a filter comes and goes
 *	blk-filter.c		what a new one waits for, and what cannot have one
 *	blk-filter-judge.c	the verdict
 *	blk-filter-drain.c	waiting for what was under way before a filter
 *	blk-filter-gate.c	gates, epochs, the bios of a filter's user, and those
 *				that wait
 *	blk-filter-answers.c	what a device has answered
 *	blk-filter-end.c	the end of a passed bio
 *	blk-filter-record.c	a passed bio until it ends
 *
 * The first part of this header is for the places that are hooked.
 */
#ifndef BLK_FILTER_INTERNAL_H
#define BLK_FILTER_INTERNAL_H

#include <linux/jump_label.h>

#include "blk-filter-core.h"

#ifdef CONFIG_BLK_FILTER
DECLARE_STATIC_KEY_FALSE(blk_filter_key);

bool __blk_filter_bio(struct bio *bio);
void __blk_filter_end_bio(struct bio *bio);
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
	return static_branch_unlikely(&blk_filter_key) && op_is_write(bio->bi_opf) &&
	       !hlist_empty(&bio->bi_bdev->bd_disk->filters) && __blk_filter_bio(bio);
}

/*
 * Counts the end of a bio that filters have passed. Any context. The key is on as
 * long as one of these is under way.
 */
static inline void blk_filter_end_bio(struct bio *bio)
{
	if (static_branch_unlikely(&blk_filter_key) &&
	    unlikely(bio->bi_end_io == blk_filter_end_io))
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

struct blk_filter_drain;

/*
 * What it takes to drain @bdev, made before the gate is closed and put when it is open
 * again: NULL if its queue tells all, or ERR_PTR: -EOPNOTSUPP with a log line, -ENODEV,
 * -ENOMEM. These sleep.
 */
struct blk_filter_drain *blk_filter_drain_alloc(struct block_device *bdev);
void blk_filter_drain_put(struct blk_filter_drain *drain);
/*
 * The gate is closed and synchronized. 0 when all that was not shown has ended,
 * -ETIMEDOUT, or -EOPNOTSUPP with a log line. Sleeps.
 */
int blk_filter_drain_older(struct block_device *bdev, struct blk_filter_drain *drain,
			   unsigned long deadline);
/* Has everybody on the disk to be still, until it is known of a partition? */
bool blk_filter_drains_by_disk(struct block_device *bdev);

#endif /* BLK_FILTER_INTERNAL_H */
