/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing a backup point. It exists when its manifest does and not before; a
 * crash anywhere leaves either the whole point or files that the next backup
 * removes.
 */
#ifndef POINT_H
#define POINT_H

#include "blkio.h"
#include "chain.h"
#include "progress.h"
#include "repo.h"

/**
 * struct point - a point being written.
 * @repo: open for writing.
 * @manifest: of it; the caller fills in what is not said here.
 */
struct point {
	struct repo *repo;
	struct manifest manifest;
};

/* Gives it an id, this machine's name and the tool's version. */
void point_begin(struct point *point, struct repo *repo);

/**
 * point_copy_device - makes the image of one device and copies into it.
 * @device: its entry; image, hashes and sizes are filled in here.
 * @base: what it is an increment of; without a point: a full.
 * @extents: what to copy.
 * @source: the snapshot's image.
 *
 * FAILED with @source_failed true means that @source could not be read, which
 * the caller knows more about; all else has been said.
 */
enum status point_copy_device(struct point *point, struct device_entry *device,
			      const struct base *base,
			      const struct blksnap_extents *extents,
			      struct blkio *source, struct progress *progress,
			      bool *source_failed);

/**
 * point_commit - makes the point exist.
 * @is_still_valid: asked when all data is durable and before the manifest is
 *	made; anything but DONE ends it there.
 * @context: given to it.
 */
enum status point_commit(struct point *point,
			 enum status (*is_still_valid)(void *context),
			 void *context);

/* Removes the files of a point that was not committed, and frees it. */
void point_abort(struct point *point);
/* Frees it, and leaves the files. */
void point_end(struct point *point);

#endif /* POINT_H */
