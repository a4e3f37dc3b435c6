/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blkfilter, the rooms inside; calls go down, but for what is said in blk-filter-core.h:
 *
 *	main		birth and death
 *	life		how a filter comes and goes
 *	filter		what a new one waits for, and what cannot have one
 *	hook		where bios are found (ftrace)
 *	judge		the verdict
 *	settle		waiting for what was under way before a filter
 *	gate		gates, epochs, the bios of a filter's user, and those that wait
 *	answers		what a device has answered
 *	multipath	a disk whose writes no bio tells of
 *	end		the end of a passed bio
 *	record		a passed bio until it ends
 *
 * life, gate, answers, record and blk-filter-core.h are those of the filter inside the
 * block layer as well (kernel/block).
 */
#ifndef _BLKFILTER_H
#define _BLKFILTER_H

#include "blk-filter-core.h"

/*
 * end.c: end_settle() returns when the code of no end is in use any more; no filter is
 * left, and all bios have ended. Sleeps.
 */
void end_init(void);
void end_settle(void);

/*
 * settle.c: 0, -ETIMEDOUT, -EOPNOTSUPP, -ENODEV, -ENOMEM; sleep. With the filter
 * published and synchronized: first settle_submitters(), the gate open, then
 * settle_older(), the gate closed and synchronized. No memory by I/O meanwhile.
 */
int settle_check(struct block_device *bdev);
int settle_submitters(struct block_device *bdev, unsigned long deadline);
int settle_older(struct block_device *bdev, unsigned long deadline);
bool settle_is_by_disk(struct block_device *bdev);
/* settle_tasks.c: behind RCU-tasks; of the submissions under way none is any more */
int settle_tasks(const struct gendisk *disk, unsigned long deadline);
/* settle_dm.c: the same for what device mapper counts; also -ENODEV, -ENOMEM */
int settle_dm(struct gendisk *disk, unsigned long deadline);
/*
 * settle_md.c: the same for what an md's statistics leave out, if it keeps any:
 * flushes, with the gate open, behind settle_tasks(); what a level counts itself,
 * with the gate closed.
 */
bool settle_md_has_statistics(const struct gendisk *disk);
int settle_md_flush(struct gendisk *disk, unsigned long deadline);
int settle_md_count(const struct gendisk *disk, unsigned long deadline);

/* multipath.c: are requests put into the disk's queue by a device above? Sleeps */
bool is_path_of_multipath(struct gendisk *disk);

/* judge.c */
void judge_enter(struct blk_filter *f);
enum blkfilter_verdict judge_bio(struct bio *bio);
bool judge_is_filtered(const struct gendisk *disk);
void judge_disk_gone(const struct gendisk *disk);
void judge_device_gone(const struct device *device);

/* filter.c */
int filters_init(void);
void filters_exit(void);

/* hook.c: under filters_lock; sleep */
int hook_install(struct block_device *bdev);
void hook_remove(void);

#endif /* _BLKFILTER_H */
