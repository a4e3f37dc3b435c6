/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Block device filters: one party sees, and may hold, every operation that is
 * about to change a block device's data.
 *
 * A filter is attached to a block device, a whole disk or a partition; one
 * each. It sees what is written to the device by whichever door: a filter on a
 * partition sees writes through the whole disk and the reverse. Reads and pure
 * flushes are not shown.
 *
 * A bio that was passed is under way until it ends. Operations under way are
 * counted in the epoch in which they were passed, so that a user can tell when
 * all that was passed before an instant has reached the device:
 *
 *	close the gates of all devices	new bios are collected, not shown
 *	blkfilter_synchronize()		no callback that saw them open still runs
 *	... change state, blkfilter_advance_epoch() on each ...
 *	open the gates			what was collected is judged, in order
 *	blkfilter_wait_drained()	the older epoch has ended on the device
 */
#ifndef _LINUX_BLK_FILTER_H
#define _LINUX_BLK_FILTER_H

#include <linux/bio.h>
#include <linux/blkdev.h>

struct blkfilter;

/**
 * enum blkfilter_verdict - what becomes of a bio.
 * @BLKFILTER_PASS: it goes on to the device.
 * @BLKFILTER_TAKEN: the filter sees to its completion.
 */
enum blkfilter_verdict {
	BLKFILTER_PASS,
	BLKFILTER_TAKEN,
};

/**
 * struct blkfilter_operations - what a filter does.
 * @name: for messages.
 * @submit_bio: judges a bio that is about to change sectors [@sector,
 *	@sector + @nr_sects) of the filter's device; the bio itself may reach
 *	beyond the device's edges or be addressed to another one on the disk.
 *	Runs with preemption off, in any context that may submit a bio: it must
 *	not sleep, allocate, submit, end a bio, or take a lock that sleeps on a
 *	real-time kernel. May be called again for the same bio. A taken bio may
 *	be chained by bi_next; it goes on by blkfilter_resubmit() or ends by
 *	bio_endio(), from another context.
 * @gone: the device is being removed. Called once, from a worker, maybe after
 *	the last bio; never after blkfilter_detach() has returned. It must not
 *	detach the filter itself.
 */
struct blkfilter_operations {
	const char *name;
	enum blkfilter_verdict (*submit_bio)(struct blkfilter *flt,
					     struct bio *bio, sector_t sector,
					     sector_t nr_sects);
	void (*gone)(struct blkfilter *flt);
};

/**
 * struct blkfilter - a filter on a device; allocated by blkfilter_attach().
 * @bdev: the device, referenced but not open.
 * @ops: what the filter does.
 * @private: the user's.
 *
 * All constant from attach to detach.
 */
struct blkfilter {
	struct block_device *bdev;
	const struct blkfilter_operations *ops;
	void *private;
};

/**
 * blkfilter_attach - puts a filter on a device.
 * @bdev: the device, which the caller has open.
 * @ops: what the filter does.
 * @private: for the user, in struct blkfilter.
 * @timeout_ms: how long to wait for operations that are under way already.
 *
 * When this returns every operation that is not yet shown to the filter has
 * ended on the device. May sleep.
 *
 * Return: the filter, or ERR_PTR: -EBUSY one is attached already, or the filter
 * cannot get at the device's bios; -EOPNOTSUPP the device cannot be filtered (the
 * log says why in both cases); -ETIMEDOUT what is under way did not end; -ENODEV the
 * device is being removed; -ENOMEM.
 */
struct blkfilter *blkfilter_attach(struct block_device *bdev,
				   const struct blkfilter_operations *ops,
				   void *private, unsigned int timeout_ms);

/**
 * blkfilter_detach - takes a filter off.
 * @flt: the filter, gone afterwards.
 *
 * When this returns no callback runs any more. What the core still holds goes
 * on to the device. The user must have let go of everything it took before.
 * May sleep, a moment for operations under way, but not until they end.
 */
void blkfilter_detach(struct blkfilter *flt);

/**
 * blkfilter_is_gone - whether the device is being removed.
 * @flt: the filter.
 *
 * Context: any.
 * Return: true once removal has begun.
 */
bool blkfilter_is_gone(const struct blkfilter *flt);

/**
 * blkfilter_validate - whether the device is still where it was, and how large.
 * @flt: the filter.
 * @capacity: on success its sectors, of which every write is shown. The device may be
 *	larger by the time this is read.
 *
 * A partition that grew is filtered up to its new end from here on. For that the gate
 * is closed, for 30 seconds at most, and opened: not to be called with the gate
 * closed, nor beside blkfilter_close_gate(). May sleep.
 *
 * Return: 0; -ENODEV the device was removed, or is another part of its disk
 * now; -EOPNOTSUPP it cannot be filtered any more; -ETIMEDOUT it grew, and what
 * is under way there did not end; -ENOMEM. The log says which of the former.
 */
int blkfilter_validate(struct blkfilter *flt, sector_t *capacity);

/**
 * blkfilter_close_gate - collects bios instead of judging them.
 * @flt: the filter.
 *
 * In force for all bios after blkfilter_synchronize(). Does not sleep.
 */
void blkfilter_close_gate(struct blkfilter *flt);

/**
 * blkfilter_open_gate - judges what was collected, and what comes.
 * @flt: the filter.
 *
 * Does not sleep: a worker judges what was collected.
 */
void blkfilter_open_gate(struct blkfilter *flt);

/**
 * blkfilter_synchronize - waits for all callbacks that have begun.
 *
 * On all devices. Sleeps.
 */
void blkfilter_synchronize(void);

/**
 * blkfilter_advance_epoch - starts a new epoch.
 * @flt: the filter, with its gate closed and synchronized, and the epoch before
 *	the present one drained (blkfilter_wait_drained() was 0).
 *
 * Does not sleep.
 */
void blkfilter_advance_epoch(struct blkfilter *flt);

/**
 * blkfilter_wait_drained - waits for what was passed in earlier epochs.
 * @flt: the filter.
 * @deadline: when to give up, in jiffies.
 *
 * Sleeps.
 *
 * Return: 0 when all that was passed before the present epoch has ended on the
 * device, or -ETIMEDOUT.
 */
int blkfilter_wait_drained(struct blkfilter *flt, unsigned long deadline);

/**
 * blkfilter_resubmit - has a taken bio judged anew.
 * @bio: the bio, not the caller's any more.
 *
 * All filters that have not passed it judge it, and it is submitted if they pass
 * it.
 *
 * Context: may sleep, as submit_bio() may.
 */
void blkfilter_resubmit(struct bio *bio);

/**
 * blkfilter_pass - lets a bio go with which its filter has finished.
 * @flt: the filter that took it.
 * @bio: the bio, not the caller's any more.
 *
 * The caller vouches, by what keeps its own state from changing during the call,
 * that the bio may pass now. Only the other filters judge it, unless the gate is
 * closed: then all do. Sleeps.
 */
void blkfilter_pass(struct blkfilter *flt, struct bio *bio);

/**
 * blkfilter_bio_alloc - allocates a bio for I/O that no filter shall see.
 * @bdev: the device it is for.
 * @nr_vecs: room for so many pieces of memory.
 * @opf: operation and flags.
 * @gfp: how to allocate.
 *
 * Return: the bio, owned by the caller and freed by bio_put(); NULL only if @gfp
 * allows failure.
 */
struct bio *blkfilter_bio_alloc(struct block_device *bdev,
				unsigned short nr_vecs, blk_opf_t opf, gfp_t gfp);

/**
 * blkfilter_submit_below - submits such a bio.
 * @bio: from blkfilter_bio_alloc() or blkfilter_bio_clone().
 *
 * May sleep as submit_bio() does. The bio ends by its completion function.
 */
void blkfilter_submit_below(struct bio *bio);

/**
 * blkfilter_bio_clone - the same with the data of another bio.
 * @bdev: the device it is for.
 * @src: whose data it is; must outlive it, but bio_advance() is fine.
 * @gfp: how to allocate.
 *
 * Return: as of blkfilter_bio_alloc().
 */
struct bio *blkfilter_bio_clone(struct block_device *bdev, struct bio *src,
				gfp_t gfp);

/**
 * struct blkfilter_range - a part of a filter's device.
 * @sector: the first sector, of 512 bytes, from the device's beginning.
 * @nr_sects: how many.
 */
struct blkfilter_range {
	sector_t sector;
	sector_t nr_sects;
};

/**
 * blkfilter_bio_range - what a bio changes of the filter's device.
 * @flt: the filter that took it.
 * @bio: the bio.
 *
 * Context: any.
 * Return: the range that was shown with the bio.
 */
struct blkfilter_range blkfilter_bio_range(const struct blkfilter *flt,
					   struct bio *bio);

#endif /* _LINUX_BLK_FILTER_H */
