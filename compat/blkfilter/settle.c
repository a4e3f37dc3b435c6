// SPDX-License-Identifier: GPL-2.0-only
/*
 * settle: waiting for what was under way before a filter came.
 *
 * A write that was submitted before the hook saw its device carries no record.
 * It must have reached the device before the filter is in force, or a snapshot
 * would change after its instant. While this waits for the device the filter's gate
 * is closed, so that nothing new begins. What is known about the older bios differs:
 *
 * blk-mq	Each request holds the queue until it ends: freezing the queue
 *		waits for all of them.
 * synchronous	(brd, zram, pmem) The bio ends inside submit_bio(), which holds
 *		the queue: likewise.
 * device mapper	keeps an exact count itself, see settle_dm.c.
 * accounted	(md, drbd, bcache) Only the submission holds the queue; what was
 *		submitted is in the device's in-flight statistics, unless these
 *		are turned off, or it is an md of a kind that keeps none; what
 *		these do not tell of an md, settle_md.c finds out. All of this is about
 *		the whole disk: for a partition, the gate is closed for its neighbours too.
 * others	Nothing is known: refused.
 *
 * Before all that, with the gate open: a task in the middle of a submission may
 * have bios on a list of its own that were past the hook already, see
 * settle_tasks.c. And a page that goes by bdev_write_page() is on no list, but may
 * wait to enter a queue that somebody else has frozen: that is waited for by the
 * queue's own wait list, and, once off the list, by RCU-tasks until the task
 * sleeps or is done.
 * Throttled bios are not known to any of this. They come by the hook when they
 * are let go, and are judged then (see hook.c).
 */
#include <linux/blk-mq.h>
#include <linux/delay.h>
#include <linux/part_stat.h>

#include "blk-filter.h"

#define LOOKS	4	/* of the statistics, which must all say the same */

enum settle_how { SETTLE_UNKNOWN, SETTLE_FREEZE, SETTLE_DM, SETTLE_ACCOUNTED };

static const struct {
	const char *prefix;
	enum settle_how how;
} bio_drivers[] = {
	{ "dm-", SETTLE_DM },
	{ "md", SETTLE_ACCOUNTED },
	{ "drbd", SETTLE_ACCOUNTED },
	{ "bcache", SETTLE_ACCOUNTED },
	{ "ram", SETTLE_FREEZE },
	{ "zram", SETTLE_FREEZE },
	{ "pmem", SETTLE_FREEZE },
};

static enum settle_how how_to_settle(const struct gendisk *disk)
{
	unsigned int i;

	if (queue_is_mq(disk->queue))
		return SETTLE_FREEZE;
	for (i = 0; i < ARRAY_SIZE(bio_drivers); i++)
		if (str_has_prefix(disk->disk_name, bio_drivers[i].prefix))
			return bio_drivers[i].how;
	return SETTLE_UNKNOWN;
}

static bool is_md(const struct gendisk *disk)
{
	return str_has_prefix(disk->disk_name, "md");
}

/* Has everybody on the disk to be still, until it is known of a partition? */
bool settle_is_by_disk(struct block_device *bdev)
{
	return bdev_is_partition(bdev) && how_to_settle(bdev->bd_disk) == SETTLE_ACCOUNTED;
}

static int wait_for_waiters(struct request_queue *q, unsigned long deadline)
{
	do {
		if (!waitqueue_active(&q->mq_freeze_wq)) {
			synchronize_rcu_tasks();
			if (!waitqueue_active(&q->mq_freeze_wq))
				return 0;
		}
		msleep(1);
	} while (time_before(jiffies, deadline));
	return -ETIMEDOUT;
}

static int wait_for_queue(struct request_queue *q, unsigned long deadline)
{
	unsigned long now = jiffies;
	int ret = 0;

	blk_freeze_queue_start(q);
	if (!blk_mq_freeze_queue_wait_timeout(q, time_before(now, deadline) ?
					      deadline - now : 1))
		ret = -ETIMEDOUT;
	compat_blk_mq_unfreeze_queue(q);
	return ret;
}

/* Can it be told when what is under way on this device ends? */
int settle_check(struct block_device *bdev)
{
	struct gendisk *disk = bdev->bd_disk;

	switch (how_to_settle(disk)) {
	case SETTLE_FREEZE:
	case SETTLE_DM:
		return 0;
	case SETTLE_ACCOUNTED:
		if (is_md(disk) && !settle_md_has_statistics(disk))
			break;
		if (blk_queue_io_stat(disk->queue))
			return 0;
		pr_err("%s: refused: its statistics are off, so that it cannot be told which writes are under way; write 1 to /sys/block/%s/queue/iostats\n",
		       disk->disk_name, disk->disk_name);
		return -EOPNOTSUPP;
	default:
		break;
	}
	pr_err("%s: refused: its driver does not tell which writes are under way\n",
	       disk->disk_name);
	return -EOPNOTSUPP;
}

int settle_submitters(struct block_device *bdev, unsigned long deadline)
{
	struct gendisk *disk = bdev->bd_disk;
	int ret;

	ret = wait_for_waiters(disk->queue, deadline) ?:
	      settle_tasks(disk, deadline);
	if (!ret && is_md(disk))
		ret = settle_md_flush(disk, deadline);
	return ret;
}

/*
 * The sum is taken over processors one after another. A write that begins on one that
 * was counted and ends on one that was not counts as one less than none, and could hide
 * one that is under way. That is a matter of a moment, and does not come so many times
 * in a row.
 */
static int wait_for_count(struct gendisk *disk, unsigned long deadline)
{
	unsigned int looks = 0;

	for (;;) {
		looks = blk_filter_under_way(disk, WRITE) > 0 ? 0 : looks + 1;
		if (looks == LOOKS)
			return 0;
		if (time_after(jiffies, deadline))
			return -ETIMEDOUT;
		fsleep(1000);
	}
}

int settle_older(struct block_device *bdev, unsigned long deadline)
{
	struct gendisk *disk = bdev->bd_disk;
	int ret;

	ret = wait_for_queue(disk->queue, deadline);
	if (!ret && how_to_settle(disk) == SETTLE_DM)
		ret = blk_filter_wait_for_answers(disk, deadline) ?: settle_dm(disk, deadline);
	if (!ret && is_md(disk))
		ret = settle_md_count(disk, deadline);
	if (ret || how_to_settle(disk) != SETTLE_ACCOUNTED)
		return ret;
	return wait_for_count(disk, deadline);
}
