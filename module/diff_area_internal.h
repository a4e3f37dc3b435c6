/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the area share, and nobody else knows:
 * diff_area.c the way of a write, area_copy.c that of the data it would overwrite,
 * area_image.c what the image asks for, region.c the map.
 */
#ifndef _BLKSNAP_DIFF_AREA_INTERNAL_H
#define _BLKSNAP_DIFF_AREA_INTERNAL_H

#include <linux/completion.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "diff_area.h"
#include "extent_map.h"

/*
 * NEW -> ARMED -> ACTIVE, and from each of them -> FAILED -> STOPPED, or
 * straight to STOPPED. In NEW, FAILED and STOPPED every write is let go.
 */
enum area_state { AREA_NEW, AREA_ARMED, AREA_ACTIVE, AREA_FAILED, AREA_STOPPED };

/* A GiB of the device: what of it is saved, and what is being copied. */
struct region {
	unsigned long index;		/* constant */
	raw_spinlock_t lock;		/* irqs off; nothing nests in it */
	struct extent_map
		saved; /* read without the lock: blksnap_extent_map_covers() */
	struct rb_root
		copies; /* under @lock; from blksnap_copy_read() until stored */
};

/* A range of first touches that were in sequence, copies ahead included. */
struct run {
	sector_t start, end;
};

/* So many writers in sequence are told apart. */
#define RUNS	4

/*
 * Legend: I set at creation; G set with the gate closed; L under @lock; W used
 * by the worker alone; A atomic or single-word.
 */
struct diff_area {
	struct blkfilter *flt;			/* I */
	struct copier *copier;			/* I */
	struct diff_area_counters *counters;	/* I, A inside */
	struct diff_area_stats before;		/* I, what was in them before us */
	u32 unit;				/* I, sectors */
	unsigned long stall_timeout;		/* jiffies; constant once armed */
	sector_t capacity;			/* G */
	enum area_state state;			/* A, changed by set_state() */
	struct xarray regions;			/* struct region, made on demand */
	struct region *recent;			/* A, of them; NULL: there is none */
	u64 diskseq;				/* G, the origin's medium */

	/* Above is what every write reads; from here on what those that are held write. */
	/* irqs off; workqueue locks nest in it */
	raw_spinlock_t lock ____cacheline_aligned_in_smp;
	struct bio_list incoming;		/* L, held writes */
	struct bio_list released;		/* L, to be resubmitted */
	bool is_busy;				/* L, the worker will look again */
	struct list_head failed_reads;		/* L, copies */
	struct sector_range request;		/* L, of an image, to be copied; or empty */
	struct sector_range requested;		/* W, the latest for which copies were started */
	struct bio_list stalled;		/* W, waiting for budget */
	bool has_progressed;			/* W, a copy was started since the last look */
	bool is_watched;			/* W, the stall's time runs */
	bool is_overdue;			/* A, it has run out */
	unsigned long stalled_since;		/* W, jiffies; or since the last progress */
	bool lacks_memory;			/* A, for the map, since the last progress */
	struct run runs[RUNS];			/* W, the latest, for copies ahead */
	unsigned int next_run;			/* W, to be forgotten for a new one */

	struct workqueue_struct *wq;		/* I */
	struct work_struct work;
	struct delayed_work stall_work;
	struct delayed_work retry_work;
	struct copier_waiter budget_waiter;
	wait_queue_head_t progress;		/* of those who wait in area_image.c */

	atomic_t reads;				/* A, that the origin has not answered */
	unsigned long last_read;		/* A, jiffies at the last answer */
	atomic_t copies;			/* A, on their way, and one until the stop */
	struct completion idle;
};

/* region.c */
struct region *blksnap_region_find(struct diff_area *area, sector_t sector);
/* NULL: no memory. */
struct region *blksnap_region_get(struct diff_area *area, sector_t sector, gfp_t gfp);
void blksnap_regions_free(struct diff_area *area);

static inline u32 region_offset(sector_t sector)
{
	return sector & (REGION_SECTORS - 1);
}

/* Sectors of [start, start + count) that lie in the region of @start. */
static inline u32 region_clip(sector_t start, sector_t count)
{
	return min_t(sector_t, count, REGION_SECTORS - region_offset(start));
}

/* Is it all saved? Lockless, may wrongly say no. */
bool blksnap_region_covers(struct diff_area *area, sector_t start, sector_t count);

/*
 * The first piece of a range within a region in one state: saved, or being
 * copied (@copy is set), or neither. The region's lock is held.
 */
struct extent_piece __blksnap_region_look(struct region *region, sector_t start,
					  u32 count, struct copy **copy);
struct copy *__blksnap_region_copy_at(struct region *region, sector_t start, u32 count);
void __blksnap_region_add_copy(struct region *region, struct copy *copy);

/* area_copy.c; all of it for the worker only */
enum outcome { STARTED, STALLED };
enum copy_need {
	COPY_AHEAD,		/* if there is budget and memory; fails nothing */
	COPY_GUESSED,		/* the same, of what may be no longer fresh */
	COPY_NEEDED,		/* without budget: the worker is called when there is some */
	COPY_URGENT,		/* the budget is no obstacle; read by itself */
};

/*
 * Copies of all of @range that is neither saved nor being copied, each of up to
 * @most sectors. @bio, if given, is hung to the first one: then it is NULL.
 */
enum outcome blksnap_area_start_copies(struct diff_area *area,
				       struct sector_range range, u32 most,
				       enum copy_need need, struct bio **bio);
/* @range is touched for the first time: copies what is likely to come next. */
void blksnap_area_copy_ahead(struct diff_area *area, struct sector_range range);
void blksnap_area_retry_reads(struct diff_area *area);

/* diff_area.c */
/* Bios of a copy that has been read are to go on: @bios is empty then. Any context. */
void blksnap_area_release(struct diff_area *area, struct bio_list *bios);
void blksnap_area_kick(struct diff_area *area);
/* There was no memory for the map: the worker is called again in a moment. */
void blksnap_area_retry_soon(struct diff_area *area);
void blksnap_area_wake_progress(struct diff_area *area);
void blksnap_area_copy_ended(struct diff_area *area);
/* The origin has answered. Any context. */
void blksnap_area_read_ended(struct diff_area *area);
/*
 * Has the origin another medium than at the take? Then the snapshot has failed. Asked
 * behind a read of the origin. Any context.
 */
bool blksnap_area_lost_medium(struct diff_area *area);

static inline enum area_state area_state(const struct diff_area *area)
{
	return READ_ONCE(area->state);
}

static inline bool area_is_readable(const struct diff_area *area)
{
	enum area_state state = area_state(area);

	return state == AREA_ARMED || state == AREA_ACTIVE;
}

#endif /* _BLKSNAP_DIFF_AREA_INTERNAL_H */
