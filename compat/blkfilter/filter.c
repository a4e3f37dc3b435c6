// SPDX-License-Identifier: GPL-2.0-only
/*
 * filter: what a new filter waits for, and what cannot have one.
 *
 * A new filter only gives records to what passes, at first, until nobody is in the
 * middle of a submission from before. Then its gate closes, what is on the device
 * without a record ends, and behind that gate it comes into force: from the next
 * epoch on its user is asked. The attach is over when the first epoch, which the
 * user was not asked about, has drained; the gate is open then, as a write above
 * may have to wait for one that is held here.
 *
 * A filter holds the module until it is reaped, and so long the hooks are in place.
 * Lock order: life's > ftrace's own.
 */
#include <linux/module.h>
#include <linux/sched/mm.h>

#include "blk-filter.h"

#define SETTLE_TIMEOUT_MS 30000		/* for a partition that grew */

struct workqueue_struct *blk_filter_wq;

/* What no filter can cover, now or later. */
int blk_filter_check_device(struct block_device *bdev)
{
	struct gendisk *disk = bdev->bd_disk;
	const char *why = NULL;

	if (bdev_is_zoned(bdev))
		why = "zoned devices are not supported";
	else if (blk_queue_dax(disk->queue))
		why = "stores to a DAX device reach it unseen";
	else if (compat_is_swap_notified(bdev))
		why = "a compressed RAM disk in use as swap frees pages unseen";
	else if (is_path_of_multipath(disk))
		why = "writes through the multipath device above it reach it unseen; use that one";
	if (!why)
		return 0;
	pr_err("%pg: refused: %s\n", bdev, why);
	return -EOPNOTSUPP;
}

static unsigned int filter_count;	/* under filters_lock */

int blk_filter_enlist(struct blk_filter *f)
{
	int ret = filter_count ? 0 : hook_install(f->pub.bdev);

	if (ret)
		return ret;
	filter_count++;
	judge_enter(f);
	return 0;
}

void blk_filter_delist(void)
{
	if (!--filter_count)
		hook_remove();
}

static int tell_timeout(const struct blk_filter *f, int ret, unsigned int timeout_ms)
{
	if (ret == -ETIMEDOUT)
		pr_err("%pg: writes that were under way did not end in %u ms; see whether the device answers, and try again\n",
		       f->pub.bdev, timeout_ms);
	return ret;
}

/*
 * The gate is closed. Neighbours of a partition are held as well, where it takes that;
 * they are judged anew when the gate is open, and are not the filter's then.
 */
static int settle_behind_gate(struct blk_filter *f, unsigned long deadline)
{
	int ret;

	WRITE_ONCE(f->is_disk_gated, settle_is_by_disk(f->pub.bdev));
	blkfilter_synchronize();
	ret = settle_older(f->pub.bdev, deadline);
	WRITE_ONCE(f->is_disk_gated, false);
	return ret;
}

/*
 * A partition that grew: writes beyond its old end were not shown. From here on
 * they are, and those under way have ended. The gate is closed all the time, for
 * the user knows nothing of the new end: with stacks above that wait inside a
 * submission for a write that is held this can come to its time-out.
 */
int blk_filter_grow(struct blk_filter *f, sector_t end)
{
	unsigned int noio = memalloc_noio_save();	/* see bring_into_force() */
	unsigned long deadline = jiffies + msecs_to_jiffies(SETTLE_TIMEOUT_MS);
	sector_t old_end = f->end;
	int ret;

	WRITE_ONCE(f->is_gated, true);
	blkfilter_synchronize();	/* who sees the new end sees the gate closed */
	WRITE_ONCE(f->end, end);
	blkfilter_synchronize();
	ret = settle_submitters(f->pub.bdev, deadline) ?:
	      settle_behind_gate(f, deadline);
	if (ret)
		WRITE_ONCE(f->end, old_end);
	blkfilter_open_gate(&f->pub);
	memalloc_noio_restore(noio);
	return tell_timeout(f, ret, SETTLE_TIMEOUT_MS);
}

/*
 * Whatever the filter has not given a record ends on the device, and behind that
 * the user is asked. Without I/O for memory: writeback to this very device would
 * be held by the gate, for which it waits.
 */
static int bring_into_force(struct blk_filter *f, unsigned long deadline)
{
	unsigned int noio = memalloc_noio_save();
	int ret;

	blkfilter_close_gate(&f->pub);
	ret = settle_behind_gate(f, deadline);
	if (!ret) {
		WRITE_ONCE(f->is_in_force, true);
		blkfilter_advance_epoch(&f->pub);
	}
	blkfilter_open_gate(&f->pub);
	memalloc_noio_restore(noio);
	return ret;
}

struct blkfilter *blkfilter_attach(struct block_device *bdev,
				   const struct blkfilter_operations *ops,
				   void *private, unsigned int timeout_ms)
{
	unsigned long timeout = msecs_to_jiffies(timeout_ms);
	unsigned long deadline;
	struct blk_filter *f;
	int ret;

	ret = blk_filter_check_device(bdev) ?: settle_check(bdev) ?:
	      blk_filter_wait_for_reaped(bdev, jiffies + timeout);
	if (ret)
		return ERR_PTR(ret);
	f = blk_filter_alloc(bdev, ops, private);
	if (IS_ERR(f))
		return ERR_CAST(f);
	ret = blk_filter_publish(f);
	if (ret) {
		blk_filter_free(f);
		return ERR_PTR(ret);
	}

	blkfilter_synchronize();
	deadline = jiffies + timeout;
	ret = settle_submitters(bdev, deadline) ?:
	      bring_into_force(f, deadline) ?:
	      blkfilter_wait_drained(&f->pub, deadline);
	tell_timeout(f, ret, timeout_ms);
	if (!ret && !blk_filter_is_disk_live(f->disk))
		ret = -ENODEV;
	if (ret) {
		blkfilter_detach(&f->pub);
		return ERR_PTR(ret);
	}
	return &f->pub;
}
EXPORT_SYMBOL_GPL(blkfilter_attach);

/* A filter's worker puts the module before it is through: wait for that. */
void filters_exit(void)
{
	destroy_workqueue(blk_filter_wq);
}

int filters_init(void)
{
	blk_filter_wq = alloc_workqueue("blkfilter", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	return blk_filter_wq ? 0 : -ENOMEM;
}
