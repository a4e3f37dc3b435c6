// SPDX-License-Identifier: GPL-2.0-only
/*
 * Block device filters: attach and detach, gates and epochs.
 *
 * Attaching closes the new filter's gate before anybody can see it, waits for
 * what was under way, and opens it. Detaching takes the filter off at once, but
 * bios that it passed still carry its records: the filter is freed (reaped) when
 * the last of them has ended. If that takes long a worker does it, so that a
 * device that hangs is in nobody's way. The static key by which an unfiltered
 * machine is spared is on from the first attach until the last filter is reaped.
 *
 * Lock order: filters_lock > the static key's own locks. Callbacks take no lock
 * but a filter's own.
 */
#define pr_fmt(fmt) "blkfilter: " fmt

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "blk-filter.h"

#define REAP_POLL_MS	100
#define DETACH_PATIENCE	(2 * HZ)	/* before the reaping is left to a worker */
#define GROW_TIMEOUT	(30 * HZ)	/* for a partition that grew */

struct workqueue_struct *blk_filter_wq;

static DEFINE_MUTEX(filters_lock);
static LIST_HEAD(filters_list);		/* all not yet freed */

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
 * A partition that grew: writes beyond its old end were not shown. From here on
 * they are, and those under way have ended.
 */
static int grow(struct blk_filter *f, sector_t end)
{
	unsigned int noio = memalloc_noio_save();	/* see blkfilter_attach() */
	sector_t old_end = f->end;
	int ret;

	WRITE_ONCE(f->is_gated, true);
	WRITE_ONCE(f->end, end);
	blkfilter_synchronize();
	ret = blk_filter_drain_older(f->pub.bdev, jiffies + GROW_TIMEOUT);
	if (ret)
		WRITE_ONCE(f->end, old_end);
	blkfilter_open_gate(&f->pub);
	memalloc_noio_restore(noio);
	return ret;
}

static unsigned int partno_of(struct block_device *bdev)
{
#ifdef HAVE_BDEV_PARTNO
	return bdev_partno(bdev);
#else
	return bdev->bd_partno;
#endif
}

int blkfilter_validate(struct blkfilter *flt)
{
	struct blk_filter *f = blk_filter_of(flt);
	struct block_device *bdev = flt->bdev;
	bool is_there;

	if (READ_ONCE(f->is_gone) || !is_disk_live(f->disk))
		return -ENODEV;
	if (!bdev_is_partition(bdev))
		return check_device(bdev);

	rcu_read_lock();
	is_there = xa_load(&f->disk->part_tbl, partno_of(bdev)) == bdev;
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
	mutex_unlock(&filters_lock);
	static_branch_dec(&blk_filter_key);
	filter_free(f);
}

static void reap_later(struct work_struct *work)
{
	struct blk_filter *f = container_of(to_delayed_work(work),
					    struct blk_filter, reap_work);

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
	hlist_del_rcu(&f->node);
	f->is_detached = true;
	mutex_unlock(&filters_lock);
	synchronize_rcu();
	if (WARN_ON_ONCE(f->is_gated))
		blkfilter_open_gate(flt);
	blk_filter_flush(f);
	cancel_work_sync(&f->gone_work);

	/* Mostly these end in a moment, and all is gone when we return. */
	wait_event_timeout(f->drain_wait, is_idle(f), msecs_to_jiffies(10));
	while (!is_idle(f) && time_before(jiffies, deadline))
		fsleep(10000);
	if (is_idle(f))
		reap(f);
	else
		queue_delayed_work(blk_filter_wq, &f->reap_work, 0);
}
EXPORT_SYMBOL_GPL(blkfilter_detach);

static struct blk_filter *
filter_alloc(struct block_device *bdev, const struct blkfilter_operations *ops,
	     void *private)
{
	struct module *driver = bdev->bd_disk->fops->owner;
	struct blk_filter *f;

	/* The last reference to a disk calls its driver: that must still be there. */
	if (!try_module_get(driver))
		return NULL;
	f = kzalloc(sizeof(*f), GFP_KERNEL);
	if (!f) {
		module_put(driver);
		return NULL;
	}
	f->driver = driver;
	f->pub = (struct blkfilter){ .bdev = bdev, .ops = ops, .private = private };
	f->disk = bdev->bd_disk;
	f->start = bdev->bd_start_sect;
	/* A whole disk may grow: what lies beyond is judged from the first. */
	f->end = ~(sector_t)0;
	if (bdev_is_partition(bdev))
		f->end = f->start + bdev_nr_sectors(bdev);
	f->is_gated = true;
	init_waitqueue_head(&f->drain_wait);
	INIT_WORK(&f->gone_work, tell_gone);
	INIT_DELAYED_WORK(&f->reap_work, reap_later);
	blk_filter_judge_init(f);
	get_device(&bdev->bd_device);
	f->inflight = alloc_percpu(struct blk_filter_inflight);
	f->wq = alloc_workqueue("blkfilter/%s", WQ_MEM_RECLAIM | WQ_HIGHPRI |
				WQ_UNBOUND, 1, dev_name(&bdev->bd_device));
	if (!f->inflight || !f->wq) {
		filter_free(f);
		return NULL;
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
		fsleep(10000);
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
	if (!ret) {
		static_branch_inc(&blk_filter_key);
		hlist_add_head_rcu(&f->node, &f->disk->filters);
		list_add_tail(&f->link, &filters_list);
	}
	mutex_unlock(&filters_lock);
	return ret;
}

/* The first filter brings what all need; it stays. */
static int prepare(void)
{
	static bool is_prepared;
	int ret = 0;

	mutex_lock(&filters_lock);
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
	mutex_unlock(&filters_lock);
	return ret;
}

struct blkfilter *blkfilter_attach(struct block_device *bdev,
				   const struct blkfilter_operations *ops,
				   void *private, unsigned int timeout_ms)
{
	unsigned long timeout = msecs_to_jiffies(timeout_ms);
	struct blk_filter *f;
	unsigned int noio;
	int ret;

	ret = check_device(bdev) ?: blk_filter_can_drain(bdev) ?: prepare() ?:
	      wait_for_reaped(bdev, jiffies + timeout);
	if (ret)
		return ERR_PTR(ret);
	f = filter_alloc(bdev, ops, private);
	if (!f)
		return ERR_PTR(-ENOMEM);
	/* Writeback to this very device may have to wait for us: do not wait for it. */
	noio = memalloc_noio_save();
	ret = publish(f);
	if (ret) {
		memalloc_noio_restore(noio);
		filter_free(f);
		return ERR_PTR(ret);
	}

	blkfilter_synchronize();
	ret = blk_filter_drain_older(bdev, jiffies + timeout);
	if (ret == -ETIMEDOUT)
		pr_err("%pg: writes that were under way did not end in %u ms; try again when the device is less busy, and see whether it is suspended\n",
		       bdev, timeout_ms);
	else if (!ret && !is_disk_live(f->disk))
		ret = -ENODEV;
	blkfilter_open_gate(&f->pub);
	memalloc_noio_restore(noio);
	if (ret) {
		blkfilter_detach(&f->pub);
		return ERR_PTR(ret);
	}
	return &f->pub;
}
EXPORT_SYMBOL_GPL(blkfilter_attach);
