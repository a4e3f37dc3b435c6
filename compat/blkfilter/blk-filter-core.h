/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A filter, and what the files of it share:
 *
 *	life		how a filter comes and goes
 *	gate		gates, epochs, the bios of a filter's user, and those that wait
 *	answers		what a device has answered
 *	record		a passed bio until it ends
 *
 * Others stand between life and gate, and are called from both sides: attaching is
 * life's steps with waiting between them, and what the gate has held is judged anew.
 */
#ifndef BLK_FILTER_CORE_H
#define BLK_FILTER_CORE_H

#include <linux/blk-filter.h>
#include <linux/blkdev.h>
#include <linux/llist.h>
#include <linux/percpu.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct blk_filter_inflight {
	long count[2];		/* by parity of the epoch */
};

/*
 * Legend: I set at creation; G changed only with the gate closed and
 * synchronized; L under @lock; A atomic or single-word; M under filters_lock.
 */
struct blk_filter {
	struct blkfilter pub;			/* I */
	struct gendisk *disk;			/* I */
	struct module *driver;			/* I, which frees the disk in its time */
	sector_t start;				/* I, on the disk */
	sector_t end;				/* A, on the disk */
	struct hlist_node node;			/* M, read under RCU */
	bool is_gated;				/* A */
	bool is_disk_gated;			/* A: the gate is that of the whole disk */
#ifdef BLKSNAP_COMPAT_FILTER
	bool is_in_force;			/* G: bios are shown to the user */
#endif
	unsigned int epoch;			/* G */
	struct blk_filter_inflight __percpu *inflight;	/* A */

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

static inline struct blk_filter *blk_filter_of(const struct blkfilter *flt)
{
	return container_of(flt, struct blk_filter, pub);
}

/* What runs later on behalf of a filter runs here. */
extern struct workqueue_struct *blk_filter_wq;
/* Bios from here are our users' own I/O, and marked by that. */
extern struct bio_set blk_filter_below_set;

static inline bool blk_filter_is_disk_live(const struct gendisk *disk)
{
	return !test_bit(GD_DEAD, &disk->state);
}

/* -ENODEV if the driver is going, or -ENOMEM. Nobody knows of it yet. Sleeps. */
struct blk_filter *blk_filter_alloc(struct block_device *bdev,
				    const struct blkfilter_operations *ops,
				    void *private);
void blk_filter_free(struct blk_filter *f);
/* Bios of earlier filters on the device have ended: 0, or -ETIMEDOUT. Sleeps. */
int blk_filter_wait_for_reaped(struct block_device *bdev, unsigned long deadline);
/* From now on it meets bios. -EBUSY if the device has one, and as below. Sleeps. */
int blk_filter_publish(struct blk_filter *f);

/*
 * The first two are called under filters_lock: the filter is put where bios find it,
 * and, taken off and out of use, is gone for good. May sleep; of enlist(), 0 or the
 * reason why bios cannot be seen.
 */
int blk_filter_enlist(struct blk_filter *f);
void blk_filter_delist(void);
/* 0, or -EOPNOTSUPP with a log line, for a device that no filter can cover. Sleeps. */
int blk_filter_check_device(struct block_device *bdev);
/*
 * A partition grew to @end: 0, -ENODEV, -ENOMEM, or with a log line -ETIMEDOUT or
 * -EOPNOTSUPP. Sleeps.
 */
int blk_filter_grow(struct blk_filter *f, sector_t end);

void blk_filter_gate_init(struct blk_filter *f);
/* Takes @bio until the gate is open and there are records. Any context. */
void blk_filter_hold(struct blk_filter *f, struct bio *bio);
/* Nothing is held when this returns; the gate is open, and none adds to it. Sleeps. */
void blk_filter_flush(struct blk_filter *f);

/*
 * Who is held waits, whatever he has asked for. In the end one worker submits for all
 * cgroups, and must not wait for the budget of one: like metadata, which others may
 * wait for as well, the bio is charged as a debt. (So would swap be, but what device
 * mapper counts of that at the bio's end it has not counted at its beginning.)
 */
static inline void blk_filter_be_patient(struct bio *bio)
{
	bio->bi_opf &= ~REQ_NOWAIT;
	bio->bi_opf |= REQ_META;
	bio_clear_polled(bio);
}

/* Where on its disk a bio begins. */
static inline sector_t blk_filter_bio_start(struct bio *bio)
{
	sector_t start = bio->bi_iter.bi_sector;

	if (!bio_flagged(bio, BIO_REMAPPED))
		start += bio->bi_bdev->bd_start_sect;
	return start;
}

/* Bios that statistics count as under way on the disk and its partitions. */
long blk_filter_under_way(struct gendisk *disk, int rw);
/* The gate is closed: 0 when the device is found to answer, or -ETIMEDOUT. Sleeps. */
int blk_filter_wait_for_answers(struct gendisk *disk, unsigned long deadline);

/* In the place of a bio's completion, which it keeps, while the bio is under way. */
struct bio_record {
	union {
		struct bio_record *next;	/* in a magazine */
		struct blk_filter *filter;	/* on a bio */
	};
	union {
		struct llist_node link;		/* of a magazine's first record */
		bio_end_io_t *end_io;
	};
	void *private;
	union {
		unsigned int count;		/* of a magazine's records, in its first */
		unsigned int parity;		/* of the epoch */
	};
};

/* The completion of a bio that carries a record: by this it is known. */
void blk_filter_end_io(struct bio *bio);

/* -ENOMEM, and nothing is kept then. Sleeps. */
int blk_filter_records_init(void);
/* When no bio carries a record. */
void blk_filter_records_exit(void);
/* Frees what no CPU has put by. Sleeps. */
void blk_filter_records_trim(void);
/* Counts @bio as passed by @f. Preemption off. False: the pool is empty. */
bool blk_filter_record(struct blk_filter *f, struct bio *bio);
/*
 * Gives @bio, which is ending, its completion back. The record it carried is the
 * caller's, to be freed. Any context; under rcu_read_lock(), the filter is freed
 * behind that.
 */
struct bio_record *blk_filter_take_off(struct bio *bio);
void blk_filter_record_free(struct bio_record *record);
/* Has @f passed this very bio? Any context. */
bool blk_filter_is_seen(const struct blk_filter *f, const struct bio *bio);
/* Makes room in the pools. Sleeps, interrupts on; always succeeds in the end. */
void blk_filter_refill_records(void);
/* What was passed in the epoch of this parity and has not ended. Any context. */
long blk_filter_inflight(const struct blk_filter *f, unsigned int parity);

#endif /* BLK_FILTER_CORE_H */
