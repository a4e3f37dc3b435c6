/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files for stretch_snapshot: PREFIXdiff_storage#K, where PREFIX is a part of
 * the name, and K counts up from 0 and leaves out what exists.
 *
 * A file gets its name when all its blocks are allocated, and is removed when
 * the module lets go of it (keeper.h). On a file system of the snapshot all
 * files are made before the take, see storage.h.
 */
#ifndef STRETCH_FILES_H
#define STRETCH_FILES_H

#include <limits.h>

#include "keeper.h"
#include "libblksnap.h"
#include "storage.h"

/* Leaves a file's name room for the ten digits of its number. */
#define STEM_SIZE	(NAME_MAX + 1 - 10)

/**
 * struct stretch_files - where the files come from.
 * @user: the snapshot that they are for.
 * @dir_fd: the directory.
 * @stem: names without their number.
 * @next: the number to try next.
 * @limit: bytes in all.
 * @given: bytes in files that have a name.
 * @is_set_aside: there are no others than those below.
 * @aside: files without a name, made before the take.
 */
struct stretch_files {
	struct storage_user user;
	int dir_fd;
	char stem[STEM_SIZE];
	unsigned int next;
	uint64_t limit;
	uint64_t given;
	bool is_set_aside;
	struct storage_file aside[STORAGE_POOL_MAX];
	unsigned int aside_count;
	unsigned int aside_next;
	struct keeper keeper;
};

/**
 * stretch_files_open - begins.
 * @user: the snapshot that the files are for.
 * @prefix: of the names, with the directory.
 * @limit: bytes in all, 0 without one.
 *
 * FAILED, and it has said why.
 */
enum status stretch_files_open(struct stretch_files *files,
			       const struct storage_user *user,
			       const char *prefix, uint64_t limit);

/**
 * stretch_files_set_aside - makes all files that will be needed.
 * @bytes: size of each; larger ones if there would be too many.
 * @capacity: of the snapshot's devices together.
 * @is_too_late: asked when a file has been made; if so it is dropped again.
 *
 * As much as the limit says, but no more than half of the room there is.
 * Returns 0 or -errno.
 */
int stretch_files_set_aside(struct stretch_files *files, uint64_t bytes,
			    uint64_t capacity, bool (*is_too_late)(void *),
			    void *context);

/**
 * stretch_files_next - one more file, with its name.
 * @bytes: size wanted; smaller where there is not as much room.
 * @file: on return a descriptor that is the caller's.
 *
 * Returns 0 or -errno; -EDQUOT: the limit, or the last that was set aside, is
 * reached; -ENOSPC: the file system is full; -EBUSY: another snapshot has been
 * taken of its device.
 */
int stretch_files_next(struct stretch_files *files, uint64_t bytes,
		       struct storage_file *file);

/* The module did not take the last one. */
void stretch_files_withdraw(struct stretch_files *files,
			    const struct storage_file *file);

/* Ends; the keeper is left to its work. */
void stretch_files_close(struct stretch_files *files);

#endif /* STRETCH_FILES_H */
