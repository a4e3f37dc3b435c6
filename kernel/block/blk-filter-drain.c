// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting for what was under way before a filter.
 *
 * A write that reached the driver before the filter was there carries no
 * record. It must have ended before the filter is in force, or a snapshot would
 * change after its instant. While this waits the filter's gate is closed, so
 * that nothing new begins. Whatever was not judged holds the queue (see
 * blk-filter-judge.c), so the queue is frozen once. That is
 *
 * - all for blk-mq, whose requests hold the queue until they end, and for
 *   drivers that end a bio inside ->submit_bio();
 * - for other drivers, the submission; what becomes of the bio they must tell
 *   by ->drain_bios(). A driver that has none, or does not know of the bios of
 *   this disk, cannot be filtered.
 *
 * ->drain_bios() waits without a limit, so a worker calls it, which keeps the
 * device open meanwhile. Who loses patience goes away, and leaves it behind. It is
 * opened, and closed, with the gate open: somebody may hold the disk's open_mutex
 * and wait for a write that is held.
 */
#define pr_fmt(fmt) "blkfilter: " fmt

#include <linux/blk-mq.h>
#include <linux/completion.h>
#include <linux/file.h>
#include <linux/refcount.h>
#include <linux/slab.h>

#include "blk-filter.h"

struct blk_filter_drain {
	struct work_struct work;
	struct completion done;
	refcount_t owners;
	struct gendisk *disk;
	int ret;			/* once it is done */
#ifdef HAVE_BDEV_FILE
	struct file *file;
#else
	struct block_device *bdev;
#endif
};

static bool is_synchronous(struct block_device *bdev)
{
#ifdef HAVE_BDEV_SYNCHRONOUS
	return bdev_synchronous(bdev);
#else
	return bdev->bd_disk->fops->rw_page;
#endif
}

static bool queue_tells_all(struct block_device *bdev)
{
	return queue_is_mq(bdev_get_queue(bdev)) || is_synchronous(bdev);
}

static int open_disk(struct blk_filter_drain *drain, dev_t dev)
{
#ifdef HAVE_BDEV_FILE
	drain->file = bdev_file_open_by_dev(dev, BLK_OPEN_READ, NULL, NULL);
	return PTR_ERR_OR_ZERO(drain->file);
#else
	drain->bdev = blkdev_get_by_dev(dev, FMODE_READ, NULL);
	return PTR_ERR_OR_ZERO(drain->bdev);
#endif
}

void blk_filter_drain_put(struct blk_filter_drain *drain)
{
	if (!drain || !refcount_dec_and_test(&drain->owners))
		return;
#ifdef HAVE_BDEV_FILE
	bdev_fput(drain->file);
#else
	blkdev_put(drain->bdev, FMODE_READ);
#endif
	kfree(drain);
}

static void drain_work(struct work_struct *work)
{
	struct blk_filter_drain *drain =
		container_of(work, struct blk_filter_drain, work);

	drain->ret = drain->disk->fops->drain_bios(drain->disk);
	complete(&drain->done);
	blk_filter_drain_put(drain);
}

static int refuse(struct block_device *bdev)
{
	pr_err("%pg: refused: its driver does not tell which writes are under way; filter the devices it lies on instead, if it lies on some\n",
	       bdev);
	return -EOPNOTSUPP;
}

struct blk_filter_drain *blk_filter_drain_alloc(struct block_device *bdev)
{
	struct blk_filter_drain *drain;
	int ret;

	if (queue_tells_all(bdev))
		return NULL;
	if (!bdev->bd_disk->fops->drain_bios)
		return ERR_PTR(refuse(bdev));
	drain = kzalloc(sizeof(*drain), GFP_KERNEL);
	if (!drain)
		return ERR_PTR(-ENOMEM);
	ret = open_disk(drain, disk_devt(bdev->bd_disk));
	if (ret) {
		kfree(drain);
		return ERR_PTR(ret == -ENXIO ? -ENODEV : ret);	/* it is going */
	}
	drain->disk = bdev->bd_disk;
	refcount_set(&drain->owners, 1);
	init_completion(&drain->done);
	INIT_WORK(&drain->work, drain_work);
	return drain;
}

static unsigned long time_left(unsigned long deadline)
{
	unsigned long now = jiffies;

	return time_before(now, deadline) ? deadline - now : 1;
}

static int drain_driver(struct blk_filter_drain *drain, unsigned long deadline)
{
	refcount_inc(&drain->owners);
	queue_work(blk_filter_wq, &drain->work);
	if (!wait_for_completion_timeout(&drain->done, time_left(deadline)))
		return -ETIMEDOUT;
	return drain->ret;
}

static int drain_queue(struct request_queue *q, unsigned long deadline)
{
	int ret = 0;

	blk_freeze_queue_start(q);
	if (!blk_mq_freeze_queue_wait_timeout(q, time_left(deadline)))
		ret = -ETIMEDOUT;
#ifdef HAVE_UNFREEZE_NOMEMRESTORE
	blk_mq_unfreeze_queue_nomemrestore(q);
#else
	blk_mq_unfreeze_queue(q);
#endif
	return ret;
}

/* What a driver drains is the whole disk. */
bool blk_filter_drains_by_disk(struct block_device *bdev)
{
	return bdev_is_partition(bdev) && !queue_tells_all(bdev);
}

int blk_filter_drain_older(struct block_device *bdev, struct blk_filter_drain *drain,
			   unsigned long deadline)
{
	int ret = drain_queue(bdev_get_queue(bdev), deadline);

	if (ret || !drain)
		return ret;
	ret = blk_filter_wait_for_answers(bdev->bd_disk, deadline) ?:
	      drain_driver(drain, deadline);
	return ret == -EOPNOTSUPP ? refuse(bdev) : ret;
}
