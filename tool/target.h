/* SPDX-License-Identifier: GPL-2.0-only */
/* What a restore overwrites: opened only when nothing of value is in the way. */
#ifndef TARGET_H
#define TARGET_H

#include "blkio.h"
#include "manifest.h"
#include "tool.h"

/**
 * target_open - opens a device or makes a file.
 * @device: what will be written: its capacity and block size count.
 * @force: overwrite a file, or a device with a file system or partitions.
 *
 * Never a device that is mounted or otherwise in use (IN_USE), nor one that is
 * too small (NO_ROOM).
 */
enum status target_open(const char *path, const struct device_entry *device,
			bool force, struct blkio **io);

#endif /* TARGET_H */
