// SPDX-License-Identifier: GPL-2.0-only
/*
 * snapshot: the list of snapshots, and what is asked of one.
 *
 * Storage that lies on a snapshotted device, be it of this snapshot or another,
 * must be left out by that device's area before it is used. Whoever comes
 * second sees to that, under snapshots_lock: appending looks at all areas on
 * the list, taking looks at all storage there is.
 *
 * What is left out must be storage at the instant of the take: of what is so no
 * more, because its snapshot was destroyed or an append has failed, somebody else's
 * data may be in there. But an area's map only grows, and between preparation and
 * barrier there is the freeze. So each removal raises a number before the ranges
 * can be had by others, and the barrier compares it, behind gates that are closed.
 * If it is the same, a removal comes later, and a write to what it gave up is held
 * until the area is armed. If not, nothing is armed, and the areas begin anew.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blksnap.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "params.h"
#include "snapshot_internal.h"
#include "stack.h"

static DEFINE_MUTEX(snapshots_lock);
static LIST_HEAD(snapshots);

static void snapshot_free(struct kref *refs)
{
	struct snapshot *snapshot = container_of(refs, struct snapshot, refs);

	blksnap_event_queue_destroy(&snapshot->events);
	kvfree(snapshot);
	module_put(THIS_MODULE);
}

void blksnap_snapshot_put(struct snapshot *snapshot)
{
	kref_put(&snapshot->refs, snapshot_free);
}

struct snapshot *blksnap_snapshot_find(const uuid_t *id)
{
	struct snapshot *snapshot, *found = NULL;

	mutex_lock(&snapshots_lock);
	list_for_each_entry(snapshot, &snapshots, link) {
		if (!uuid_equal(&snapshot->id, id))
			continue;
		kref_get(&snapshot->refs);
		found = snapshot;
		break;
	}
	mutex_unlock(&snapshots_lock);
	return found;
}

unsigned int blksnap_snapshots_collect(uuid_t *ids, unsigned int room)
{
	struct snapshot *snapshot;
	unsigned int count = 0;

	mutex_lock(&snapshots_lock);
	list_for_each_entry(snapshot, &snapshots, link) {
		if (count < room)
			ids[count] = snapshot->id;
		count++;
	}
	mutex_unlock(&snapshots_lock);
	return count;
}

void blksnap_snapshot_unlist(struct snapshot *snapshot)
{
	bool was_listed;

	mutex_lock(&snapshots_lock);
	was_listed = !list_empty(&snapshot->link);
	list_del_init(&snapshot->link);
	mutex_unlock(&snapshots_lock);
	if (was_listed)
		blksnap_snapshot_put(snapshot);
}

int blksnap_snapshot_destroy(struct snapshot *snapshot, bool undo)
{
	int ret = 0;

	blksnap_snapshot_unlist(snapshot);
	mutex_lock(&snapshot->lock);
	if (snapshot->state == SNAPSHOT_RELEASED)
		ret = -ESRCH;
	else
		__blksnap_snapshot_release(snapshot, undo);
	mutex_unlock(&snapshot->lock);
	return ret;
}

/* What of @range lies on @tracked, in its sectors. */
static struct sector_range range_on(struct block_device *tracked,
				    const struct storage_range *storage)
{
	struct sector_range whole = { tracked->bd_start_sect, bdev_nr_sectors(tracked) };
	struct sector_range range = storage->range;

	if (tracked->bd_disk != storage->bdev->bd_disk)
		return (struct sector_range){ };
	range.start += storage->bdev->bd_start_sect;
	range = range_intersect(range, whole);
	range.start -= whole.start;
	return range;
}

static int exclude(struct snapshot *snapshot, unsigned int index,
		   const struct storage_range *storage)
{
	struct snapshot_device *device = &snapshot->devices[index];
	struct sector_range range = range_on(tracker_bdev(device->tracker), storage);

	lockdep_assert_held(&snapshots_lock);
	if (!range.count)
		return 0;
	WRITE_ONCE(snapshot->has_left_out, true);
	return blksnap_diff_area_exclude(device->area, range);
}

/* An image has its original's blocks, and hands on what it is asked for. */
static bool has_larger_blocks(struct block_device *storage, struct snapshot *snapshot)
{
	unsigned int i;

	for (i = 0; i < snapshot->count; i++) {
		struct block_device *bdev = tracker_bdev(snapshot->devices[i].tracker);

		if (bdev_logical_block_size(storage) <= bdev_logical_block_size(bdev))
			continue;
		pr_err("%pg cannot be storage for %pg: its logical blocks are larger (%u bytes); use a device with blocks of %u bytes\n",
		       storage, bdev, bdev_logical_block_size(storage),
		       bdev_logical_block_size(bdev));
		return true;
	}
	return false;
}

/* A store would meet the lower device's filter, and be copied itself. -EBUSY then. */
static int check_not_above(struct block_device *upper, struct block_device *lower)
{
	int ret = blksnap_stack_is_above(upper->bd_disk, lower->bd_disk);

	if (ret <= 0)
		return ret;
	pr_err("%pg cannot be storage while %pg is in a snapshot: it lies above it; use another device, or a file on a file system directly on the snapshotted one\n",
	       upper, lower);
	return -EBUSY;
}

struct creation {
	struct snapshot *snapshot;
	struct gendisk *checked;	/* ranges come by the thousand, disks do not */
};

static int check_on_creation(const struct storage_range *storage, void *arg)
{
	struct creation *creation = arg;
	struct snapshot *snapshot = creation->snapshot;
	unsigned int i;
	int ret = 0;

	if (creation->checked == storage->bdev->bd_disk)
		return 0;
	for (i = 0; i < snapshot->count && !ret; i++)
		ret = check_not_above(storage->bdev,
				      tracker_bdev(snapshot->devices[i].tracker));
	creation->checked = storage->bdev->bd_disk;
	return ret;
}

static int publish(struct snapshot *snapshot)
{
	struct creation creation = { .snapshot = snapshot };
	int ret;

	mutex_lock(&snapshots_lock);
	ret = blksnap_diff_storage_for_each(check_on_creation, &creation);
	if (!ret) {
		kref_get(&snapshot->refs);
		list_add_tail(&snapshot->link, &snapshots);
	}
	mutex_unlock(&snapshots_lock);
	return ret;
}

static int add_device(struct snapshot *snapshot, dev_t dev)
{
	struct snapshot_device *device = &snapshot->devices[snapshot->count];
	struct diff_area *area;
	struct tracker *tracker;

	tracker = blksnap_tracker_claim(dev);
	if (IS_ERR(tracker))
		return PTR_ERR(tracker);
	device->tracker = tracker;
	snapshot->count++;
	area = blksnap_diff_area_alloc(tracker->flt, snapshot->copier,
				       &tracker->counters,
				       snapshot->limits.storage_timeout_ms);
	if (IS_ERR(area))
		return PTR_ERR(area);
	device->area = area;
	return 0;
}

static int build(struct snapshot *snapshot, const dev_t *devs, unsigned int count)
{
	unsigned int i;
	int ret;

	snapshot->corrupt_event = blksnap_event_alloc(GFP_KERNEL);
	if (!snapshot->corrupt_event)
		return -ENOMEM;
	snapshot->limits = (struct snapshot_limits){
		.memory_bytes = (u64)READ_ONCE(blksnap_memory_budget_mb) << 20,
		.storage_timeout_ms = READ_ONCE(blksnap_storage_timeout_ms),
		.portion = READ_ONCE(blksnap_diff_storage_minimum),
	};
	snapshot->storage = blksnap_diff_storage_alloc(&snapshot->events,
						       snapshot->limits.portion);
	if (IS_ERR(snapshot->storage)) {
		ret = PTR_ERR(snapshot->storage);
		snapshot->storage = NULL;
		return ret;
	}
	snapshot->copier = blksnap_copier_alloc(snapshot->storage,
						snapshot->limits.memory_bytes,
						blksnap_snapshot_copier_failed,
						snapshot);
	if (IS_ERR(snapshot->copier)) {
		ret = PTR_ERR(snapshot->copier);
		snapshot->copier = NULL;
		return ret;
	}
	for (i = 0; i < count; i++) {
		ret = add_device(snapshot, devs[i]);
		if (ret)
			return ret;
	}
	return publish(snapshot);
}

int blksnap_snapshot_create(const dev_t *devs, unsigned int count, uuid_t *id)
{
	struct snapshot *snapshot;
	int ret;

	if (struct_size(snapshot, devices, count) > INT_MAX)
		return -ENOMEM;
	snapshot = kvzalloc(struct_size(snapshot, devices, count),
			    GFP_KERNEL | __GFP_NOWARN);
	if (!snapshot)
		return -ENOMEM;
	__module_get(THIS_MODULE);
	INIT_LIST_HEAD(&snapshot->link);
	kref_init(&snapshot->refs);
	mutex_init(&snapshot->lock);
	blksnap_event_queue_init(&snapshot->events);
	uuid_gen(&snapshot->id);
	*id = snapshot->id;

	ret = build(snapshot, devs, count);
	if (ret) {
		mutex_lock(&snapshot->lock);
		__blksnap_snapshot_release(snapshot, true);
		mutex_unlock(&snapshot->lock);
	}
	blksnap_snapshot_put(snapshot);
	return ret;
}

static int exclude_at_take(const struct storage_range *storage, void *arg)
{
	struct snapshot *snapshot = arg;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < snapshot->count && !ret; i++)
		ret = exclude(snapshot, i, storage);
	return ret;
}

int blksnap_snapshot_leave_out_storage(struct snapshot *snapshot)
{
	unsigned int i;
	int ret;

	mutex_lock(&snapshots_lock);
	for (i = 0; i < snapshot->count; i++)
		blksnap_diff_area_forget(snapshot->devices[i].area);
	snapshot->has_left_out = false;
	snapshot->leaves_out_storage = true;
	/* Before the first look: one too many is noticed, none too few. */
	snapshot->removals = blksnap_diff_storage_removals();
	ret = blksnap_diff_storage_for_each(exclude_at_take, snapshot);
	mutex_unlock(&snapshots_lock);
	return ret;
}

bool blksnap_snapshot_has_left_out_right(struct snapshot *snapshot)
{
	return blksnap_diff_storage_removals() == snapshot->removals ||
	       !READ_ONCE(snapshot->has_left_out);
}

static bool lies_on(struct storage_batch *batch, struct block_device *tracked)
{
	unsigned int i;

	for (i = 0; i < blksnap_storage_batch_count(batch); i++)
		if (range_on(tracked, blksnap_storage_batch_range(batch, i)).count)
			return true;
	return false;
}

/* It does not become storage, or not wholly: areas show zeros without reason. */
static void fail_excluded(struct storage_batch *batch, int error)
{
	struct snapshot *snapshot;
	unsigned int i;

	list_for_each_entry(snapshot, &snapshots, link)
		for (i = 0; i < snapshot->count && snapshot->leaves_out_storage; i++) {
			struct block_device *tracked =
				tracker_bdev(snapshot->devices[i].tracker);

			if (lies_on(batch, tracked))
				blksnap_copier_fail(snapshot->copier, tracked, error);
		}
}

/* Those that are not being taken yet leave it out then. */
static int exclude_everywhere(struct storage_batch *batch)
{
	struct snapshot *snapshot;
	unsigned int i, j;
	int ret = 0;

	list_for_each_entry(snapshot, &snapshots, link)
		for (i = 0; i < snapshot->count && snapshot->leaves_out_storage; i++)
			for (j = 0; j < blksnap_storage_batch_count(batch) && !ret; j++)
				ret = exclude(snapshot, i,
					      blksnap_storage_batch_range(batch, j));
	if (ret)
		fail_excluded(batch, ret);
	return ret;
}

static int check_batch(struct storage_batch *batch)
{
	struct block_device *bdev = blksnap_storage_batch_range(batch, 0)->bdev;
	struct snapshot *snapshot;
	unsigned int i;
	int ret;

	/* It names no lower device, and lies above its original and storage. */
	ret = blksnap_image_is_image(bdev->bd_disk) ? 1 :
	      blksnap_stack_is_above_any(bdev->bd_disk, blksnap_image_is_image);
	if (ret > 0)
		pr_err("%pg is an image of a snapshot, or lies on one, and cannot be storage\n",
		       bdev);
	if (ret)
		return ret < 0 ? ret : -EINVAL;
	list_for_each_entry(snapshot, &snapshots, link)
		for (i = 0; i < snapshot->count && !ret; i++)
			ret = check_not_above(bdev,
					      tracker_bdev(snapshot->devices[i].tracker));
	return ret == -EBUSY ? -EINVAL : ret;
}

int blksnap_snapshot_append(struct snapshot *snapshot, struct storage_batch *batch)
{
	int ret = -ESRCH;

	mutex_lock(&snapshot->lock);
	if (snapshot->state == SNAPSHOT_RELEASED)
		goto out;
	mutex_lock(&snapshots_lock);
	if (has_larger_blocks(blksnap_storage_batch_range(batch, 0)->bdev, snapshot))
		ret = -EINVAL;
	else
		ret = check_batch(batch) ?: exclude_everywhere(batch);
	if (!ret) {
		ret = blksnap_diff_storage_commit(snapshot->storage, batch);
		if (ret)
			fail_excluded(batch, ret);
		else
			batch = NULL;
	}
	mutex_unlock(&snapshots_lock);
	if (!ret)
		blksnap_copier_has_room(snapshot->copier);
out:
	mutex_unlock(&snapshot->lock);
	if (batch)
		blksnap_storage_batch_abandon(batch);
	return ret;
}

/*
 * Before the take nobody uses them but the storage, which has a lock for it;
 * afterwards areas and the copier read them without one.
 */
int blksnap_snapshot_set_limits(struct snapshot *snapshot,
				const struct snapshot_limits *limits)
{
	struct snapshot_limits *own = &snapshot->limits;
	unsigned int i;
	int ret = 0;

	mutex_lock(&snapshot->lock);
	if (snapshot->state == SNAPSHOT_RELEASED) {
		ret = -ESRCH;
	} else if (snapshot->state != SNAPSHOT_NEW) {
		ret = -EALREADY;
	} else {
		own->memory_bytes = limits->memory_bytes ?: own->memory_bytes;
		own->storage_timeout_ms = limits->storage_timeout_ms ?:
					  own->storage_timeout_ms;
		own->portion = limits->portion ?: own->portion;
		blksnap_copier_set_budget(snapshot->copier, own->memory_bytes);
		blksnap_diff_storage_set_portion(snapshot->storage, own->portion);
		for (i = 0; i < snapshot->count; i++)
			blksnap_diff_area_set_timeout(snapshot->devices[i].area,
						      own->storage_timeout_ms);
	}
	mutex_unlock(&snapshot->lock);
	return ret;
}

struct event *blksnap_snapshot_wait_event(struct snapshot *snapshot, u32 timeout_ms)
{
	return blksnap_event_queue_wait(&snapshot->events, timeout_ms);
}

unsigned int blksnap_snapshot_device_count(const struct snapshot *snapshot)
{
	return snapshot->count;
}

int blksnap_snapshot_device_info(struct snapshot *snapshot, unsigned int index,
				 struct snapshot_device_info *info)
{
	struct snapshot_device *device = &snapshot->devices[index];
	int ret = 0;

	memset(info, 0, sizeof(*info));
	mutex_lock(&snapshot->lock);
	if (snapshot->state == SNAPSHOT_RELEASED) {
		ret = -ESRCH;
	} else {
		info->origin = tracker_bdev(device->tracker)->bd_dev;
		info->capacity = bdev_nr_sectors(tracker_bdev(device->tracker));
		blksnap_diff_area_stats(device->area, &info->stats);
		if (snapshot->state == SNAPSHOT_NEW) {
			ret = -ENODEV;
		} else {
			info->capacity = device->capacity;
			info->map = device->map;
			info->image = blksnap_image_dev(device->image);
			strscpy(info->image_name, blksnap_image_name(device->image),
				sizeof(info->image_name));
		}
	}
	mutex_unlock(&snapshot->lock);
	return ret;
}

static void add_stats(struct diff_area_stats *sum, const struct diff_area_stats *part)
{
	sum->copied_bytes += part->copied_bytes;
	sum->held_writes += part->held_writes;
	sum->waiting_writes += part->waiting_writes;
}

int blksnap_snapshot_info(struct snapshot *snapshot, struct snapshot_info *info)
{
	struct diff_area_stats area_stats;
	struct copier_stats stats;
	unsigned int i;
	int ret = -ESRCH;

	memset(info, 0, sizeof(*info));
	mutex_lock(&snapshot->lock);
	if (snapshot->state != SNAPSHOT_RELEASED) {
		info->state = READ_ONCE(snapshot->state);
		info->error = -READ_ONCE(snapshot->error);
		blksnap_diff_storage_usage(snapshot->storage, &info->storage);
		blksnap_copier_stats(snapshot->copier, &stats);
		info->memory_bytes = stats.memory_bytes;
		info->stored_bytes = stats.stored_bytes;
		info->limits = snapshot->limits;
		for (i = 0; i < snapshot->count; i++) {
			blksnap_diff_area_stats(snapshot->devices[i].area, &area_stats);
			add_stats(&info->stats, &area_stats);
		}
		ret = 0;
	}
	mutex_unlock(&snapshot->lock);
	return ret;
}

int blksnap_snapshot_storage_range(struct snapshot *snapshot, unsigned int index,
				   dev_t *dev, struct sector_range *range)
{
	struct storage_range storage;
	int ret = -ESRCH;

	mutex_lock(&snapshot->lock);
	if (snapshot->state != SNAPSHOT_RELEASED) {
		ret = blksnap_diff_storage_range(snapshot->storage, index, &storage);
		if (!ret) {
			*dev = storage.bdev->bd_dev;
			*range = storage.range;
		}
	}
	mutex_unlock(&snapshot->lock);
	return ret;
}

/* What is on the list is not released yet: its storage is there. */
bool blksnap_snapshot_summary_of(dev_t dev, struct snapshot_summary *summary)
{
	struct snapshot *snapshot;
	bool is_found = false;
	unsigned int i;

	memset(summary, 0, sizeof(*summary));
	mutex_lock(&snapshots_lock);
	list_for_each_entry(snapshot, &snapshots, link)
		for (i = 0; i < snapshot->count && !is_found; i++) {
			struct tracker *tracker = snapshot->devices[i].tracker;

			/* The number of one that has gone may be another one's by now. */
			if (tracker_bdev(tracker)->bd_dev != dev ||
			    blkfilter_is_gone(tracker->flt))
				continue;
			summary->id = snapshot->id;
			blksnap_diff_storage_usage(snapshot->storage,
						   &summary->storage);
			is_found = true;
		}
	mutex_unlock(&snapshots_lock);
	return is_found;
}

/* Trackers of what is on the list are claimed, and so there. */
dev_t blksnap_snapshot_origin_of(dev_t image)
{
	struct snapshot *snapshot;
	dev_t origin = 0;
	unsigned int i;

	/* That of those which are not shown. */
	if (!image)
		return 0;
	mutex_lock(&snapshots_lock);
	list_for_each_entry(snapshot, &snapshots, link)
		for (i = 0; i < snapshot->count; i++) {
			struct tracker *tracker = snapshot->devices[i].tracker;

			if (READ_ONCE(snapshot->devices[i].image_dev) == image &&
			    !blkfilter_is_gone(tracker->flt))
				origin = tracker_bdev(tracker)->bd_dev;
		}
	mutex_unlock(&snapshots_lock);
	return origin;
}
