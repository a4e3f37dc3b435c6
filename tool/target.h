/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a restore overwrites: opened only when nothing of value is in the way,
 * and not changed until target_begin(). So several can be opened first, and
 * nothing has happened if one of them cannot.
 */
#ifndef TARGET_H
#define TARGET_H

#include <sys/types.h>

#include "blkio.h"
#include "manifest.h"
#include "tool.h"

/**
 * struct target - a device or a file; zeros are one that is not open.
 * @path: as typed.
 * @io: to write to it.
 * @fd: the same; owned by @io.
 * @dev: what tells it from others: the device, or that of the file.
 * @ino: the file, 0 for a device.
 * @capacity: what a file gets as its size, 0 for a device.
 * @was_made: the file was not there before.
 */
struct target {
	const char *path;
	struct blkio *io;
	int fd;
	dev_t dev;
	ino_t ino;
	uint64_t capacity;
	bool was_made;
};

/**
 * target_open - opens a device or makes a file.
 * @device: what will be written: its capacity and block size count.
 * @force: overwrite a file, or a device with a file system or partitions.
 *
 * Never a device that is mounted or otherwise in use (IN_USE), nor one that is
 * too small (NO_ROOM).
 */
enum status target_open(struct target *target, const char *path,
			const struct device_entry *device, bool force);

/* True if @path leads to this one as well. */
bool target_is(const struct target *target, const char *path);

/* From here on it is overwritten: a file is emptied. */
enum status target_begin(struct target *target);

/* Closes it; a file that was made and never begun is removed. 0 or -errno. */
int target_close(struct target *target);

#endif /* TARGET_H */
