/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Difference storage: files without a name (O_TMPFILE), with all their blocks
 * allocated, that are given to the module one by one. The module holds them as
 * long as it needs them; when it lets go, or we die before they were given,
 * they vanish by themselves.
 *
 * On a file system that is itself being snapshotted, files are given only if
 * they were made before the take. A block that was freed since then may have
 * held data that belongs into the image; as storage it would be overwritten.
 * There, the room that may be needed is set aside before the take, as a pool
 * of files, and what was not needed is free again afterwards.
 *
 * The same holds for every other snapshot that there is: once it has been taken,
 * no file is made on a device of it for ours.
 */
#ifndef STORAGE_H
#define STORAGE_H

#include <limits.h>

#include "libblksnap.h"
#include "tool.h"

#define STORAGE_POOL_MAX 64

/**
 * struct storage_options - as given on the command line; zeros are none.
 * @dir: make files on the file system of this directory.
 * @device: use this whole device instead of files.
 * @first_bytes: size of the first portion.
 * @limit_bytes: never more than that in all.
 */
struct storage_options {
	const char *dir;
	const char *device;
	uint64_t first_bytes;
	uint64_t limit_bytes;
};

struct storage_file {
	int fd;
	uint64_t bytes;
};

/**
 * struct storage_user - for which snapshot.
 * @control_fd: of the module.
 * @id: the snapshot.
 */
struct storage_user {
	int control_fd;
	struct blk_snap_uuid id;
};

/**
 * struct storage - where room comes from.
 * @user: whom it is for.
 * @dir: directory that files are made in.
 * @dir_fd: the same, or -1.
 * @device_fd: the device, held so that nobody else uses it, or -1.
 * @limit: bytes in all.
 * @given: bytes handed out so far.
 * @largest: no file needs to be larger: the capacity of all devices.
 * @is_pool_only: no file may be made any more, there is the pool.
 * @pool: files made before the take.
 */
struct storage {
	struct storage_user user;
	char dir[PATH_MAX];
	int dir_fd;
	int device_fd;
	uint64_t limit;
	uint64_t given;
	uint64_t largest;
	bool is_pool_only;
	struct storage_file pool[STORAGE_POOL_MAX];
	unsigned int pool_count;
	unsigned int pool_next;
};

/**
 * struct storage_place - a file system that could hold the files.
 * @dir: its mount point, or the directory named by the user.
 * @room: bytes that can be used there.
 * @is_snapshotted: it lies on a device being snapshotted.
 */
struct storage_place {
	char dir[PATH_MAX];
	uint64_t room;
	bool is_snapshotted;
};

/* True if @dev is one of @devs, a partition of one, or the disk of one. */
bool storage_is_snapshotted(dev_t dev, const struct blk_snap_dev *devs,
			    size_t count);

/**
 * storage_spoils_another - would storage on @dev take data away from an image?
 *
 * -EBUSY: yes, @dev lies on a device of another snapshot than @user's, and that has
 * been taken. Else 0, or what kept the module from answering. To be asked when the
 * blocks are allocated: a snapshot that is taken later shows them as what they are.
 */
int storage_spoils_another(const struct storage_user *user, dev_t dev);

/**
 * storage_make_file - a file without a name, for a snapshot.
 *
 * All its blocks are allocated and known to the disk. Returns 0 and a descriptor that
 * is the caller's, or -errno; -EBUSY: see storage_spoils_another().
 */
int storage_make_file(const struct storage_user *user, int dir_fd, uint64_t bytes,
		      struct storage_file *file);

/**
 * storage_places - where files could be made, the best first.
 * @capacity: of all devices together.
 * @places: on return an allocated array; one entry if the user named it.
 *
 * Writable ext4 and XFS on local devices: those that are not being
 * snapshotted and have enough room, then all others, by room.
 */
enum status storage_places(const struct storage_options *options,
			   const struct blk_snap_dev *devs, size_t dev_count,
			   uint64_t capacity, struct storage_place **places,
			   size_t *count);

/**
 * storage_open - uses a place; before the take.
 * @first: bytes wanted at once.
 *
 * Returns 0 or -errno.
 */
int storage_open(struct storage *storage, const struct storage_user *user,
		 const struct storage_place *place,
		 const struct storage_options *options, uint64_t first,
		 uint64_t capacity);

/**
 * storage_next - a file of about @bytes, or what can be had.
 *
 * -ENOSPC: no room; -EDQUOT: the limit is reached; -EBUSY: another snapshot holds
 * the device.
 */
int storage_next(struct storage *storage, uint64_t bytes,
		 struct storage_file *file);

void storage_close(struct storage *storage);

/* A whole device, which must not be in use nor hold anything. */
enum status storage_open_device(struct storage *storage, const char *path,
				uint64_t *bytes);

#endif /* STORAGE_H */
