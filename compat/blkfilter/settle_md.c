// SPDX-License-Identifier: GPL-2.0-only
/*
 * settle_md: what the statistics of an md array do not tell.
 *
 * A bio is in the statistics of an array from when its level maps it until it
 * ends. Two kinds of writes under way are not there:
 *
 * - A flush with data, on kernels where md does it alone: the array parks it, one
 *   at a time, and goes on with its data from a work item when the members have
 *   flushed. Neither a queue nor a task tells of it. A flush that is sent now is done
 *   after the parked one has left its place, and RCU-tasks then waits for the work
 *   item to come to the level's count of writes, before which it does not sleep.
 *   This needs no closed gate: what is parked later has a record.
 * - Discards of some levels. But all levels with redundancy count their writes, of
 *   every kind, to know when the array is clean: no write is under way when
 *   array_state says so, and to write "clean" there is to ask for that; it is
 *   refused while a write is. (It is also what md does by itself a moment after
 *   the last write.)
 *
 * What is left: a discard on a raid0, of which only its members know. It is
 * advice, and what it leaves behind is undefined.
 *
 * The flush may hang with a member, so a worker does it, with the array open; a
 * caller that comes to its deadline goes away. Whoever is last frees the request.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/refcount.h>
#include <linux/slab.h>

#include "blk-filter.h"

struct md_flush {
	struct work_struct work;
	struct completion done;
	refcount_t owners;
	struct file *file;
};

static struct file *open_attribute(const struct gendisk *disk, const char *name,
				   int flags)
{
	char path[sizeof("/sys/block//md/array_state") + DISK_NAME_LEN];

	snprintf(path, sizeof(path), "/sys/block/%s/md/%s", disk->disk_name, name);
	return filp_open(path, flags, 0);
}

/* What it says now, as a string; empty if nothing can be read. */
static void read_attribute(struct file *file, char *value, size_t size)
{
	loff_t at = 0;
	ssize_t got = kernel_read(file, value, size - 1, &at);

	value[max_t(ssize_t, got, 0)] = 0;
}

/* An md of the level "linear" counts nothing; those of the raid levels do. */
bool settle_md_has_statistics(const struct gendisk *disk)
{
	struct file *file = open_attribute(disk, "level", O_RDONLY);
	char level[8];

	if (IS_ERR(file))
		return false;
	read_attribute(file, level, sizeof(level));
	fput(file);
	return str_has_prefix(level, "raid");
}

static void flush_put(struct md_flush *flush)
{
	if (!refcount_dec_and_test(&flush->owners))
		return;
	if (!IS_ERR(flush->file))
		bdev_fput(flush->file);
	kfree(flush);
}

static void send_flush(struct work_struct *work)
{
	struct md_flush *flush = container_of(work, struct md_flush, work);

	/* Its failure is the members'; they have left the flush behind as well. */
	blkdev_issue_flush(file_bdev(flush->file));
	complete(&flush->done);
	flush_put(flush);
	module_put(THIS_MODULE);
}

static int send_and_wait(struct gendisk *disk, unsigned long deadline)
{
	struct md_flush *flush = kzalloc(sizeof(*flush), GFP_KERNEL);
	unsigned long now = jiffies;
	int ret = 0;

	if (!flush)
		return -ENOMEM;
	refcount_set(&flush->owners, 1);
	init_completion(&flush->done);
	INIT_WORK(&flush->work, send_flush);
	flush->file = bdev_file_open_by_dev(disk_devt(disk), BLK_OPEN_READ,
					    NULL, NULL);
	if (IS_ERR(flush->file)) {
		ret = PTR_ERR(flush->file);
		goto out;
	}
	refcount_inc(&flush->owners);
	__module_get(THIS_MODULE);
	queue_work(blk_filter_wq, &flush->work);
	if (!wait_for_completion_timeout(&flush->done, time_before(now, deadline) ?
					 deadline - now : 1))
		ret = -ETIMEDOUT;
out:
	flush_put(flush);
	return ret;
}

int settle_md_flush(struct gendisk *disk, unsigned long deadline)
{
	int ret = send_and_wait(disk, deadline);

	if (!ret)
		synchronize_rcu_tasks();
	return ret;
}

/*
 * "clean" is also what a level without a count says; "broken" is clean and failed.
 * An array that has not been written to yet ("read-auto") is not asked: that would
 * start it.
 */
static bool has_no_writes(struct file *array_state)
{
	static const char clean[] = "clean";
	char state[16];
	loff_t at = 0;

	read_attribute(array_state, state, sizeof(state));
	if (str_has_prefix(state, clean) || str_has_prefix(state, "read") ||
	    str_has_prefix(state, "broken"))
		return true;
	kernel_write(array_state, clean, sizeof(clean) - 1, &at);
	return false;
}

int settle_md_count(const struct gendisk *disk, unsigned long deadline)
{
	struct file *file = open_attribute(disk, "array_state", O_RDWR);
	int ret = 0;

	if (IS_ERR(file)) {
		pr_err("%s: refused: /sys/block/%s/md/array_state cannot be opened (%ld), so that it cannot be told which writes are under way; mount sysfs\n",
		       disk->disk_name, disk->disk_name, PTR_ERR(file));
		return -EOPNOTSUPP;
	}
	while (!has_no_writes(file)) {
		if (time_after(jiffies, deadline)) {
			ret = -ETIMEDOUT;
			break;
		}
		msleep(5);
	}
	fput(file);
	return ret;
}
