/* SPDX-License-Identifier: GPL-2.0-only */
/* The control node, with words for what can be wrong with it. */
#ifndef CONTROL_H
#define CONTROL_H

#include "libblksnap.h"
#include "tool.h"

/* Opens it. NO_MODULE: not loaded, or not permitted. */
enum status control_open(int *fd);

/* The path of the node of an image: "/dev/" and the name that INFO tells. */
enum status image_open(const struct blk_snap_info_image *image, int *fd);

#endif /* CONTROL_H */
