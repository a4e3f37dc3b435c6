/* SPDX-License-Identifier: GPL-2.0-only */
/* The control node, with words for what can be wrong with it. */
#ifndef CONTROL_H
#define CONTROL_H

#include "libblksnap.h"
#include "tool.h"

/* Opens it. NO_MODULE: not loaded, or not permitted. */
enum status control_open(int *fd);

/**
 * image_open - opens an image to be read past the page cache.
 * @is_claimed: nobody can mount it while it is open, nor has anybody: IN_USE.
 */
enum status image_open(const struct blk_snap_info_image *image,
		       bool is_claimed, int *fd);

#endif /* CONTROL_H */
