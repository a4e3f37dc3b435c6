/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the snapshot share, and nobody else knows: snapshot.c the
 * list and what is asked of a snapshot, take.c its instant and its end.
 */
#ifndef _BLKSNAP_SNAPSHOT_INTERNAL_H
#define _BLKSNAP_SNAPSHOT_INTERNAL_H

#include <linux/kref.h>
#include <linux/mutex.h>

#include "copy.h"
#include "diff_area.h"
#include "image.h"
#include "snapshot.h"
#include "tracker.h"

struct snapshot_device {
	struct tracker *tracker;
	struct diff_area *area;
	struct image *image;		/* shown if the state is TAKEN or CORRUPT */
	dev_t image_dev;		/* A, 0 until it is shown */
	bool is_drained;		/* during the take */
	sector_t capacity;		/* as of the take */
	struct cbt_map_info map;	/* as of the take */
};

/*
 * Legend: I set at creation; S under snapshots_lock; L under @lock; A atomic or
 * single-word.
 *
 * Lock order: @lock > snapshots_lock, and @lock > trackers_lock; below them the
 * locks of the rooms below. snapshots_lock is held only to look, or to exclude
 * storage.
 */
struct snapshot {
	struct list_head link;			/* S, empty once destroyed */
	struct kref refs;
	uuid_t id;				/* I */
	struct mutex lock;
	enum snapshot_state state;		/* L for changes; A */
	int error;				/* A, negative errno that corrupted it */
	struct snapshot_limits limits;		/* L */
	struct event_queue events;
	struct event *corrupt_event;		/* A, taken by the one who sends it */
	struct diff_storage *storage;		/* I until released */
	struct copier *copier;			/* I until released */
	bool leaves_out_storage;		/* S, from the take's preparation on */
	bool has_left_out;			/* S for changes; A: there was any */
	unsigned long removals;			/* L, of storage, when it was left out */
	unsigned int count;			/* I */
	struct snapshot_device devices[];	/* I until released, but for the take's */
};

/*
 * take.c: frees all but the structure itself. The snapshot is off the list,
 * @lock is held, its state becomes RELEASED. @undo: as in blksnap_tracker_release().
 */
void __blksnap_snapshot_release(struct snapshot *snapshot, bool undo);

/* take.c: what the copier calls when it fails; @arg is the snapshot. */
void blksnap_snapshot_copier_failed(void *arg, struct block_device *origin, int error);

/*
 * snapshot.c: all storage that lies on its devices is left out by their areas, which
 * are not armed, and so is what is appended from now on. What was left out before is
 * forgotten. May sleep. 0 or -ENOMEM.
 */
int blksnap_snapshot_leave_out_storage(struct snapshot *snapshot);

/*
 * Is all that was left out still storage? Does not sleep. What ceases to be after the
 * question is written to by somebody else only after the answer.
 */
bool blksnap_snapshot_has_left_out_right(struct snapshot *snapshot);

/* snapshot.c: takes it off the list, if it is there. */
void blksnap_snapshot_unlist(struct snapshot *snapshot);

#endif /* _BLKSNAP_SNAPSHOT_INTERNAL_H */
