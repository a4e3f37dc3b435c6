// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every byte of the device is compared but the difference storage on it, which
 * is no content of the device and reads as zeros once it has been given.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "copy.h"
#include "deep.h"
#include "device.h"
#include "view.h"

static enum status find_image(const struct blksnap_info *info,
			      const struct layer *top,
			      const struct blk_snap_info_image **image)
{
	const struct device_entry *device = top->device;

	if (info->fixed.state == blk_snap_snapshot_state_corrupt) {
		say_error("the snapshot of %s is corrupt (%s); there is nothing left to compare with",
			  top->point->id, strerror(info->fixed.error));
		return OVERFLOWED;
	}
	for (uint32_t i = 0; i < info->fixed.image_count; i++) {
		*image = &info->images[i];
		if (!memcmp(&(*image)->generation_id, &device->generation,
			    sizeof(device->generation)) &&
		    (*image)->snap_number == device->number)
			return DONE;
	}
	say_error("the snapshot of %s does not hold %s as it was backed up",
		  top->point->id, device->name);
	return FAILED;
}

/* Everything from 0 to @capacity that is not in @holes. */
static int without(const struct blksnap_extents *holes, uint64_t capacity,
		   struct pieces *pieces, uint64_t *bytes)
{
	struct blksnap_extents rest = { .items = NULL };
	uint64_t from = 0;
	int ret = 0;

	for (size_t i = 0; !ret && i < holes->count; i++) {
		const struct blksnap_extent *hole = &holes->items[i];

		ret = blksnap_extents_add(&rest, from, hole->offset - from);
		from = hole->offset + hole->length;
	}
	if (!ret)
		ret = blksnap_extents_add(&rest, from, capacity - from);
	if (!ret)
		ret = pieces_cut(pieces, &rest);
	*bytes = rest.bytes;
	blksnap_extents_free(&rest);
	return ret;
}

static enum status compare(const struct layer *top, struct blkio *backup,
			   struct blkio *snapshot, struct pieces *pieces,
			   struct progress *progress)
{
	struct copy_failure failure;
	int ret = copy_compare(pieces, backup, snapshot, progress, &failure);

	if (!ret)
		return DONE;
	if (ret == -EBADMSG) {
		say_error("%s of %s differs from its snapshot at byte %" PRIu64 "; make a new full backup (--incremental never) and report it",
			  top->device->name, top->point->id, failure.offset);
		return MISMATCH;
	}
	if (ret == -ECANCELED)
		say_error("interrupted");
	else
		say_error("%s cannot be read at byte %" PRIu64 ": %s",
			  failure.is_reading ? top->device->image :
					       "the snapshot",
			  failure.offset, strerror(-ret));
	return FAILED;
}

static enum status compare_image(const struct repo *repo,
				 const struct layer *top,
				 const struct blksnap_info *info,
				 const struct blk_snap_info_image *image,
				 struct progress *progress, uint64_t *bytes)
{
	uint64_t capacity = image->capacity_sectors * 512;
	struct blksnap_extents storage = { .items = NULL };
	struct pieces pieces = { .items = NULL };
	struct blkio *snapshot = NULL;
	enum status status;
	struct view view;
	int fd;

	status = view_open(&view, repo, top->point, top->device);
	if (status != DONE)
		return status;
	if (device_storage(info, image->orig_dev_id, capacity, &storage) ||
	    without(&storage, capacity, &pieces, bytes)) {
		say_error("no memory");
		status = FAILED;
	}
	if (status == DONE)
		status = image_open(image, false, &fd);
	if (status == DONE) {
		snapshot = blkio_of_fd(fd);
		status = snapshot ? compare(top, view.image, snapshot, &pieces,
					    progress) : FAILED;
	}
	blkio_close(snapshot);
	blksnap_extents_free(&storage);
	pieces_free(&pieces);
	view_close(&view);
	return status;
}

enum status deep_compare(const struct repo *repo, const struct layer *top,
			 struct progress *progress, uint64_t *bytes)
{
	const struct blk_snap_info_image *image;
	struct blksnap_info info;
	enum status status;
	int fd, ret;

	status = control_open(&fd);
	if (status != DONE)
		return status;
	ret = blksnap_snapshot_info(fd, &top->point->snapshot, &info);
	close(fd);
	if (ret) {
		if (ret == -ESRCH)
			say_error("the snapshot that %s was made from is gone; --deep needs 'backup --keep-snapshot'",
				  top->point->id);
		else
			say_error("the snapshot of %s: %s", top->point->id,
				  strerror(-ret));
		return FAILED;
	}
	status = find_image(&info, top, &image);
	if (status == DONE)
		status = compare_image(repo, top, &info, image, progress,
				       bytes);
	blksnap_info_free(&info);
	return status;
}
