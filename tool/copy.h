/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The copy engine: works a list of pieces off with several in flight. Each
 * worker takes the next piece, does all that is to be done with it, and goes
 * on; so reading, hashing and writing of different pieces overlap.
 */
#ifndef COPY_H
#define COPY_H

#include <stdatomic.h>

#include "blkio.h"
#include "pieces.h"
#include "progress.h"
#include "tool.h"

/**
 * copy_layer - copies pieces and notes each one's hash in it.
 * @pieces: their kind becomes DATA or ZERO.
 * @from: read exactly once for each piece.
 * @to: zeros are written to it as such, and not at all where @to is new.
 * @stored: on return the bytes that were written as data.
 *
 * -ECANCELED: interrupted. @failure tells which side failed, and where.
 */
struct copy_failure {
	bool is_reading;
	uint64_t offset;
};
int copy_layer(struct pieces *pieces, struct blkio *from, struct blkio *to,
	       struct progress *progress, uint64_t *stored,
	       struct copy_failure *failure);

/**
 * copy_checked - copies pieces whose content is known, and proves it.
 * @to: NULL only proves.
 *
 * -EBADMSG: the content is another one, @failure tells where.
 */
int copy_checked(struct pieces *pieces, struct blkio *from, struct blkio *to,
		 struct progress *progress, struct copy_failure *failure);

/**
 * copy_compare - proves that two disks have the same content in all pieces.
 *
 * -EBADMSG: they differ, @failure tells where.
 */
int copy_compare(struct pieces *pieces, struct blkio *left,
		 struct blkio *right, struct progress *progress,
		 struct copy_failure *failure);

#endif /* COPY_H */
