// SPDX-License-Identifier: GPL-2.0-only
/*
 * life: how a filter comes and goes.
 *
 * Detaching takes the filter off at once, but bios that it passed still carry its
 * records: the filter is freed (reaped) when the last of them has ended. If that
 * takes long a worker does it, so that a device that hangs is in nobody's way.
 *
 * Lock order: filters_lock > what blk_filter_enlist() and blk_filter_delist() take.
 * Callbacks take no lock but a filter's own.
 */
#ifndef BLKSNAP_COMPAT_FILTER
#define pr_fmt(fmt) "blkfilter: " fmt
#endif

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "blk-filter.h"

#define REAP_POLL_MS	100
#define DETACH_PATIENCE	(2 * HZ)	/* before the reaping is left to a worker */

static DEFINE_MUTEX(filters_lock);
static LIST_HEAD(filters_list);		/* all not yet freed */

static unsigned int partno_of(struct block_device *bdev)
{
#ifdef HAVE_BDEV_PARTNO
	return bdev_partno(bdev);
#else
	return bdev->bd_partno;
#endif
}

int blkfilter_validate(struct blkfilter *flt, sector_t *capacity)
{
	struct blk_filter *f = blk_filter_of(flt);
	struct block_device *bdev = flt->bdev;
	bool is_there;
	sector_t end;
	int ret = 0;

	/* Once: it may grow at any time, and what is added is not filtered yet. */
	*capacity = bdev_nr_sectors(bdev);
	if (READ_ONCE(f->is_gone) || !blk_filter_is_disk_live(f->disk))
		return -ENODEV;
	if (!bdev_is_partition(bdev))
		return blk_filter_check_device(bdev);

	rcu_read_lock();
	is_there = xa_load(&f->disk->part_tbl, partno_of(bdev)) == bdev;
	rcu_read_unlock();
	if (!is_there || bdev->bd_start_sect != f->start) {
		pr_err("%pg: the partition was moved or removed\n", bdev);
		return -ENODEV;
	}
	end = f->start + *capacity;
	if (end > f->end)
		ret = blk_filter_grow(f, end);
	ret = ret ?: blk_filter_check_device(bdev);
	/* If it shrank, what lies behind is somebody else's by now. */
	if (!ret)
		WRITE_ONCE(f->end, end);
	return ret;
}
EXPORT_SYMBOL_GPL(blkfilter_validate);

static void tell_gone(struct work_struct *work)
{
	struct blk_filter *f = container_of(work, struct blk_filter, gone_work);

	if (f->pub.ops->gone)
		f->pub.ops->gone(&f->pub);
}

void blk_filter_free(struct blk_filter *f)
{
	if (f->wq)
		destroy_workqueue(f->wq);
	free_percpu(f->inflight);
	put_device(&f->pub.bdev->bd_device);
	module_put(f->driver);
	kfree(f);
#ifdef BLKSNAP_COMPAT_FILTER
	module_put(THIS_MODULE);
#endif
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
	blk_filter_delist();
	if (list_empty(&filters_list))
		blk_filter_records_trim();
	mutex_unlock(&filters_lock);
	blk_filter_free(f);
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

struct blk_filter *blk_filter_alloc(struct block_device *bdev,
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
	f->end = ~(sector_t)0;
	if (bdev_is_partition(bdev))
		f->end = f->start + bdev_nr_sectors(bdev);
	init_waitqueue_head(&f->drain_wait);
	INIT_WORK(&f->gone_work, tell_gone);
	INIT_DELAYED_WORK(&f->reap_work, reap_later);
	blk_filter_gate_init(f);
	get_device(&bdev->bd_device);
#ifdef BLKSNAP_COMPAT_FILTER
	__module_get(THIS_MODULE);	/* the hooks and the ends of bios are its code */
#endif
	f->inflight = alloc_percpu(struct blk_filter_inflight);
	f->wq = alloc_workqueue("blkfilter/%s", WQ_MEM_RECLAIM | WQ_HIGHPRI |
				WQ_UNBOUND, 1, dev_name(&bdev->bd_device));
	if (!f->inflight || !f->wq) {
		blk_filter_free(f);
		return ERR_PTR(-ENOMEM);
	}
	return f;
}

/* Bios of an earlier filter on the device end before the new one begins. */
int blk_filter_wait_for_reaped(struct block_device *bdev, unsigned long deadline)
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

int blk_filter_publish(struct blk_filter *f)
{
	struct blk_filter *other;
	int ret = 0;

	mutex_lock(&filters_lock);
	list_for_each_entry(other, &filters_list, link)
		if (other->pub.bdev == f->pub.bdev) {
			pr_err("%pg: %s filters it already\n", f->pub.bdev,
			       other->is_detached ? "one that is going" :
						    other->pub.ops->name);
			ret = -EBUSY;
		}
	if (!ret)
		ret = blk_filter_enlist(f);
	if (!ret)
		list_add_tail(&f->link, &filters_list);
	mutex_unlock(&filters_lock);
	return ret;
}
