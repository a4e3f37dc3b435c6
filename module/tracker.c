// SPDX-License-Identifier: GPL-2.0-only
/*
 * tracker: the list of tracked devices.
 *
 * A tracker that was seen on the list under trackers_lock can be used as long
 * as the lock is held, or as long as it is claimed. A device that goes away
 * takes its tracker off the list at once, unless that is claimed: then the
 * snapshot's release does.
 *
 * Lock order: trackers_lock > map_lock > the filter core's locks; and
 * trackers_lock > the disks' open_mutex (blksnap_stack_is_above()).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "params.h"
#include "stack.h"
#include "tracker.h"

/* Blocks looked at in one go: a take, with file systems frozen, waits for no more. */
#define SCAN_BLOCKS	65536

static DEFINE_MUTEX(trackers_lock);
static DECLARE_RWSEM(map_lock);		/* readers of maps against a take */
static LIST_HEAD(trackers);
static struct work_struct gone_work;
static const struct blkfilter_operations *filter_ops;
static void (*listener)(void);		/* under trackers_lock */

static dev_t tracker_dev(const struct tracker *tracker)
{
	return tracker_bdev(tracker)->bd_dev;
}

static struct tracker *__find(dev_t dev)
{
	struct tracker *tracker;

	lockdep_assert_held(&trackers_lock);
	list_for_each_entry(tracker, &trackers, link)
		if (tracker_dev(tracker) == dev && !blkfilter_is_gone(tracker->flt))
			return tracker;
	return NULL;
}

static void tracker_free(struct tracker *tracker)
{
	blksnap_cbt_map_free(tracker->map);
	free_percpu(tracker->passed_writes);
	kfree(tracker);
}

static void __tell_changed(void)
{
	lockdep_assert_held(&trackers_lock);
	if (listener)
		listener();
}

static void __remove(struct tracker *tracker)
{
	lockdep_assert_held(&trackers_lock);
	list_del(&tracker->link);
	__tell_changed();
	blkfilter_detach(tracker->flt);
	tracker_free(tracker);
}

static void remove_gone(struct work_struct *work)
{
	struct tracker *tracker, *next;

	mutex_lock(&trackers_lock);
	list_for_each_entry_safe(tracker, next, &trackers, link)
		if (!tracker->is_claimed && blkfilter_is_gone(tracker->flt))
			__remove(tracker);
	/* One that is claimed stays, but is not told of any more. */
	__tell_changed();
	mutex_unlock(&trackers_lock);
}

void blksnap_tracker_gone(struct blkfilter *flt)
{
	schedule_work(&gone_work);
}

static struct tracker *tracker_make(struct block_device *bdev)
{
	struct tracker *tracker = kzalloc(sizeof(*tracker), GFP_KERNEL);
	int ret = -ENOMEM;

	if (!tracker)
		return ERR_PTR(-ENOMEM);
	tracker->passed_writes = alloc_percpu(u64);
	if (!tracker->passed_writes)
		goto out;
	tracker->map = blksnap_cbt_map_alloc(bdev_nr_sectors(bdev),
					     READ_ONCE(blksnap_tracking_block_minimum_shift),
					     READ_ONCE(blksnap_tracking_block_maximum_count));
	if (IS_ERR(tracker->map)) {
		ret = PTR_ERR(tracker->map);
		tracker->map = NULL;
		goto out;
	}
	tracker->diskseq = bdev->bd_disk->diskseq;
	tracker->since_boottime_ns = ktime_get_boottime_ns();
	tracker->since_realtime_ns = ktime_get_real_ns();
	tracker->flt = blkfilter_attach(bdev, filter_ops, tracker,
					READ_ONCE(blksnap_take_timeout_ms));
	if (IS_ERR(tracker->flt)) {
		ret = PTR_ERR(tracker->flt);
		goto out;
	}
	return tracker;

out:
	tracker_free(tracker);
	return ERR_PTR(ret);
}

struct tracker *blksnap_tracker_claim(dev_t dev)
{
	struct file *file;
	struct tracker *tracker;

	file = bdev_file_open_by_dev(dev, BLK_OPEN_READ, NULL, NULL);
	if (IS_ERR(file))
		return ERR_CAST(file);
	mutex_lock(&trackers_lock);
	tracker = __find(dev);
	/* A partition that was removed, and another one that got its number. */
	if (tracker && !tracker->is_claimed &&
	    tracker_bdev(tracker) != file_bdev(file)) {
		__remove(tracker);
		tracker = NULL;
	}
	if (tracker && tracker->is_claimed) {
		tracker = ERR_PTR(-EALREADY);
	} else if (tracker) {
		tracker->is_claimed = true;
		tracker->is_new = false;
	} else {
		tracker = tracker_make(file_bdev(file));
		if (!IS_ERR(tracker)) {
			tracker->is_claimed = true;
			tracker->is_new = true;
			list_add_tail(&tracker->link, &trackers);
			__tell_changed();
		}
	}
	mutex_unlock(&trackers_lock);
	bdev_fput(file);
	return tracker;
}

void blksnap_tracker_set_taken(struct tracker *tracker)
{
	mutex_lock(&trackers_lock);
	tracker->is_in_taken = true;
	mutex_unlock(&trackers_lock);
}

void blksnap_tracker_release(struct tracker *tracker, bool undo)
{
	mutex_lock(&trackers_lock);
	tracker->is_claimed = false;
	tracker->is_in_taken = false;
	if ((undo && tracker->is_new) || blkfilter_is_gone(tracker->flt))
		__remove(tracker);
	mutex_unlock(&trackers_lock);
}

/* Why a device has no tracker: it is not there, or it is not tracked. */
static int why_untracked(dev_t dev, int untracked)
{
	struct file *file = bdev_file_open_by_dev(dev, BLK_OPEN_READ, NULL, NULL);

	if (IS_ERR(file))
		return PTR_ERR(file);
	bdev_fput(file);
	return untracked;
}

int blksnap_tracker_remove(dev_t dev)
{
	struct tracker *tracker;
	int ret = 0;

	mutex_lock(&trackers_lock);
	tracker = __find(dev);
	if (tracker && tracker->is_claimed)
		ret = -EBUSY;
	else if (tracker)
		__remove(tracker);
	mutex_unlock(&trackers_lock);
	return tracker ? ret : why_untracked(dev, -ENODATA);
}

void blksnap_tracker_map_info(struct tracker *tracker, struct cbt_map_info *info)
{
	down_read(&map_lock);
	blksnap_cbt_map_info(tracker->map, info);
	up_read(&map_lock);
}

unsigned int blksnap_trackers_collect(struct tracker_info *infos, unsigned int room)
{
	struct tracker *tracker;
	unsigned int count = 0;

	mutex_lock(&trackers_lock);
	list_for_each_entry(tracker, &trackers, link) {
		if (blkfilter_is_gone(tracker->flt))
			continue;
		if (count < room) {
			infos[count].dev = tracker_dev(tracker);
			blksnap_tracker_map_info(tracker, &infos[count].map);
		}
		count++;
	}
	mutex_unlock(&trackers_lock);
	return count;
}

int blksnap_tracker_read_map(dev_t dev, u32 first, u32 count, u8 *bytes,
			     struct cbt_map_info *info)
{
	struct tracker *tracker;
	int ret;

	mutex_lock(&trackers_lock);
	tracker = __find(dev);
	if (!tracker) {
		mutex_unlock(&trackers_lock);
		return why_untracked(dev, -ENODEV);
	}
	if (!tracker->is_in_taken) {
		ret = -EPERM;
		goto out;
	}
	down_read(&map_lock);
	blksnap_cbt_map_info(tracker->map, info);
	if (first > info->block_count) {
		ret = -EINVAL;
	} else {
		ret = min(count, info->block_count - first);
		blksnap_cbt_map_read(tracker->map, first, ret, bytes);
	}
	up_read(&map_lock);
out:
	mutex_unlock(&trackers_lock);
	return ret;
}

/* The map cannot change its shape: map_lock is held. */
static unsigned int __read_changes(const struct cbt_map *map,
				   const struct cbt_map_info *info, u8 since,
				   sector_t *sector, struct sector_range *ranges,
				   unsigned int room)
{
	u32 shift = info->block_shift - SECTOR_SHIFT;
	u32 block = *sector >> shift;
	u32 end = min_t(u64, (u64)block + SCAN_BLOCKS, info->block_count);
	unsigned int count;

	count = blksnap_cbt_map_changes(map, since, &block, end, ranges, room);
	/* In the middle of a block: what lies before was asked for already. */
	if (count && ranges[0].start < *sector) {
		ranges[0].count -= *sector - ranges[0].start;
		ranges[0].start = *sector;
	}
	*sector = min((sector_t)block << shift, info->capacity);
	return count;
}

int blksnap_tracker_read_changes(dev_t dev, const uuid_t *generation, u32 since,
				 sector_t *sector, struct sector_range *ranges,
				 unsigned int room, struct cbt_map_info *info)
{
	struct tracker *tracker;
	int ret = -ENODEV;

	mutex_lock(&trackers_lock);
	tracker = __find(dev);
	if (!tracker)
		goto out;
	if (!tracker->is_in_taken) {
		ret = -EPERM;
		goto out;
	}
	down_read(&map_lock);
	blksnap_cbt_map_info(tracker->map, info);
	if (!uuid_equal(generation, &info->generation) || since > info->snap_number)
		ret = -ESTALE;
	else if (*sector > info->capacity)
		ret = -EINVAL;
	else if (*sector == info->capacity)
		ret = 0;
	else
		ret = __read_changes(tracker->map, info, since, sector, ranges, room);
	up_read(&map_lock);
out:
	mutex_unlock(&trackers_lock);
	return ret;
}

static u64 passed_writes(const struct tracker *tracker)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(tracker->passed_writes, cpu));
	return sum;
}

/*
 * Each write ends up in one of three places: passed by the filter, ended by an
 * area, or still waiting in one.
 */
static void read_counters(struct tracker *tracker, struct tracker_details *details)
{
	details->waiting_writes = blksnap_diff_area_waiting_writes(&tracker->counters);
	details->held_writes = atomic64_read(&tracker->counters.held_writes);
	details->copied_bytes = atomic64_read(&tracker->counters.copied_bytes);
	details->seen_writes = passed_writes(tracker) + details->waiting_writes +
			       atomic64_read(&tracker->counters.ended_writes);
}

/* A piece in one go; from the start again if a take comes between two. */
static void count_changes(struct cbt_map *map, struct tracker_details *details)
{
	struct cbt_map_info info = details->map;
	u32 block = 0;

	while (block < info.block_count) {
		u32 count = min_t(u32, SCAN_BLOCKS, info.block_count - block);

		down_read(&map_lock);
		blksnap_cbt_map_info(map, &info);
		if (is_same_take(&info, &details->map)) {
			blksnap_cbt_map_count(map, block, count, &details->counts);
			block += count;
		} else {
			details->map = info;
			details->counts = (struct cbt_map_counts){ };
			block = 0;
		}
		up_read(&map_lock);
		cond_resched();
	}
}

int blksnap_tracker_details(dev_t dev, bool must_count, struct tracker_details *details)
{
	struct tracker *tracker;

	memset(details, 0, sizeof(*details));
	mutex_lock(&trackers_lock);
	tracker = __find(dev);
	if (!tracker) {
		mutex_unlock(&trackers_lock);
		return -ENODEV;
	}
	details->state = tracker->is_in_taken ? TRACKER_TAKEN :
			 tracker->is_claimed ? TRACKER_CLAIMED : TRACKER_IDLE;
	details->since_boottime_ns = tracker->since_boottime_ns;
	details->since_realtime_ns = tracker->since_realtime_ns;
	read_counters(tracker, details);
	blksnap_tracker_map_info(tracker, &details->map);
	if (must_count)
		count_changes(tracker->map, details);
	mutex_unlock(&trackers_lock);
	return 0;
}

/* A piece in one go. What is marked before a take that comes between is its past. */
static void mark_in_pieces(struct cbt_map *map, struct sector_range range,
			   void (*mark)(struct cbt_map *map, sector_t start, sector_t count))
{
	while (range.count) {
		struct cbt_map_info info;
		sector_t count;

		down_read(&map_lock);
		blksnap_cbt_map_info(map, &info);
		count = min(range.count,
			    (sector_t)SCAN_BLOCKS << (info.block_shift - SECTOR_SHIFT));
		mark(map, range.start, count);
		up_read(&map_lock);
		range.start += count;
		range.count -= count;
		cond_resched();
	}
}

int blksnap_tracker_mark_dirty(dev_t dev, const struct sector_range *ranges,
			       unsigned int count)
{
	struct cbt_map_info info;
	struct tracker *tracker;
	unsigned int i;
	int ret = 0;

	mutex_lock(&trackers_lock);
	tracker = __find(dev);
	if (!tracker) {
		mutex_unlock(&trackers_lock);
		return why_untracked(dev, -ENODEV);
	}
	blksnap_tracker_map_info(tracker, &info);
	for (i = 0; i < count && !ret; i++) {
		if (!range_is_inside(ranges[i].start, ranges[i].count, info.capacity))
			ret = -EINVAL;
		else if (fatal_signal_pending(current))
			ret = -EINTR;
		cond_resched();
	}
	/* Once begun it is finished, but for a caller who is being killed. */
	for (i = 0; i < count && !ret && !fatal_signal_pending(current); i++)
		mark_in_pieces(tracker->map, ranges[i], blksnap_cbt_map_mark_both);
	mutex_unlock(&trackers_lock);
	return ret;
}

void blksnap_trackers_mark_storage(struct block_device *bdev, struct sector_range range)
{
	struct tracker *tracker;

	range.start += bdev->bd_start_sect;
	mutex_lock(&trackers_lock);
	list_for_each_entry(tracker, &trackers, link) {
		struct block_device *tracked = tracker_bdev(tracker);
		struct sector_range shared;

		if (tracked->bd_disk != bdev->bd_disk)
			continue;
		shared = range_intersect(range, (struct sector_range){
				tracked->bd_start_sect, bdev_nr_sectors(tracked) });
		shared.start -= tracked->bd_start_sect;
		mark_in_pieces(tracker->map, shared, blksnap_cbt_map_mark);
	}
	mutex_unlock(&trackers_lock);
}

void blksnap_trackers_mark_below(struct block_device *bdev)
{
	struct tracker *tracker;

	mutex_lock(&trackers_lock);
	list_for_each_entry(tracker, &trackers, link)
		/* If that cannot be found out, it may be. */
		if (blksnap_stack_is_above(bdev->bd_disk,
					   tracker_bdev(tracker)->bd_disk) != 0)
			blksnap_cbt_map_set_lost(tracker->map, CBT_STORAGE);
	mutex_unlock(&trackers_lock);
}

/* A loop device with another file, a drive with another medium. */
static void look_for_another_medium(struct tracker *tracker)
{
	u64 diskseq = READ_ONCE(tracker_bdev(tracker)->bd_disk->diskseq);

	if (tracker->diskseq != diskseq)
		blksnap_cbt_map_set_lost(tracker->map, CBT_MEDIUM);
	tracker->diskseq = diskseq;
}

int blksnap_tracker_prepare(struct tracker *tracker, sector_t *capacity)
{
	int ret = blkfilter_validate(tracker->flt, capacity);

	if (ret)
		return ret;
	look_for_another_medium(tracker);
	/* Without a medium it is as good as gone. */
	if (!*capacity)
		return -ENODEV;
	return blksnap_cbt_map_prepare(tracker->map, *capacity);
}

void blksnap_trackers_lock_maps(void)
{
	down_write(&map_lock);
}

void blksnap_trackers_unlock_maps(void)
{
	up_write(&map_lock);
}

void blksnap_tracker_finish(struct tracker *tracker)
{
	blksnap_cbt_map_finish(tracker->map);
}

void blksnap_tracker_switch(struct tracker *tracker, struct diff_area *area)
{
	lockdep_assert_held_write(&map_lock);
	blkfilter_advance_epoch(tracker->flt);
	/* Once more: file systems have been frozen since, which may take long. */
	look_for_another_medium(tracker);
	blksnap_cbt_map_switch(tracker->map);
	rcu_assign_pointer(tracker->area, area);
}

void blksnap_tracker_disarm(struct tracker *tracker)
{
	RCU_INIT_POINTER(tracker->area, NULL);
}

void blksnap_trackers_set_listener(void (*changed)(void))
{
	mutex_lock(&trackers_lock);
	listener = changed;
	mutex_unlock(&trackers_lock);
}

/* Detaching waits for gone(), so that nothing schedules the work afterwards. */
void blksnap_trackers_exit(void)
{
	struct tracker *tracker, *next;

	mutex_lock(&trackers_lock);
	list_for_each_entry_safe(tracker, next, &trackers, link)
		__remove(tracker);
	mutex_unlock(&trackers_lock);
	cancel_work_sync(&gone_work);
}

void blksnap_trackers_init(const struct blkfilter_operations *ops)
{
	filter_ops = ops;
	INIT_WORK(&gone_work, remove_gone);
}
