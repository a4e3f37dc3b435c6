/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What copy.c (memory, reads, budget) and store.c (the way to the storage)
 * share of a copier, and nobody else knows.
 */
#ifndef _BLKSNAP_COPY_INTERNAL_H
#define _BLKSNAP_COPY_INTERNAL_H

#include <linux/completion.h>
#include <linux/workqueue.h>

#include "copy.h"

/* Legend: I set at creation; L under @lock; A atomic or single-word. */
struct copier {
	struct diff_storage *storage;		/* I */
	u64 budget_bytes;			/* constant from the first copy on */
	void (*fail)(void *arg, struct block_device *origin, int error);	/* I */
	void *fail_arg;				/* I */
	struct workqueue_struct *wq;		/* I */
	struct bio_set bios;			/* of copies */
	struct copy *spare;			/* I, for when there is no memory */

	raw_spinlock_t lock;			/* innermost but for workqueue locks; irqs off */
	bool is_spare_used;			/* L */
	struct list_head pages;			/* L, recycled */
	unsigned int page_count;		/* L */
	size_t memory_bytes;			/* L */
	struct list_head waiters;		/* L */
	struct list_head queue;			/* L, copies to be stored, in order */
	unsigned int queued_pages;		/* L, of them */
	bool is_short_of_room;			/* A, set under L: no place for the first */
	unsigned int room_given; /* L, counts blksnap_copier_has_room() */
	unsigned long short_since;		/* L, in jiffies, if it is short */
	int error;				/* L, once not 0 it stays */

	atomic_t stores;			/* A, on their way, and one until the stop */
	struct completion idle;
	struct delayed_work store_work;
	atomic_t hurry;				/* A, how many want stores at once */
	atomic64_t stored_bytes;		/* A */
};

int blksnap_stores_init(void);
void blksnap_stores_exit(void);
void blksnap_store_init(struct copier *copier);

/* Calls those who wait for budget; @lock is held, so that forgetting is final. */
void __blksnap_copier_call_waiters(struct copier *copier);

/* What is queued is stored without waiting for more. Any context. */
void blksnap_copier_store_now(struct copier *copier);

/* Nothing may be allotted: fatal if what is held cannot be stored either. */
void blksnap_store_budget_is_gone(struct copier *copier, struct block_device *origin);

#endif /* _BLKSNAP_COPY_INTERNAL_H */
