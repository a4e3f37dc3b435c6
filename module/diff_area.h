/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * diff_area: which blocks of one snapshotted device are saved, and the writes
 * that wait until they are.
 *
 * An area is made before the take and does nothing until it is armed. From then
 * on writes are held that would overwrite what is not saved (I1). Armed areas
 * first wait for older writes to reach the device, and hold all writes until
 * blksnap_diff_area_activate().
 */
#ifndef _BLKSNAP_DIFF_AREA_H
#define _BLKSNAP_DIFF_AREA_H

#include <linux/blk-filter.h>

#include "copy.h"
#include "geometry.h"

struct diff_area;

/*
 * What became of a device's writes, over all areas that it has had: kept by the
 * caller, so that it outlives them. Each only grows. Every write that is held is
 * released later; some of them end in the area and are not judged again.
 */
struct diff_area_counters {
	atomic64_t held_writes;
	atomic64_t released_writes;
	atomic64_t ended_writes;	/* released, and passed or ended for good */
	atomic64_t copied_bytes;
};

/*
 * An area of the filter's device, whose data goes to @copier, and which adds to
 * @counters. All three must outlive it. @timeout_ms: longest time that a write
 * waits for the storage to keep up. May sleep. ERR_PTR(-ENOMEM).
 */
struct diff_area *blksnap_diff_area_alloc(struct blkfilter *flt, struct copier *copier,
					  struct diff_area_counters *counters,
					  unsigned int timeout_ms);

/* Another @timeout_ms, before the area is armed. */
void blksnap_diff_area_set_timeout(struct diff_area *area, unsigned int timeout_ms);

/* The area is stopped (or was never armed), and nobody can reach it. May sleep. */
void blksnap_diff_area_free(struct diff_area *area);

/*
 * The take: @capacity sectors are to be preserved. With the gate closed, or
 * before anybody can reach the area. Does not sleep.
 */
void blksnap_diff_area_arm(struct diff_area *area, sector_t capacity);

/* All older writes have ended: copying may begin. Any context. */
void blksnap_diff_area_activate(struct diff_area *area);

/*
 * The area's data is lost: it lets all writes go, and its readers get EIO, for
 * good. Any context.
 */
void blksnap_diff_area_fail(struct diff_area *area);

/*
 * Lets all writes go and waits for what is under way. The filter must not bring
 * it any more (blkfilter_synchronize() was called), and the copier must be
 * stopped. May sleep.
 */
void blksnap_diff_area_stop(struct diff_area *area);

/*
 * The door for writes. True: the area has taken @bio, which is about to change
 * [@start, @start + @count). Preemption off, any context, never sleeps.
 */
bool blksnap_diff_area_hold(struct diff_area *area, struct bio *bio, sector_t start,
			    sector_t count);

/*
 * Storage of a snapshot lies here: these sectors are not copied any more, and
 * read as zeros unless saved already. May sleep. 0 or -ENOMEM.
 */
int blksnap_diff_area_exclude(struct diff_area *area, struct sector_range range);

/*
 * Before the area is armed: what was excluded is not. Nobody else may be about it.
 * May sleep.
 */
void blksnap_diff_area_forget(struct diff_area *area);

/* Where the data of the snapshot's instant is. */
enum area_source {
	AREA_ORIGIN,	/* on the device itself, unless saved meanwhile */
	AREA_STORAGE,	/* at @bdev, @sector */
	AREA_MEMORY,	/* in @copy, from @offset on; the caller puts it */
	AREA_ZERO,	/* storage, shown as zeros */
	AREA_LOST,	/* cannot be read */
};

struct area_piece {
	enum area_source source;
	sector_t count;
	struct block_device *bdev;
	sector_t sector;
	struct copy *copy;
	u32 offset;
};

/*
 * The first piece of [@start, @start + @count) that lies wholly in one place.
 * Any context.
 */
void blksnap_diff_area_find(struct diff_area *area, sector_t start, sector_t count,
			    struct area_piece *piece);

/*
 * Sees to it that the range has a place on the storage that holds its data, so
 * that it can be written there. Sleeps, at most as long as storage may take. 0;
 * -EIO if the area has failed or part of the range could not be read, -ENOSPC if
 * the storage has no room and was not given any, -ETIMEDOUT if it does not answer.
 */
int blksnap_diff_area_save(struct diff_area *area, struct sector_range range);

/* What this area alone has done. Any context. */
struct diff_area_stats {
	u64 copied_bytes;	/* read from the device, to be saved */
	u64 held_writes;	/* how often a write was held */
	u64 waiting_writes;	/* held now */
};

void blksnap_diff_area_stats(struct diff_area *area, struct diff_area_stats *stats);

/* How many of the writes counted in @counters are held now. Any context. */
u64 blksnap_diff_area_waiting_writes(const struct diff_area_counters *counters);

#endif /* _BLKSNAP_DIFF_AREA_H */
