/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blkfilter, the rooms inside; calls go down only:
 *
 *	main		birth and death
 *	filter		attach, detach, gates, epochs
 *	hook		where bios are found (ftrace)
 *	judge		the verdict, and what is held
 *	settle		waiting for what was under way before a filter
 *	multipath	a disk whose writes no bio tells of
 *	record		a passed bio until it ends
 */
#ifndef _BLKFILTER_H
#define _BLKFILTER_H

#include <linux/blk-filter.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct inflight {
	long count[2];		/* by parity of the epoch */
};

/*
 * Legend: I set at creation; G changed only with the gate closed and
 * synchronized; L under @lock; A atomic or single-word; M under filters_lock.
 */
struct filter {
	struct blkfilter pub;			/* I */
	struct gendisk *disk;			/* I */
	struct module *driver;			/* I, which frees the disk in its time */
	sector_t start;				/* I, on the disk */
	sector_t end;				/* A, on the disk */
	struct hlist_node hash;			/* M, read under RCU */
	bool is_gated;				/* A */
	bool is_in_force;			/* G: bios are shown to the user */
	unsigned int epoch;			/* G */
	struct inflight __percpu *inflight;	/* A */

	bool is_gone;				/* A */
	bool is_detached;			/* M */
	raw_spinlock_t lock;			/* innermost; irqs off */
	struct bio_list held;			/* L */
	struct work_struct resubmit_work;
	struct workqueue_struct *wq;		/* I */
	wait_queue_head_t drain_wait;
	struct work_struct gone_work;
	struct delayed_work reap_work;
	struct list_head link;			/* M, all that is not yet freed */
};

/* record.c */
int records_init(void);
void records_exit(void);

/* Counts @bio as passed by @flt. Preemption off. False: the pool is empty. */
bool record_attach(struct filter *flt, struct bio *bio);
/* Has @flt passed this very bio? Any context. */
bool record_is_seen(const struct filter *flt, const struct bio *bio);
/* Makes room in the pools. Sleeps; always succeeds in the end. */
void records_refill(void);
/* What was passed in the epoch of this parity and has not ended. Any context. */
long records_inflight(const struct filter *flt, unsigned int parity);

/*
 * settle.c: 0, -ETIMEDOUT, -EOPNOTSUPP, -ENODEV, -ENOMEM; sleep. With the filter
 * published and synchronized: first settle_submitters(), the gate open, then
 * settle_older(), the gate closed and synchronized. No memory by I/O meanwhile.
 */
int settle_check(struct block_device *bdev);
int settle_submitters(struct block_device *bdev, unsigned long deadline);
int settle_older(struct block_device *bdev, unsigned long deadline);
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
extern struct bio_set below_set;
void judge_init(struct filter *flt);
void judge_publish(struct filter *flt);
void judge_withdraw(struct filter *flt);
enum blkfilter_verdict judge_bio(struct bio *bio);
bool judge_is_filtered(const struct gendisk *disk);
void judge_disk_gone(const struct gendisk *disk);
void judge_hold(struct filter *flt, struct bio *bio);
void judge_flush(struct filter *flt);

/* Where on its disk a bio begins. */
static inline sector_t judge_bio_start(struct bio *bio)
{
	sector_t start = bio->bi_iter.bi_sector;

	if (!bio_flagged(bio, BIO_REMAPPED))
		start += bio->bi_bdev->bd_start_sect;
	return start;
}

/* filter.c: what runs later on behalf of a filter runs here */
extern struct workqueue_struct *filters_wq;
int filters_init(void);
void filters_exit(void);

/* hook.c: under filters_lock; sleep */
int hook_install(struct block_device *bdev);
void hook_remove(void);

#endif /* _BLKFILTER_H */
