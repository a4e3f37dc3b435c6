// SPDX-License-Identifier: GPL-2.0-only
/*
 * take: the instant of a snapshot, and its end.
 *
 *	prepare		everything that can fail
 *	leave out	what is storage on the devices
 *	freeze		file systems, so that the image is clean
 *	barrier		the gates of all devices are closed before the first is
 *			opened: if write B was submitted after write A ended, no
 *			snapshot holds B without A (I8)
 *	thaw
 *	drain		for each device: what was passed before the barrier
 *			reaches it; meanwhile new writes to it are held. Not
 *			inside the barrier: where one device lies on another, the
 *			writes under way on the upper are new writes to the lower
 *	show		the images appear
 *
 * Every wait has a time-out. A failure destroys the snapshot. Storage that is given
 * back between "leave out" and the barrier is none: then the barrier does nothing, and
 * it goes on from "leave out" once more (snapshot.c says why that is right).
 *
 * The states, and who changes them (set_state()):
 *
 *	NEW	-> TAKEN	blksnap_snapshot_take()
 *	TAKEN	-> CORRUPT	blksnap_snapshot_copier_failed(), from any context; and
 *				blksnap_snapshot_take(), if that came before it
 *	any	-> RELEASED	__blksnap_snapshot_release(); never left
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blk-filter-inject.h>
#include <linux/blksnap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "freeze.h"
#include "params.h"
#include "snapshot_internal.h"

/* So often storage on the devices may be given back while file systems freeze. */
#define TRIES	10

static const bool may_follow[][SNAPSHOT_RELEASED + 1] = {
	[SNAPSHOT_NEW] = { [SNAPSHOT_TAKEN] = true, [SNAPSHOT_RELEASED] = true },
	[SNAPSHOT_TAKEN] = { [SNAPSHOT_CORRUPT] = true, [SNAPSHOT_RELEASED] = true },
	[SNAPSHOT_CORRUPT] = { [SNAPSHOT_RELEASED] = true },
	[SNAPSHOT_RELEASED] = { },
};

static bool set_state(struct snapshot *snapshot, enum snapshot_state to)
{
	enum snapshot_state from;

	do {
		from = READ_ONCE(snapshot->state);
		if (!may_follow[from][to])
			return false;
	} while (cmpxchg(&snapshot->state, from, to) != from);
	return true;
}

/* Any context. All held writes go. */
static void fail_areas(struct snapshot *snapshot)
{
	unsigned int i;

	for (i = 0; i < snapshot->count; i++)
		if (snapshot->devices[i].area)
			blksnap_diff_area_fail(snapshot->devices[i].area);
}

/* Any context. Before the snapshot is taken only the error is noted. */
void blksnap_snapshot_copier_failed(void *arg, struct block_device *origin, int error)
{
	struct snapshot *snapshot = arg;
	struct blk_snap_event_corrupted data = {
		.orig_dev_id = { MAJOR(origin->bd_dev), MINOR(origin->bd_dev) },
		.err_code = -error,
	};
	struct event *event;

	WRITE_ONCE(snapshot->error, error);
	fail_areas(snapshot);
	set_state(snapshot, SNAPSHOT_CORRUPT);
	event = xchg(&snapshot->corrupt_event, NULL);
	if (event)
		blksnap_event_queue_send(&snapshot->events, event,
					 blk_snap_event_code_corrupted, &data, sizeof(data));
	pr_err("snapshot %pUb: the data of %pg can be kept no more: error %d%s\n",
	       &snapshot->id, origin, error,
	       error == -ENOSPC ? ", the storage is full" : "");
}

static void free_images(struct snapshot *snapshot)
{
	unsigned int i;

	for (i = 0; i < snapshot->count; i++) {
		blksnap_image_free(snapshot->devices[i].image);
		snapshot->devices[i].image = NULL;
	}
}

/* Nobody copies or stores any more: the ranges may get other contents now. */
static void mark_storage_changed(struct snapshot *snapshot)
{
	struct gendisk *last = NULL;
	struct storage_range range;
	unsigned int i;

	for (i = 0; !blksnap_diff_storage_range(snapshot->storage, i, &range); i++) {
		blksnap_trackers_mark_storage(range.bdev, range.range);
		if (range.bdev->bd_disk != last)
			blksnap_trackers_mark_below(range.bdev);
		last = range.bdev->bd_disk;
	}
}

/*
 * Phases, each the ground of the next:
 * (1) no waiter gets an event, areas hold nothing and save nothing any more;
 * (2) nothing is being stored, and what is read later is dropped: so that no
 *     I/O to an image waits for room;
 * (3) the images are gone;
 * (4) no write meets an area;
 * (5) all that was held is on its way, no copy is left, and nobody walks over
 *     the areas to fail them: only then is the first of them freed;
 * (6) the storage is given back, the trackers are free.
 * It also undoes a creation half done: what is not there yet is NULL.
 */
void __blksnap_snapshot_release(struct snapshot *snapshot, bool undo)
{
	unsigned int i;

	lockdep_assert_held(&snapshot->lock);
	blksnap_event_queue_close(&snapshot->events);
	fail_areas(snapshot);
	if (snapshot->copier)
		blksnap_copier_stop(snapshot->copier);
	free_images(snapshot);

	for (i = 0; i < snapshot->count; i++)
		if (snapshot->devices[i].tracker)
			blksnap_tracker_disarm(snapshot->devices[i].tracker);
	blkfilter_synchronize();

	for (i = 0; i < snapshot->count; i++)
		if (snapshot->devices[i].area)
			blksnap_diff_area_stop(snapshot->devices[i].area);
	for (i = 0; i < snapshot->count; i++)
		if (snapshot->devices[i].area)
			blksnap_diff_area_free(snapshot->devices[i].area);

	if (snapshot->copier)
		blksnap_copier_free(snapshot->copier);
	if (snapshot->storage) {
		/*
		 * Marked on both sides. Behind: a take that still leaves it out ends the
		 * period before the mark, and what it will hold is written later still.
		 * Before: a take that finds it no storage any more must have the mark
		 * of what was stored.
		 */
		mark_storage_changed(snapshot);
		blksnap_diff_storage_unregister(snapshot->storage);
		mark_storage_changed(snapshot);
		blksnap_diff_storage_free(snapshot->storage);
	}
	for (i = 0; i < snapshot->count; i++)
		if (snapshot->devices[i].tracker)
			blksnap_tracker_release(snapshot->devices[i].tracker, undo);
	blksnap_event_free(xchg(&snapshot->corrupt_event, NULL));
	set_state(snapshot, SNAPSHOT_RELEASED);
}

static int prepare(struct snapshot *snapshot, unsigned int timeout_ms)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(timeout_ms);
	unsigned int i;
	int ret;

	for (i = 0; i < snapshot->count; i++) {
		struct snapshot_device *device = &snapshot->devices[i];
		struct block_device *bdev = tracker_bdev(device->tracker);

		ret = blksnap_tracker_prepare(device->tracker, &device->capacity);
		if (ret)
			return ret;
		device->image = blksnap_image_alloc(bdev, device->area,
						    device->tracker->map);
		if (IS_ERR(device->image)) {
			ret = PTR_ERR(device->image);
			device->image = NULL;
			return ret;
		}
		/* The epoch before the last must have ended to start another one. */
		ret = blkfilter_wait_drained(device->tracker->flt, deadline);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * No memory may be had by I/O in here: that I/O might wait at a gate. False: nothing
 * was done, since what is left out is not storage any more.
 */
static bool barrier_over_all(struct snapshot *snapshot)
{
	unsigned int noio = memalloc_noio_save();
	bool is_right;
	unsigned int i;

	for (i = 0; i < snapshot->count; i++)
		blkfilter_close_gate(snapshot->devices[i].tracker->flt);
	inject_delay(1000);
	blkfilter_synchronize();
	is_right = blksnap_snapshot_has_left_out_right(snapshot);
	inject_delay(1000);
	for (i = 0; i < snapshot->count && is_right; i++) {
		struct snapshot_device *device = &snapshot->devices[i];

		blksnap_diff_area_arm(device->area, device->capacity);
		blksnap_tracker_switch(device->tracker, device->area);
		inject_delay(1000);
	}
	for (i = 0; i < snapshot->count; i++)
		blkfilter_open_gate(snapshot->devices[i].tracker->flt);
	memalloc_noio_restore(noio);
	return is_right;
}

static int freeze_and_switch(struct snapshot *snapshot, unsigned int timeout_ms,
			     bool *is_switched)
{
	struct block_device **bdevs;
	struct freeze *freeze;
	unsigned int i;

	bdevs = kcalloc(snapshot->count, sizeof(*bdevs), GFP_KERNEL);
	if (!bdevs)
		return -ENOMEM;
	for (i = 0; i < snapshot->count; i++)
		bdevs[i] = tracker_bdev(snapshot->devices[i].tracker);
	freeze = blksnap_freeze_devices(bdevs, snapshot->count, timeout_ms);
	if (!IS_ERR(freeze)) {
		/*
		 * Not before: who reads a map on behalf of a file system, as sendfile()
		 * from sysfs does, has to come to an end to let that freeze.
		 */
		blksnap_trackers_lock_maps();
		*is_switched = barrier_over_all(snapshot);
		blksnap_trackers_unlock_maps();
		blksnap_freeze_thaw(freeze);
	}
	kfree(bdevs);
	return PTR_ERR_OR_ZERO(freeze);
}

static int leave_out_and_switch(struct snapshot *snapshot, unsigned int timeout_ms)
{
	bool is_switched = false;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < TRIES && !ret && !is_switched; i++)
		ret = blksnap_snapshot_leave_out_storage(snapshot) ?:
		      freeze_and_switch(snapshot, timeout_ms, &is_switched);
	if (ret || is_switched)
		return ret;
	pr_err("snapshot %pUb: not taken, as storage on its devices was given back %u times meanwhile; try again\n",
	       &snapshot->id, TRIES);
	return -EBUSY;
}

/*
 * All at a time: where one device lies on another, the writes under way on the
 * upper one end only when the lower one is through.
 */
static int drain(struct snapshot *snapshot, unsigned int timeout_ms)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(timeout_ms);
	unsigned int left = snapshot->count, i;
	bool is_last = false;

	for (i = 0; i < snapshot->count; i++)
		snapshot->devices[i].is_drained = false;
	while (left) {
		for (i = 0; i < snapshot->count; i++) {
			struct snapshot_device *device = &snapshot->devices[i];

			if (device->is_drained)
				continue;
			if (!blkfilter_wait_drained(device->tracker->flt, jiffies - 1)) {
				blksnap_diff_area_activate(device->area);
				device->is_drained = true;
				left--;
			} else if (is_last) {
				pr_err("%pg: writes that were under way did not end in %u ms\n",
				       tracker_bdev(device->tracker), timeout_ms);
				return -ETIMEDOUT;
			}
		}
		if (left)
			schedule_timeout_uninterruptible(1);
		is_last = time_after(jiffies, deadline);
	}
	return 0;
}

static int show(struct snapshot *snapshot)
{
	unsigned int i;
	int ret;

	for (i = 0; i < snapshot->count; i++) {
		struct snapshot_device *device = &snapshot->devices[i];

		blksnap_tracker_finish(device->tracker);
		blksnap_tracker_map_info(device->tracker, &device->map);
		blksnap_tracker_set_taken(device->tracker);
		ret = blksnap_image_show(device->image, device->capacity);
		if (ret)
			return ret;
		WRITE_ONCE(device->image_dev, blksnap_image_dev(device->image));
	}
	return 0;
}

static int __take(struct snapshot *snapshot)
{
	unsigned int timeout_ms = READ_ONCE(blksnap_take_timeout_ms);
	int ret;

	ret = prepare(snapshot, timeout_ms) ?:
	      leave_out_and_switch(snapshot, timeout_ms) ?:
	      drain(snapshot, timeout_ms) ?:
	      show(snapshot);
	if (ret)
		return ret;
	set_state(snapshot, SNAPSHOT_TAKEN);
	/* An area that failed before there was a state to leave. */
	if (READ_ONCE(snapshot->error))
		set_state(snapshot, SNAPSHOT_CORRUPT);
	return 0;
}

int blksnap_snapshot_take(struct snapshot *snapshot)
{
	struct storage_usage usage;
	int ret = 0;

	mutex_lock(&snapshot->lock);
	if (snapshot->state == SNAPSHOT_RELEASED) {
		ret = -ESRCH;
	} else if (snapshot->state != SNAPSHOT_NEW) {
		ret = -EALREADY;
	} else {
		blksnap_diff_storage_usage(snapshot->storage, &usage);
		if (!usage.total)
			ret = -EFAULT;
	}
	if (ret)
		goto out;
	ret = __take(snapshot);
	if (ret) {
		/* Before any lock: its owner may wait for a write that is held here. */
		fail_areas(snapshot);
		blksnap_snapshot_unlist(snapshot);
		__blksnap_snapshot_release(snapshot, false);
	}
out:
	mutex_unlock(&snapshot->lock);
	return ret;
}
