// SPDX-License-Identifier: GPL-2.0-only
/*
 * filter: attach and detach, gates and epochs.
 *
 * A new filter only gives records to what passes, at first, until nobody is in the
 * middle of a submission from before. Then its gate closes, what is on the device
 * without a record ends, and behind that gate it comes into force: from the next
 * epoch on its user is asked. The attach is over when the first epoch, which the
 * user was not asked about, has drained; the gate is open then, as a write above
 * may have to wait for one that is held here.
 *
 * Detaching takes the filter off at once, but bios that it passed still carry its
 * records: the filter is freed (reaped) when the last of them has ended. If that
 * takes long a worker does it, so that a device that hangs hangs nobody else. A
 * filter holds the module until it is reaped, and so long the hooks are in place.
 *
 * Lock order: filters_lock > ftrace's own locks. Callbacks take no lock but a
 * filter's own.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "blk-filter.h"

#define REAP_POLL_MS	100
#define DETACH_PATIENCE	(2 * HZ)	/* before the reaping is left to a worker */
#define SETTLE_TIMEOUT_MS 30000		/* for a partition that grew */

struct workqueue_struct *blk_filter_wq;

static DEFINE_MUTEX(filters_lock);
static LIST_HEAD(filters_list);		/* all not yet freed */

static bool is_disk_live(const struct gendisk *disk)
{
	return !test_bit(GD_DEAD, &disk->state);
}

/* What no filter can cover, now or later. */
static int check_device(struct block_device *bdev)
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

static int tell_timeout(const struct blk_filter *f, int ret, unsigned int timeout_ms)
{
	if (ret == -ETIMEDOUT)
		pr_err("%pg: writes that were under way did not end in %u ms; see whether the device answers, and try again\n",
		       f->pub.bdev, timeout_ms);
	return ret;
}

/*
 * A partition that grew: writes beyond its old end were not shown. From here on
 * they are, and those under way have ended. The gate is closed all the time, for
 * the user knows nothing of the new end: with stacks above that wait inside a
 * submission for a write that is held this can come to its time-out.
 */
static int grow(struct blk_filter *f, sector_t end)
{
	unsigned int noio = memalloc_noio_save();	/* see bring_into_force() */
	unsigned long deadline = jiffies + msecs_to_jiffies(SETTLE_TIMEOUT_MS);
	sector_t old_end = f->end;
	int ret;

	WRITE_ONCE(f->is_gated, true);
	WRITE_ONCE(f->end, end);
	blkfilter_synchronize();
	ret = settle_submitters(f->pub.bdev, deadline) ?:
	      settle_older(f->pub.bdev, deadline);
	if (ret)
		WRITE_ONCE(f->end, old_end);
	blkfilter_open_gate(&f->pub);
	memalloc_noio_restore(noio);
	return tell_timeout(f, ret, SETTLE_TIMEOUT_MS);
}

int blkfilter_validate(struct blkfilter *flt)
{
	struct blk_filter *f = blk_filter_of(flt);
	struct block_device *bdev = flt->bdev;
	bool is_there;

	if (READ_ONCE(f->is_gone) || !is_disk_live(f->disk))
		return -ENODEV;
	if (!compat_bdev_partno(bdev))
		return check_device(bdev);

	rcu_read_lock();
	is_there = xa_load(&f->disk->part_tbl, compat_bdev_partno(bdev)) == bdev;
	rcu_read_unlock();
	if (!is_there || bdev->bd_start_sect != f->start) {
		pr_err("%pg: the partition was moved or removed\n", bdev);
		return -ENODEV;
	}
	if (f->start + bdev_nr_sectors(bdev) > f->end)
		return grow(f, f->start + bdev_nr_sectors(bdev)) ?:
		       check_device(bdev);
	return check_device(bdev);
}
EXPORT_SYMBOL_GPL(blkfilter_validate);

static void tell_gone(struct work_struct *work)
{
	struct blk_filter *f = container_of(work, struct blk_filter, gone_work);

	if (f->pub.ops->gone)
		f->pub.ops->gone(&f->pub);
}

static void filter_free(struct blk_filter *f)
{
	if (f->wq)
		destroy_workqueue(f->wq);
	free_percpu(f->inflight);
	put_device(&f->pub.bdev->bd_device);
	module_put(f->driver);
	kfree(f);
}

static bool is_idle(const struct blk_filter *f)
{
	return !blk_filter_inflight(f, 0) && !blk_filter_inflight(f, 1);
}

/* The filter is out of the table, and no bio carries a record of it. */
static void reap(struct blk_filter *f)
{
	/* Whoever dropped the last count may still look at the wait queue. */
	synchronize_rcu();
	mutex_lock(&filters_lock);
	list_del(&f->link);
	if (list_empty(&filters_list))
		hook_remove();
	mutex_unlock(&filters_lock);
	filter_free(f);
	module_put(THIS_MODULE);
}

static void reap_later(struct work_struct *work)
{
	struct blk_filter *f = container_of(to_delayed_work(work), struct blk_filter,
					reap_work);

	if (is_idle(f))
		reap(f);
	else
		queue_delayed_work(blk_filter_wq, &f->reap_work,
				   msecs_to_jiffies(REAP_POLL_MS));
}

void blkfilter_detach(struct blkfilter *flt)
{
	unsigned long deadline = jiffies + DETACH_PATIENCE;
	struct blk_filter *f = blk_filter_of(flt);

	mutex_lock(&filters_lock);
	judge_withdraw(f);
	f->is_detached = true;
	mutex_unlock(&filters_lock);
	synchronize_rcu();
	if (WARN_ON_ONCE(f->is_gated))
		blkfilter_open_gate(flt);
	judge_flush(f);
	cancel_work_sync(&f->gone_work);

	/* Mostly these end in a moment, and all is gone when we return. */
	wait_event_timeout(f->drain_wait, is_idle(f), msecs_to_jiffies(10));
	while (!is_idle(f) && time_before(jiffies, deadline))
		msleep(10);
	if (is_idle(f))
		reap(f);
	else
		queue_delayed_work(blk_filter_wq, &f->reap_work, 0);
}
EXPORT_SYMBOL_GPL(blkfilter_detach);

static struct blk_filter *filter_alloc(struct block_device *bdev,
				   const struct blkfilter_operations *ops,
				   void *private)
{
	struct module *driver = bdev->bd_disk->fops->owner;
	struct blk_filter *f;

	/* The last reference to a disk calls its driver: that must still be there. */
	if (!try_module_get(driver))
		return ERR_PTR(-ENODEV);
	f = kzalloc(sizeof(*f), GFP_KERNEL);
	if (!f) {
		module_put(driver);
		return ERR_PTR(-ENOMEM);
	}
	f->driver = driver;
	f->pub = (struct blkfilter){ .bdev = bdev, .ops = ops, .private = private };
	f->disk = bdev->bd_disk;
	f->start = bdev->bd_start_sect;
	/* A whole disk may grow: what lies beyond is judged from the first. */
	f->end = compat_bdev_partno(bdev) ? f->start + bdev_nr_sectors(bdev) :
					    ~(sector_t)0;
	init_waitqueue_head(&f->drain_wait);
	INIT_WORK(&f->gone_work, tell_gone);
	INIT_DELAYED_WORK(&f->reap_work, reap_later);
	judge_init(f);
	get_device(&bdev->bd_device);
	f->inflight = alloc_percpu(struct blk_filter_inflight);
	f->wq = alloc_workqueue("blkfilter/%s", WQ_MEM_RECLAIM | WQ_HIGHPRI |
				WQ_UNBOUND, 1, dev_name(&bdev->bd_device));
	if (!f->inflight || !f->wq) {
		filter_free(f);
		return ERR_PTR(-ENOMEM);
	}
	return f;
}

/* Bios of an earlier filter on the device end before the new one begins. */
static int wait_for_reaped(struct block_device *bdev, unsigned long deadline)
{
	struct blk_filter *f;
	bool is_there;

	for (;;) {
		is_there = false;
		mutex_lock(&filters_lock);
		list_for_each_entry(f, &filters_list, link)
			if (f->pub.bdev == bdev && f->is_detached)
				is_there = true;
		mutex_unlock(&filters_lock);
		if (!is_there)
			return 0;
		if (time_after(jiffies, deadline))
			return -ETIMEDOUT;
		msleep(10);
	}
}

static int publish(struct blk_filter *f)
{
	struct blk_filter *other;
	int ret = 0;

	mutex_lock(&filters_lock);
	list_for_each_entry(other, &filters_list, link)
		if (other->pub.bdev == f->pub.bdev)
			ret = -EBUSY;
	if (!ret && list_empty(&filters_list))
		ret = hook_install(f->pub.bdev);
	if (!ret) {
		judge_publish(f);
		list_add_tail(&f->link, &filters_list);
		__module_get(THIS_MODULE);
	}
	mutex_unlock(&filters_lock);
	return ret;
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
	blkfilter_synchronize();
	ret = settle_older(f->pub.bdev, deadline);
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

	ret = check_device(bdev) ?: settle_check(bdev) ?:
	      wait_for_reaped(bdev, jiffies + timeout);
	if (ret)
		return ERR_PTR(ret);
	f = filter_alloc(bdev, ops, private);
	if (IS_ERR(f))
		return ERR_CAST(f);
	ret = publish(f);
	if (ret) {
		filter_free(f);
		return ERR_PTR(ret);
	}

	blkfilter_synchronize();
	deadline = jiffies + timeout;
	ret = settle_submitters(bdev, deadline) ?:
	      bring_into_force(f, deadline) ?:
	      blkfilter_wait_drained(&f->pub, deadline);
	tell_timeout(f, ret, timeout_ms);
	if (!ret && !is_disk_live(f->disk))
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
	WARN_ON(!list_empty(&filters_list));
}

int filters_init(void)
{
	blk_filter_wq = alloc_workqueue("blkfilter", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	return blk_filter_wq ? 0 : -ENOMEM;
}
