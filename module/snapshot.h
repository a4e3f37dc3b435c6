/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snapshot: a set of devices frozen at one instant.
 *
 * A snapshot is found by its id, which takes a reference; what is done with it
 * after it was destroyed answers -ESRCH.
 */
#ifndef _BLKSNAP_SNAPSHOT_H
#define _BLKSNAP_SNAPSHOT_H

#include <linux/uuid.h>

#include "cbt_map.h"
#include "diff_area.h"
#include "diff_storage.h"
#include "event_queue.h"

struct snapshot;

enum snapshot_state {
	SNAPSHOT_NEW,		/* may be taken */
	SNAPSHOT_TAKEN,		/* images are shown */
	SNAPSHOT_CORRUPT,	/* images answer EIO */
	SNAPSHOT_RELEASED,	/* gone, but for those who still hold it */
};

/* All may sleep. */

/*
 * A new snapshot of @count devices. Errors as IOCTL_BLK_SNAP_SNAPSHOT_CREATE
 * documents; -EBUSY also if storage of another snapshot lies above a device.
 */
int blksnap_snapshot_create(const dev_t *devs, unsigned int count, uuid_t *id);

/* NULL: there is none. */
struct snapshot *blksnap_snapshot_find(const uuid_t *id);
void blksnap_snapshot_put(struct snapshot *snapshot);

/* Up to @room ids in order of creation; returns how many there are. */
unsigned int blksnap_snapshots_collect(uuid_t *ids, unsigned int room);

/*
 * 0 or -ESRCH if somebody else has. @undo: its creation was in vain; trackers that it
 * made go as well.
 */
int blksnap_snapshot_destroy(struct snapshot *snapshot, bool undo);

/*
 * Puts prepared storage to use. The batch is gone afterwards in any case. 0,
 * -ESRCH, -EINVAL it lies above a snapshotted device, -ENOMEM.
 */
int blksnap_snapshot_append(struct snapshot *snapshot, struct storage_batch *batch);

/* Errors as IOCTL_BLK_SNAP_SNAPSHOT_TAKE documents. */
int blksnap_snapshot_take(struct snapshot *snapshot);

/* See blksnap_event_queue_wait(). */
struct event *blksnap_snapshot_wait_event(struct snapshot *snapshot, u32 timeout_ms);

/* What one snapshot may use. */
struct snapshot_limits {
	u64 memory_bytes;		/* of saved data on its way to the storage */
	u32 storage_timeout_ms;		/* that a write waits without progress */
	sector_t portion;		/* of storage that an event asks for */
};

/*
 * Others than the parameters said at creation, where they are not 0. 0, -ESRCH, or
 * -EALREADY: it has been taken.
 */
int blksnap_snapshot_set_limits(struct snapshot *snapshot,
				const struct snapshot_limits *limits);

struct snapshot_device_info {
	dev_t origin;
	dev_t image;			/* 0 before the take */
	char image_name[DISK_NAME_LEN];
	sector_t capacity;
	struct cbt_map_info map;
	struct diff_area_stats stats;
};

unsigned int blksnap_snapshot_device_count(const struct snapshot *snapshot);

/* -ENODEV: not taken; @info is filled as far as it goes. -ESRCH: released. */
int blksnap_snapshot_device_info(struct snapshot *snapshot, unsigned int index,
				 struct snapshot_device_info *info);

struct snapshot_info {
	enum snapshot_state state;
	int error;			/* positive errno, or 0 */
	struct storage_usage storage;
	u64 memory_bytes;
	u64 stored_bytes;
	struct diff_area_stats stats;	/* summed over the devices */
	struct snapshot_limits limits;
};

/* 0 or -ESRCH. */
int blksnap_snapshot_info(struct snapshot *snapshot, struct snapshot_info *info);

/* 0, -ENOENT past the last, or -ESRCH. @dev instead of a pointer: no lifetime. */
int blksnap_snapshot_storage_range(struct snapshot *snapshot, unsigned int index,
				   dev_t *dev, struct sector_range *range);

/* What can be told of a snapshot without waiting for a call that is under way. */
struct snapshot_summary {
	uuid_t id;
	struct storage_usage storage;
};

/* The snapshot that @dev is in. False, and zeros: in none. */
bool blksnap_snapshot_summary_of(dev_t dev, struct snapshot_summary *summary);

/* The original of a shown image, or 0 if @image is none, or the original has gone. */
dev_t blksnap_snapshot_origin_of(dev_t image);

#endif /* _BLKSNAP_SNAPSHOT_H */
