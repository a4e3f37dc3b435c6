// SPDX-License-Identifier: GPL-2.0-only
/*
 * freeze: file systems on a set of devices, frozen together.
 *
 * Freezing can block for as long as a writer does, so a worker does it, and the
 * caller waits with a time-out. After the time-out the worker, whenever it comes
 * back, thaws what it froze. So the structure has two owners, the caller and
 * the worker; the last one frees it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/workqueue.h>

#include "freeze.h"
#include "stack.h"

/* Holds a reference of the device, whose last one calls the driver, and the driver. */
struct target {
	struct block_device *bdev;
	struct module *driver;
	unsigned int depth;
	bool is_ours;			/* frozen by us */
};

struct freeze {
	refcount_t owners;
	struct work_struct work;
	struct work_struct thaw_work;
	struct completion done;
	spinlock_t lock;		/* innermost */
	bool is_abandoned;		/* under @lock */
	bool is_done;			/* under @lock */
	int error;
	unsigned int frozen;		/* targets, from the first on */
	unsigned int count;
	struct target targets[];
};

/* Of our own, so that the module's end can wait for what was abandoned. */
static struct workqueue_struct *freeze_wq;

static void freeze_put(struct freeze *freeze)
{
	unsigned int i;

	if (!refcount_dec_and_test(&freeze->owners))
		return;
	for (i = 0; i < freeze->count; i++) {
		put_device(&freeze->targets[i].bdev->bd_device);
		module_put(freeze->targets[i].driver);
	}
	kfree(freeze);
}

static void thaw_all(struct freeze *freeze)
{
	while (freeze->frozen) {
		struct target *target = &freeze->targets[--freeze->frozen];

		if (target->is_ours)
			bdev_thaw(target->bdev);
	}
}

static void freeze_all(struct work_struct *work)
{
	struct freeze *freeze = container_of(work, struct freeze, work);
	bool is_abandoned;
	int error = 0;

	while (freeze->frozen < freeze->count &&
	       !READ_ONCE(freeze->is_abandoned)) {
		struct target *target = &freeze->targets[freeze->frozen];

		error = bdev_freeze(target->bdev);
		target->is_ours = !error;
		/*
		 * By its administrator, before us, most likely: so it is as we want it.
		 * It may also be somebody's freeze that is under way and fails yet, or a
		 * device that its file system is just giving up. Nothing that all
		 * kernels have tells these apart.
		 */
		if (error == -EBUSY) {
			pr_info("%pg: left to whoever has frozen its file system already; the image is clean only if that is so until the take has ended\n",
				target->bdev);
			error = 0;
		}
		if (error) {
			pr_err("%pg: the file system cannot be frozen: error %d\n",
			       target->bdev, error);
			break;
		}
		freeze->frozen++;
	}
	spin_lock(&freeze->lock);
	freeze->is_done = true;
	freeze->error = error;
	is_abandoned = freeze->is_abandoned;
	spin_unlock(&freeze->lock);
	if (error || is_abandoned)
		thaw_all(freeze);
	complete(&freeze->done);
	freeze_put(freeze);
	module_put(THIS_MODULE);
}

static void thaw(struct work_struct *work)
{
	struct freeze *freeze = container_of(work, struct freeze, thaw_work);

	thaw_all(freeze);
	freeze_put(freeze);
	module_put(THIS_MODULE);
}

static int deeper_first(const void *a, const void *b)
{
	const struct target *x = a, *y = b;

	return (int)y->depth - (int)x->depth;
}

/* The device and, if it is a whole disk, its partitions. */
static unsigned int add_targets(struct freeze *freeze, unsigned int room,
				struct block_device *bdev)
{
	struct gendisk *disk = bdev->bd_disk;
	struct module *driver = disk->fops->owner;
	struct block_device *part;
	unsigned long index;
	unsigned int wanted = 0;

	rcu_read_lock();
	xa_for_each(&disk->part_tbl, index, part) {
		if (part != bdev && bdev != disk->part0)
			continue;
		wanted++;
		if (freeze->count == room || !try_module_get(driver))
			continue;
		if (kobject_get_unless_zero(&part->bd_device.kobj))
			freeze->targets[freeze->count++] = (struct target){ part, driver };
		else
			module_put(driver);
	}
	rcu_read_unlock();
	return wanted;
}

static struct freeze *freeze_alloc(struct block_device **bdevs, unsigned int count)
{
	unsigned int room = count, wanted, i;
	struct freeze *freeze;

	/* Partitions may appear between counting and filling: try until it fits. */
	for (;;) {
		freeze = kzalloc(struct_size(freeze, targets, room), GFP_KERNEL);
		if (!freeze)
			return NULL;
		refcount_set(&freeze->owners, 1);
		wanted = 0;
		for (i = 0; i < count; i++)
			wanted += add_targets(freeze, room, bdevs[i]);
		if (wanted <= room)
			return freeze;
		room = wanted;
		freeze_put(freeze);
	}
}

static int find_depths(struct freeze *freeze)
{
	unsigned int i;

	for (i = 0; i < freeze->count; i++) {
		int depth = blksnap_stack_depth(freeze->targets[i].bdev->bd_disk);

		if (depth < 0)
			return depth;
		freeze->targets[i].depth = depth;
	}
	return 0;
}

/* A partition named itself and found on its disk is frozen twice: it nests. */
struct freeze *blksnap_freeze_devices(struct block_device **bdevs, unsigned int count,
				      unsigned int timeout_ms)
{
	struct freeze *freeze = freeze_alloc(bdevs, count);
	int error;

	if (!freeze)
		return ERR_PTR(-ENOMEM);
	error = find_depths(freeze);
	if (error) {
		freeze_put(freeze);
		return ERR_PTR(error);
	}
	sort(freeze->targets, freeze->count, sizeof(freeze->targets[0]),
	     deeper_first, NULL);
	INIT_WORK(&freeze->work, freeze_all);
	INIT_WORK(&freeze->thaw_work, thaw);
	init_completion(&freeze->done);
	spin_lock_init(&freeze->lock);
	refcount_inc(&freeze->owners);
	__module_get(THIS_MODULE);
	queue_work(freeze_wq, &freeze->work);
	wait_for_completion_timeout(&freeze->done, msecs_to_jiffies(timeout_ms));

	spin_lock(&freeze->lock);
	error = freeze->error;
	if (!freeze->is_done) {
		freeze->is_abandoned = true;
		error = -ETIMEDOUT;
	}
	spin_unlock(&freeze->lock);
	if (!error)
		return freeze;
	if (error == -ETIMEDOUT)
		pr_err("a file system did not freeze in %u ms\n", timeout_ms);
	freeze_put(freeze);
	return ERR_PTR(error);
}

void blksnap_freeze_thaw(struct freeze *freeze)
{
	__module_get(THIS_MODULE);
	queue_work(freeze_wq, &freeze->thaw_work);
}

void blksnap_freeze_exit(void)
{
	destroy_workqueue(freeze_wq);
}

/* Thawing must not wait for memory that a frozen file system would give. */
int blksnap_freeze_init(void)
{
	freeze_wq = alloc_workqueue("blksnap-freeze", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	return freeze_wq ? 0 : -ENOMEM;
}
