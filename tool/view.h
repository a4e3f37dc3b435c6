/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device as a point shows it: the point's image over all that it is based
 * on, and what is known of its content.
 */
#ifndef VIEW_H
#define VIEW_H

#include "blkio.h"
#include "chain.h"
#include "pieces.h"

/**
 * struct view - a device of a point, open for reading.
 * @layers: its images, the full first.
 * @count: how many.
 * @image: the newest, through which all are read.
 */
struct view {
	struct layer *layers;
	size_t count;
	struct blkio *image;
};

/* Checks that the images are based on each other as the manifests say. */
enum status view_check(struct view *view, const struct repo *repo,
		       const struct manifest *point,
		       const struct device_entry *device);
/* The same, and opens the image. */
enum status view_open(struct view *view, const struct repo *repo,
		      const struct manifest *point,
		      const struct device_entry *device);
void view_close(struct view *view);

/* The hashes of one layer; MISMATCH if the file is not the one it was. */
enum status layer_read_pieces(const struct repo *repo, const struct layer *layer,
			      struct pieces *pieces);

/* What is known of the whole view, from which of its layers; covers every byte of it. */
enum status view_read_pieces(const struct repo *repo, const struct view *view,
			     struct pieces *pieces);

#endif /* VIEW_H */
