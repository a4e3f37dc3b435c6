/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * copy: old data on its way from the origin to the difference storage.
 *
 * A copy is a run of sectors that is read into memory, published by its owner
 * (who alone knows the map), and then stored. Between the two the origin's
 * writers go on, so that a write waits for one read and never for the store.
 *
 *	blksnap_copy_alloc		takes room from the memory budget
 *	blksnap_copy_read		asynchronous; the owner's read_done when it ends
 *	blksnap_copy_store		asynchronous; the owner's stored when it ends
 *	blksnap_copy_put		the last one gives the room back
 *
 * A copier serves all devices of one snapshot. If the storage has no room the
 * copies wait in memory until more is appended; when then the budget is gone as
 * well, or a store fails, the copier fails: once, for good, and tells its user.
 */
#ifndef _BLKSNAP_COPY_H
#define _BLKSNAP_COPY_H

#include <linux/bio.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>

#include "diff_storage.h"

#define COPY_MAX_SECTORS	(BIO_MAX_VECS << (PAGE_SHIFT - SECTOR_SHIFT))

struct copier;
struct copy;

struct copy_operations {
	/* The data is in memory, or could not be read. Any context. */
	void (*read_done)(struct copy *copy, blk_status_t status);
	/* The data is at @place, or (not 0) is lost: the copier has failed. Any context. */
	void (*stored)(struct copy *copy, place_t place, int error);
};

/*
 * Legend: I set by blksnap_copy_alloc() or blksnap_copy_read(); C the copier's; O the
 * owner's.
 */
struct copy {
	struct copier *copier;			/* I */
	const struct copy_operations *ops;	/* I */
	struct block_device *origin;		/* I */
	sector_t start;				/* I, on the origin */
	u32 count;				/* I, sectors */
	refcount_t refs;
	struct list_head link;			/* C, on its way to the storage */
	u32 room;				/* C, sectors of storage it takes */

	void *owner;				/* O */
	struct rb_node node;			/* O */
	struct extent *extent;			/* O */
	struct bio_list waiters;		/* O */
	bool is_ahead;				/* O, nobody has asked for it yet */
	bool is_alone;				/* O, read by itself */

	struct bio bio;				/* C, its vector holds the pages; last */
};

struct copier_stats {
	u64 memory_bytes;
	u64 stored_bytes;
};

/* Module-wide pools. */
int blksnap_copies_init(void);
void blksnap_copies_exit(void);

/*
 * @fail: called once, from any context, with a negative errno and the device
 * whose data is lost. @budget_bytes: bound of the memory in copies. May sleep.
 * ERR_PTR(-ENOMEM).
 */
struct copier *blksnap_copier_alloc(struct diff_storage *storage, u64 budget_bytes,
				    void (*fail)(void *arg, struct block_device *origin,
						 int error),
				    void *arg);

/* Another budget, before the first copy. Any context. */
void blksnap_copier_set_budget(struct copier *copier, u64 budget_bytes);

/*
 * Drops what waits for room and waits for what is being stored; copies begun
 * later are dropped too. May sleep. Then, when all copies are put, free.
 */
void blksnap_copier_stop(struct copier *copier);
void blksnap_copier_free(struct copier *copier);

/* Storage was appended: what waited for room goes on. Any context. */
void blksnap_copier_has_room(struct copier *copier);

/* For how many jiffies there has been no room on the storage; 0: there is. */
unsigned long blksnap_copier_short_for(struct copier *copier);

/* Fails the copier for a reason of its owners'. Any context. */
void blksnap_copier_fail(struct copier *copier, struct block_device *origin, int error);

void blksnap_copier_stats(struct copier *copier, struct copier_stats *stats);

/* blksnap_diff_storage_locate() on the copier's storage. */
sector_t blksnap_copier_locate(struct copier *copier, place_t place, sector_t sectors,
			       struct block_device **bdev, sector_t *sector);

/*
 * Someone who found no room in the budget and wants to be called when some is
 * given back. One call an enrolment; any context.
 */
struct copier_waiter {
	struct list_head link;
	void (*has_budget)(struct copier_waiter *waiter);
};

/*
 * Enrols @waiter, to be called when room is given or some budget is given back, if
 * the storage has no room now. Any context.
 */
bool blksnap_copier_wait_for_room(struct copier *copier, struct copier_waiter *waiter);

/*
 * From begin to end copies are stored as they come; else some time is spent on
 * waiting for others to be stored along with them. Any context.
 */
void blksnap_copier_hurry_begin(struct copier *copier);
void blksnap_copier_hurry_end(struct copier *copier);

/*
 * A copy of @count sectors, at most COPY_MAX_SECTORS, of @origin from @start on.
 * May sleep. NULL: no budget or no memory now; @waiter, if given, is enrolled
 * and will be called; if not, this was only a try, and is no reason for the copier
 * to fail. With @is_urgent the budget is no obstacle.
 */
struct copy *blksnap_copy_alloc(struct copier *copier, struct block_device *origin,
				sector_t start, u32 count,
				const struct copy_operations *ops, bool is_urgent,
				struct copier_waiter *waiter);

/* Takes @waiter off if it is enrolled; it is not called afterwards. */
void blksnap_copier_forget(struct copier *copier, struct copier_waiter *waiter);

/* May sleep as submit_bio() does. */
void blksnap_copy_read(struct copy *copy);

/* Any context. The reference goes to the copier, which passes it to ops->stored. */
void blksnap_copy_store(struct copy *copy);

static inline void copy_get(struct copy *copy)
{
	refcount_inc(&copy->refs);
}

/* Any context. */
void blksnap_copy_put(struct copy *copy);

/* Copies data at sector @offset of a read copy into @bio's present range. */
void blksnap_copy_to_bio(struct copy *copy, u32 offset, struct bio *bio);

#endif /* _BLKSNAP_COPY_H */
