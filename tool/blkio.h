/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Something that can be read and written like a disk: a device, a plain file,
 * or a qcow2 image that a qemu-nbd child serves. The copy engine knows no more
 * than this.
 *
 * Several workers use one at the same time, each under its own number, from 0
 * to BLKIO_WORKERS - 1. Functions return 0 or -errno.
 */
#ifndef BLKIO_H
#define BLKIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libblksnap.h"

#define BLKIO_WORKERS 4
/* What a qcow2 image of ours is divided into, as make_image() says. */
#define IMAGE_CLUSTER_BYTES (64u << 10)

struct blkio;

/**
 * struct blkio_ops - one kind of it.
 * @read: exactly @length bytes.
 * @write: exactly @length bytes.
 * @zero: makes a range read as zeros, cheaply if possible, never as a hole
 *	that would show what lies beneath.
 * @is_zero: 1 if the range is known to read as zeros without reading it.
 * @flush: what was written by any worker is durable afterwards.
 * @close: frees it; an error that only shows now is returned.
 */
struct blkio_ops {
	int (*read)(struct blkio *io, unsigned int worker, void *buffer,
		    size_t length, uint64_t offset);
	int (*write)(struct blkio *io, unsigned int worker, const void *buffer,
		     size_t length, uint64_t offset);
	int (*zero)(struct blkio *io, unsigned int worker, uint64_t length,
		    uint64_t offset);
	int (*is_zero)(struct blkio *io, unsigned int worker, uint64_t length,
		       uint64_t offset);
	int (*flush)(struct blkio *io);
	int (*close)(struct blkio *io);
};

/**
 * struct blkio - what all kinds have.
 * @ops: how it is done.
 * @is_new: nothing was written yet and all of it reads as zeros.
 */
struct blkio {
	const struct blkio_ops *ops;
	bool is_new;
};

/**
 * blkio_of_fd - a device or a file; takes the descriptor over.
 *
 * Buffers and ranges have to suit O_DIRECT if @fd has it. NULL: no memory.
 */
struct blkio *blkio_of_fd(int fd);

/**
 * blkio_of_qcow2 - an image together with all that it is based on.
 * @path: the image.
 * @is_writable: else it is opened read-only.
 *
 * Starts a qemu-nbd child, which ends with this thread or with close.
 */
int blkio_of_qcow2(struct blkio **io, const char *path, bool is_writable);

/**
 * blkio_qcow2_own - what an image holds itself, and hides of what is beneath.
 * @io: of blkio_of_qcow2(), not writable.
 * @length: of the image.
 * @own: to be empty; on return ascending, in bytes.
 */
int blkio_qcow2_own(struct blkio *io, uint64_t length,
		    struct blksnap_extents *own);

/* Closes and forgets it; harmless on NULL. */
int blkio_close(struct blkio *io);

#endif /* BLKIO_H */
