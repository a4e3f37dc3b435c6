/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * diff_storage: the room in which one snapshot keeps overwritten data.
 *
 * Room is a list of ranges of block devices, appended while the snapshot lives.
 * Laid end to end they form one address space of sectors, the places
 * (place_t), handed out in order of arrival, so that random overwrites become
 * sequential stores. A place is never given back.
 *
 * Appending has two steps. Preparing does everything that can fail; the caller
 * then makes sure that the ranges are neither copied nor tracked where they lie
 * on a snapshotted device; committing puts them to use. A range belongs to at
 * most one storage at a time, of all snapshots.
 */
#ifndef _BLKSNAP_DIFF_STORAGE_H
#define _BLKSNAP_DIFF_STORAGE_H

#include <linux/blkdev.h>

#include "event_queue.h"
#include "extent_map.h"
#include "geometry.h"

struct diff_storage;

/* A range in use, or about to be. */
struct storage_range {
	struct block_device *bdev;	/* open or held by a file meanwhile */
	struct sector_range range;	/* on bdev, whole units */
};

/* Ranges prepared together; all on one device. */
struct storage_batch;

struct storage_usage {
	sector_t total;			/* sectors supplied */
	sector_t used;			/* sectors handed out */
	unsigned int range_count;
};

/*
 * An empty storage that asks on @events for more: once at creation, then once
 * per append, when a reservation leaves no more than half of @portion sectors
 * free or fails. The queue must outlive it. May sleep. ERR_PTR(-ENOMEM).
 */
struct diff_storage *blksnap_diff_storage_alloc(struct event_queue *events,
						sector_t portion);

/* Another @portion, before the first place is handed out. Any context. */
void blksnap_diff_storage_set_portion(struct diff_storage *storage, sector_t portion);

/*
 * The end, in two steps. The ranges are not storage any more, all at once: nothing
 * may be in use of them, but nobody else can have them yet, and
 * blksnap_diff_storage_range() still tells them. Then devices and files are let go
 * of. Both may sleep.
 */
void blksnap_diff_storage_unregister(struct diff_storage *storage);
void blksnap_diff_storage_free(struct diff_storage *storage);

/*
 * Checks ranges of the device @dev, opens it, and reserves them. @ranges are as
 * the user gave them: each must be inside the device, aligned to its logical
 * block, and overlap neither another nor storage already given. They are
 * rounded inward to units; those of which nothing remains are dropped. May
 * sleep. -EINVAL (with a log line that names the reason), -ENXIO no such
 * device, -ENOMEM, or what opening answers. *@batch is the caller's, to be
 * committed or abandoned.
 */
int blksnap_diff_storage_prepare_device(dev_t dev, const struct sector_range *ranges,
					unsigned int count, struct storage_batch **batch);

/*
 * The same for the blocks of a regular file on ext4 or XFS. The file is held by
 * a read-only reference of our own and locked against write, truncation and
 * relocation as a swap file is, until the storage is freed. @file itself must be
 * open for writing, as its contents are lost. What counts are the blocks up to
 * its size. Called in the context of a user process (it needs an address space
 * to ask the file system). -EBADF, -EINVAL, -EOPNOTSUPP, -EBUSY as the interface
 * header says, with a log line; or what the file system answers.
 */
int blksnap_diff_storage_prepare_file(struct file *file, struct storage_batch **batch);

/* The prepared ranges, for the caller to look at. */
unsigned int blksnap_storage_batch_count(const struct storage_batch *batch);
const struct storage_range *
blksnap_storage_batch_range(const struct storage_batch *batch,
			    unsigned int index);

/* May sleep. Committing may fail with -ENOMEM; the batch is then still the caller's. */
int blksnap_diff_storage_commit(struct diff_storage *storage,
				struct storage_batch *batch);
void blksnap_storage_batch_abandon(struct storage_batch *batch);

/*
 * Hands out @sectors in one piece of the address space, or says no. Sends the
 * low-space event when it is due. Any context.
 */
bool blksnap_diff_storage_reserve(struct diff_storage *storage, sector_t sectors,
				  place_t *place);

/*
 * Where a place is: device, sector, and how many of @sectors run on there. Any
 * context.
 */
sector_t blksnap_diff_storage_locate(struct diff_storage *storage, place_t place,
				     sector_t sectors, struct block_device **bdev,
				     sector_t *sector);

/* Any context. */
void blksnap_diff_storage_usage(struct diff_storage *storage,
				struct storage_usage *usage);

/*
 * The ranges in order of appending, index by index: 0, or -ENOENT past the
 * last. The range's device stays valid until the storage is freed.
 */
int blksnap_diff_storage_range(struct diff_storage *storage, unsigned int index,
			       struct storage_range *range);

/*
 * Calls @fn for the ranges of all snapshots, in no order, until it answers not
 * 0. Prepared ones are among them, so whoever prepares and whoever comes to
 * track a device cannot miss each other. @fn must not call back. May sleep.
 */
int blksnap_diff_storage_for_each(int (*fn)(const struct storage_range *range,
					    void *arg),
				  void *arg);

/*
 * How often ranges have ceased to be storage, be they prepared or committed. It is
 * another number before anybody else can have them. Any context.
 */
unsigned long blksnap_diff_storage_removals(void);

#endif /* _BLKSNAP_DIFF_STORAGE_H */
