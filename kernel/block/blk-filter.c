// SPDX-License-Identifier: GPL-2.0-only
/*
 * Block device filters: what a new one waits for, and what cannot have one.
 *
 * The static key by which an unfiltered machine is spared is on from the first attach
 * until the last filter is reaped.
 *
 * Lock order: life's > the static key's own.
 */
#define pr_fmt(fmt) "blkfilter: " fmt

#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/sched/mm.h>

#include "blk-filter.h"

#define GROW_TIMEOUT_MS	30000		/* for a partition that grew */

struct workqueue_struct *blk_filter_wq;

/* A zram disk that somebody other than a file system has claimed: swap. */
static bool is_swap_notified(struct block_device *bdev)
{
	if (!bdev->bd_disk->fops->swap_slot_free_notify || !bdev->bd_holder)
		return false;
#ifdef HAVE_BDEV_HOLDER_OPS
	return !bdev->bd_holder_ops;
#else
	return !bdev->bd_super;
#endif
}

/* What no filter can cover, now or later. */
int blk_filter_check_device(struct block_device *bdev)
{
	struct gendisk *disk = bdev->bd_disk;
	const char *why = NULL;

	if (bdev_is_zoned(bdev))
		why = "zoned devices are not supported";
	else if (blk_queue_dax(disk->queue))
		why = "stores to a DAX device reach it unseen";
	else if (is_swap_notified(bdev))
		why = "a compressed RAM disk in use as swap frees pages unseen";
	else if (atomic_read(&disk->rq_holders))
		why = "writes through the multipath device above it reach it unseen; use that one";
	if (!why)
		return 0;
	pr_err("%pg: refused: %s\n", bdev, why);
	return -EOPNOTSUPP;
}

/*
 * The gate is closed. Neighbours of a partition are held as well, where it takes that;
 * they are judged anew when the gate is open, and are not the filter's then.
 */
static int drain_behind_gate(struct blk_filter *f, struct blk_filter_drain *drain,
			     unsigned int timeout_ms)
{
	struct block_device *bdev = f->pub.bdev;
	int ret;

	WRITE_ONCE(f->is_disk_gated, blk_filter_drains_by_disk(bdev));
	blkfilter_synchronize();
	ret = blk_filter_drain_older(bdev, drain, jiffies + msecs_to_jiffies(timeout_ms));
	WRITE_ONCE(f->is_disk_gated, false);
	if (ret == -ETIMEDOUT)
		pr_err("%pg: writes that were under way did not end in %u ms; try again when the device is less busy, and see whether it is suspended\n",
		       bdev, timeout_ms);
	return ret;
}

/*
 * A partition that grew: writes beyond its old end were not shown. From here on
 * they are, and those under way have ended.
 */
int blk_filter_grow(struct blk_filter *f, sector_t end)
{
	struct blk_filter_drain *drain = blk_filter_drain_alloc(f->pub.bdev);
	sector_t old_end = f->end;
	unsigned int noio;
	int ret;

	if (IS_ERR(drain))
		return PTR_ERR(drain);
	noio = memalloc_noio_save();		/* see bring_into_force() */
	WRITE_ONCE(f->is_gated, true);
	blkfilter_synchronize();	/* who sees the new end sees the gate closed */
	WRITE_ONCE(f->end, end);
	ret = drain_behind_gate(f, drain, GROW_TIMEOUT_MS);
	if (ret)
		WRITE_ONCE(f->end, old_end);
	blkfilter_open_gate(&f->pub);
	memalloc_noio_restore(noio);
	blk_filter_drain_put(drain);
	return ret;
}

int blk_filter_enlist(struct blk_filter *f)
{
	static_branch_inc(&blk_filter_key);
	hlist_add_head_rcu(&f->node, &f->disk->filters);
	return 0;
}

void blk_filter_delist(void)
{
	static_branch_dec(&blk_filter_key);
}

/* The first filter brings what all need; it stays. */
static int prepare(void)
{
	static DEFINE_MUTEX(lock);
	static bool is_prepared;
	int ret = 0;

	mutex_lock(&lock);
	if (is_prepared)
		goto out;
	ret = -ENOMEM;
	blk_filter_wq = alloc_workqueue("blkfilter", WQ_MEM_RECLAIM | WQ_UNBOUND,
					0);
	if (!blk_filter_wq)
		goto out;
	ret = bioset_init(&blk_filter_below_set, BIO_POOL_SIZE, 0,
			  BIOSET_NEED_BVECS);
	if (ret)
		goto out_wq;
	ret = blk_filter_records_init();
	if (ret)
		goto out_bios;
	is_prepared = true;
	goto out;

out_bios:
	bioset_exit(&blk_filter_below_set);
out_wq:
	destroy_workqueue(blk_filter_wq);
out:
	mutex_unlock(&lock);
	return ret;
}

/*
 * The gate of the new filter is closed before anybody can see it, and opened when what
 * was not shown to it has ended.
 */
static int bring_into_force(struct blk_filter *f, struct blk_filter_drain *drain,
			    unsigned int timeout_ms)
{
	/* Writeback to this very device may have to wait for us: do not wait for it. */
	unsigned int noio = memalloc_noio_save();
	int ret;

	f->is_gated = true;
	ret = blk_filter_publish(f);
	if (!ret) {
		ret = drain_behind_gate(f, drain, timeout_ms);
		if (!ret && !blk_filter_is_disk_live(f->disk))
			ret = -ENODEV;
		blkfilter_open_gate(&f->pub);
		if (ret)
			blkfilter_detach(&f->pub);
	} else {
		blk_filter_free(f);
	}
	memalloc_noio_restore(noio);
	return ret;
}

struct blkfilter *blkfilter_attach(struct block_device *bdev,
				   const struct blkfilter_operations *ops,
				   void *private, unsigned int timeout_ms)
{
	struct blk_filter_drain *drain;
	struct blk_filter *f;
	int ret;

	ret = blk_filter_check_device(bdev) ?: prepare() ?:
	      blk_filter_wait_for_reaped(bdev, jiffies + msecs_to_jiffies(timeout_ms));
	if (ret)
		return ERR_PTR(ret);
	drain = blk_filter_drain_alloc(bdev);
	if (IS_ERR(drain))
		return ERR_CAST(drain);
	f = blk_filter_alloc(bdev, ops, private);
	if (!IS_ERR(f))
		ret = bring_into_force(f, drain, timeout_ms);
	blk_filter_drain_put(drain);
	if (IS_ERR(f))
		return ERR_CAST(f);
	return ret ? ERR_PTR(ret) : &f->pub;
}
EXPORT_SYMBOL_GPL(blkfilter_attach);
