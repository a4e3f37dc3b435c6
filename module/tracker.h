/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tracker: one tracked device. It has a filter, a change map, and, while a
 * snapshot is held, an area.
 *
 * A tracker lives from the first snapshot of its device until it is removed, or
 * the device is. It belongs to at most one snapshot, which claims it; what is
 * claimed stays, even if its device has gone.
 */
#ifndef _BLKSNAP_TRACKER_H
#define _BLKSNAP_TRACKER_H

#include <linux/blk-filter.h>
#include <linux/list.h>

#include "cbt_map.h"
#include "diff_area.h"
#include "geometry.h"

/*
 * Legend: I set at creation; T under trackers_lock; R published by RCU, read
 * with preemption off; P set at creation, by blksnap_tracker_prepare() and
 * blksnap_tracker_switch().
 */
struct tracker {
	struct list_head link;			/* T */
	struct blkfilter *flt;			/* I */
	struct cbt_map *map;			/* I */
	u64 __percpu *passed_writes;		/* I, counted by the filter */
	struct diff_area __rcu *area;		/* R */
	u64 diskseq;				/* P, of the disk as @map knows it */
	struct diff_area_counters counters;	/* A inside, of all its areas */
	u64 since_boottime_ns;			/* I */
	u64 since_realtime_ns;			/* I, as the clock stood then */
	bool is_claimed;			/* T */
	bool is_in_taken;			/* T, its snapshot has been taken */
	bool is_new;				/* T, made by the claim */
};

/* @ops: what is attached to tracked devices; blkfilter.private is the tracker. */
void blksnap_trackers_init(const struct blkfilter_operations *ops);

/*
 * @changed is called each time that a tracker was added or removed, with locks
 * held: it may not sleep or call back. NULL: nobody, and when this returns nobody is
 * being called. May sleep.
 */
void blksnap_trackers_set_listener(void (*changed)(void));

/* Removes all trackers. No snapshot is left. May sleep. */
void blksnap_trackers_exit(void);

/* What the filter room gives to blksnap_trackers_init(), so that calls go down only. */
void blksnap_tracker_gone(struct blkfilter *flt);

/*
 * Claims the tracker of a device for a snapshot, making one if there is none.
 * May sleep. ERR_PTR: -ENXIO no such device, -EALREADY claimed, what
 * blkfilter_attach() answers, -ENOMEM.
 */
struct tracker *blksnap_tracker_claim(dev_t dev);

/*
 * Ends a claim. With @undo a tracker that the claim made is removed again, and
 * so is one whose device has gone. May sleep.
 */
void blksnap_tracker_release(struct tracker *tracker, bool undo);

/* The claim's snapshot has been taken: the map may be read. May sleep. */
void blksnap_tracker_set_taken(struct tracker *tracker);

/* -ENXIO no such device; -ENODATA not tracked; -EBUSY claimed. May sleep. */
int blksnap_tracker_remove(dev_t dev);

/* Are two pieces of a map of the same take? */
static inline bool is_same_take(const struct cbt_map_info *a, const struct cbt_map_info *b)
{
	return a->snap_number == b->snap_number && uuid_equal(&a->generation, &b->generation);
}

/* What TRACKER_COLLECT tells. */
struct tracker_info {
	dev_t dev;
	struct cbt_map_info map;
};

/*
 * Up to @room trackers in order of first tracking; returns how many there are.
 * May sleep.
 */
unsigned int blksnap_trackers_collect(struct tracker_info *infos, unsigned int room);

/* The map of one claimed tracker. May sleep. */
void blksnap_tracker_map_info(struct tracker *tracker, struct cbt_map_info *info);

/*
 * Up to @count readable bytes of the map of a tracked device from block @first
 * on: how many, or -ENXIO no such device, -ENODEV untracked, -EPERM not in a taken
 * snapshot, -EINVAL @first beyond the end. @info: the map, the same in all pieces
 * unless a take came between. May sleep.
 */
int blksnap_tracker_read_map(dev_t dev, u32 first, u32 count, u8 *bytes,
			     struct cbt_map_info *info);

/*
 * A piece of what changed in a tracked device since the take numbered @since of
 * @generation: up to @room ranges from *@sector on, how many, or -ENODEV
 * untracked, -EPERM not in a taken snapshot, -ESTALE another generation or a
 * number never taken, -EINVAL *@sector beyond the end. *@sector is then where to
 * go on, the end of the device if all was looked at; ranges of two pieces may
 * touch. @info: the map, the same in all pieces unless a take came between. May
 * sleep.
 */
int blksnap_tracker_read_changes(dev_t dev, const uuid_t *generation, u32 since,
				 sector_t *sector, struct sector_range *ranges,
				 unsigned int room, struct cbt_map_info *info);

/* Which part a tracker has in a snapshot. */
enum tracker_state {
	TRACKER_IDLE,
	TRACKER_CLAIMED,	/* of a snapshot that is not taken yet */
	TRACKER_TAKEN,
};

/* All that is known of one tracker. Writes and bytes: since it is tracked. */
struct tracker_details {
	struct cbt_map_info map;
	struct cbt_map_counts counts;	/* zeros if not asked for */
	enum tracker_state state;
	u64 since_boottime_ns;
	u64 since_realtime_ns;
	u64 seen_writes;
	u64 held_writes;
	u64 waiting_writes;
	u64 copied_bytes;
};

/* 0 or -ENODEV. @must_count: look at each block of the map, too. May sleep. */
int blksnap_tracker_details(dev_t dev, bool must_count,
			    struct tracker_details *details);

/*
 * All ranges or none: -ENXIO no such device, -ENODEV untracked, -EINVAL a range is
 * wrong, -EINTR the caller is being killed. May sleep.
 */
int blksnap_tracker_mark_dirty(dev_t dev, const struct sector_range *ranges,
			       unsigned int count);

/* Storage was here until now: changed, for every tracker that it touches. */
void blksnap_trackers_mark_storage(struct block_device *bdev,
				   struct sector_range range);

/*
 * Storage was on @bdev until now, and trackers on devices below it may not have
 * seen the stores: a driver may hand down the very bio that no filter is to see.
 * Their maps are lost. May sleep.
 */
void blksnap_trackers_mark_below(struct block_device *bdev);

/*
 * The take, in steps. blksnap_tracker_prepare() says for how many sectors all that
 * follows is done; it may sleep and fail (-ENODEV, -EOPNOTSUPP, -ENOMEM). Readers of
 * maps are locked out from before the gates close, but not while file systems are being
 * frozen, since one of them may wait for a reader. blksnap_tracker_switch() is called
 * with the gate closed, and does not sleep. blksnap_tracker_finish() may sleep.
 */
int blksnap_tracker_prepare(struct tracker *tracker, sector_t *capacity);
void blksnap_trackers_lock_maps(void);
void blksnap_tracker_switch(struct tracker *tracker, struct diff_area *area);
void blksnap_trackers_unlock_maps(void);
void blksnap_tracker_finish(struct tracker *tracker);

/* No write meets the area any more after blkfilter_synchronize(). */
void blksnap_tracker_disarm(struct tracker *tracker);

static inline struct block_device *tracker_bdev(const struct tracker *tracker)
{
	return tracker->flt->bdev;
}

#endif /* _BLKSNAP_TRACKER_H */
