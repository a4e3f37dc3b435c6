/* SPDX-License-Identifier: GPL-2.0-only */
/* Where on its device a file lies. */
#ifndef FILE_MAP_H
#define FILE_MAP_H

#include "libblksnap.h"
#include "tool.h"

/**
 * file_map - the blocks of a file.
 * @path: the file.
 * @dev: on return the device of its file system.
 * @ranges: on return an allocated array of its extents in the order of the
 *	file, in sectors of the device.
 * @count: on return how many; at least one.
 *
 * FAILED, and it has said why: not a regular file, no blocks, or some that
 * cannot be told as ranges of one device.
 */
enum status file_map(const char *path, struct blk_snap_dev *dev,
		     struct blk_snap_block_range **ranges, uint32_t *count);

#endif /* FILE_MAP_H */
