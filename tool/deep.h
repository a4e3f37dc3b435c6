/* SPDX-License-Identifier: GPL-2.0-only */
/* Comparing a point with the snapshot that it was made from. */
#ifndef DEEP_H
#define DEEP_H

#include "chain.h"
#include "progress.h"

/**
 * deep_compare - compares a device of a point with its snapshot's image.
 * @bytes: on return how much was compared.
 *
 * FAILED: the snapshot is no longer there; OVERFLOWED: it is corrupt.
 */
enum status deep_compare(const struct repo *repo, const struct layer *top,
			 struct progress *progress, uint64_t *bytes);

#endif /* DEEP_H */
