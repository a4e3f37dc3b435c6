// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <libmount/libmount.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device.h"
#include "storage.h"

#define MiB (1ull << 20)
#define GiB (1ull << 30)

#define FILE_BYTES_MIN	(1 * MiB)
/* Enough room for a snapshot to last, as a share of the devices. */
#define ENOUGH_SHARE	10

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Bytes free for us: some are left to the file system's other users. */
static uint64_t room_in(int fd)
{
	struct statvfs vfs;
	uint64_t available, reserve;

	if (fstatvfs(fd, &vfs))
		return 0;
	available = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	reserve = larger(64 * MiB, smaller(GiB, (uint64_t)vfs.f_blocks *
					   vfs.f_frsize / 50));
	return available > reserve ? available - reserve : 0;
}

bool storage_is_snapshotted(dev_t dev, const struct blk_snap_dev *devs,
			    size_t count)
{
	uint64_t start, other_start;

	for (size_t i = 0; i < count; i++) {
		dev_t snapshotted = device_number(devs[i]);

		if (dev == snapshotted ||
		    device_disk(dev, &start) == snapshotted ||
		    dev == device_disk(snapshotted, &other_start))
			return true;
	}
	return false;
}

/* -EBUSY: the tracked device is in another snapshot than the user's, a taken one. */
static int is_in_another(const struct storage_user *user, struct blk_snap_dev dev)
{
	static const struct blk_snap_uuid none;
	struct blk_snap_tracker_info tracker;
	struct blksnap_info info;
	int ret = blksnap_tracker_info(user->control_fd, dev, &tracker);

	if (ret)
		return ret == -ENODEV ? 0 : ret;
	if (!memcmp(&tracker.snapshot_id, &none, sizeof(none)) ||
	    !memcmp(&tracker.snapshot_id, &user->id, sizeof(none)))
		return 0;
	/* While it is being taken this waits to know which it is. */
	ret = blksnap_snapshot_info(user->control_fd, &tracker.snapshot_id, &info);
	if (ret)
		return ret == -ESRCH ? 0 : ret;
	if (info.fixed.state == blk_snap_snapshot_state_taken)
		ret = -EBUSY;
	blksnap_info_free(&info);
	return ret;
}

int storage_spoils_another(const struct storage_user *user, dev_t dev)
{
	struct blk_snap_cbt_info *trackers;
	size_t count;
	int ret = blksnap_tracker_collect(user->control_fd, &trackers, &count);

	if (ret)
		return ret;
	for (size_t i = 0; !ret && i < count; i++)
		if (storage_is_snapshotted(dev, &trackers[i].dev_id, 1))
			ret = is_in_another(user, trackers[i].dev_id);
	free(trackers);
	return ret;
}

static bool is_suitable(struct libmnt_fs *fs)
{
	const char *type = mnt_fs_get_fstype(fs);
	const char *options = mnt_fs_get_vfs_options(fs);
	char path[64];
	dev_t dev = mnt_fs_get_devno(fs);

	if (!type || (strcmp(type, "ext4") && strcmp(type, "xfs")))
		return false;
	if (!mnt_fs_get_root(fs) || strcmp(mnt_fs_get_root(fs), "/"))
		return false;
	if ((options && mnt_optstr_get_option(options, "ro", NULL, NULL) == 0) ||
	    mnt_optstr_get_option(mnt_fs_get_fs_options(fs), "ro", NULL, NULL) == 0)
		return false;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(dev),
		 minor(dev));
	return !access(path, F_OK);
}

static bool is_known(const struct storage_place *places, size_t count,
		     dev_t dev)
{
	struct stat st;

	for (size_t i = 0; i < count; i++)
		if (!stat(places[i].dir, &st) && st.st_dev == dev)
			return true;
	return false;
}

static void add_place(struct storage_place **places, size_t *count,
		      const char *dir, const struct blk_snap_dev *devs,
		      size_t dev_count)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct storage_place *place;
	struct stat st;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && !is_known(*places, *count, st.st_dev)) {
		place = reallocarray(*places, *count + 1, sizeof(*place));
		if (place) {
			*places = place;
			place += (*count)++;
			snprintf(place->dir, sizeof(place->dir), "%s", dir);
			place->room = room_in(fd);
			place->is_snapshotted =
				storage_is_snapshotted(st.st_dev, devs,
						       dev_count);
		}
	}
	close(fd);
}

static bool is_preferred(const struct storage_place *place, uint64_t enough)
{
	return !place->is_snapshotted && place->room >= enough;
}

static int best_first(const void *a, const void *b, void *context)
{
	const struct storage_place *left = a, *right = b;
	const uint64_t *enough = context;

	if (is_preferred(left, *enough) != is_preferred(right, *enough))
		return is_preferred(left, *enough) ? -1 : 1;
	return left->room > right->room ? -1 : left->room < right->room;
}

enum status storage_places(const struct storage_options *options,
			   const struct blk_snap_dev *devs, size_t dev_count,
			   uint64_t capacity, struct storage_place **places,
			   size_t *count)
{
	struct libmnt_table *table;
	struct libmnt_iter *iter;
	struct libmnt_fs *fs;
	uint64_t enough;

	*places = NULL;
	*count = 0;
	if (options->dir) {
		add_place(places, count, options->dir, devs, dev_count);
		if (*count)
			return DONE;
		say_error("--storage %s: %s", options->dir, strerror(errno));
		return FAILED;
	}
	table = mnt_new_table_from_file("/proc/self/mountinfo");
	iter = mnt_new_iter(MNT_ITER_FORWARD);
	while (table && iter && !mnt_table_next_fs(table, iter, &fs))
		if (is_suitable(fs))
			add_place(places, count, mnt_fs_get_target(fs), devs,
				  dev_count);
	mnt_free_iter(iter);
	mnt_unref_table(table);
	if (!*count) {
		say_error("no writable ext4 or XFS file system is mounted to keep overwritten data on; name a directory with --storage, or a device with --storage-device");
		return NO_ROOM;
	}
	enough = larger(GiB, capacity / ENOUGH_SHARE);
	qsort_r(*places, *count, sizeof(**places), best_first, &enough);
	return DONE;
}

int storage_make_file(const struct storage_user *user, int dir_fd, uint64_t bytes,
		      struct storage_file *file)
{
	struct stat st;
	int ret = fstat(dir_fd, &st) ? -errno :
		  storage_spoils_another(user, st.st_dev);

	/* It is known to be in vain; what counts is the second time. */
	if (ret)
		return ret;
	file->fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (file->fd < 0)
		return -errno;
	if (fallocate(file->fd, 0, 0, (off_t)bytes))
		ret = -errno;
	/* On disk before the module, which asks for it under no lock of ours. */
	else if (fsync(file->fd))
		ret = -errno;
	else
		ret = storage_spoils_another(user, st.st_dev);
	if (ret)
		close(file->fd);
	file->bytes = bytes;
	return ret;
}

/* @bytes, or what room and limit leave; in whole MiB. */
static uint64_t fitting(const struct storage *storage, uint64_t bytes,
			uint64_t room)
{
	uint64_t left = storage->limit - storage->given;

	bytes = smaller(smaller(bytes, storage->largest), smaller(room, left));
	return bytes / FILE_BYTES_MIN * FILE_BYTES_MIN;
}

/* Files that grow, up to @total; the first one is for the beginning. */
static int fill_pool(struct storage *storage, uint64_t first, uint64_t total)
{
	uint64_t made = 0;

	while (storage->pool_count < STORAGE_POOL_MAX && made < total) {
		uint64_t bytes = smaller(larger(first, made / 2), total - made);
		struct storage_file *file = &storage->pool[storage->pool_count];
		int ret;

		bytes = bytes / FILE_BYTES_MIN * FILE_BYTES_MIN;
		if (!bytes)
			break;
		ret = storage_make_file(&storage->user, storage->dir_fd, bytes, file);
		/* What was made before the room went is better than nothing. */
		if (ret)
			return storage->pool_count ? 0 : ret;
		storage->pool_count++;
		made += bytes;
	}
	return storage->pool_count ? 0 : -ENOSPC;
}

int storage_open(struct storage *storage, const struct storage_user *user,
		 const struct storage_place *place,
		 const struct storage_options *options, uint64_t first,
		 uint64_t capacity)
{
	uint64_t room, total;
	int ret;

	memset(storage, 0, sizeof(*storage));
	storage->user = *user;
	storage->device_fd = -1;
	storage->limit = options->limit_bytes ? options->limit_bytes :
						UINT64_MAX;
	storage->largest = larger(capacity, FILE_BYTES_MIN);
	snprintf(storage->dir, sizeof(storage->dir), "%s", place->dir);
	storage->dir_fd = open(place->dir,
			       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (storage->dir_fd < 0)
		return -errno;
	if (!place->is_snapshotted)
		return 0;

	storage->is_pool_only = true;
	room = room_in(storage->dir_fd);
	total = options->limit_bytes ? room :
		smaller(room / 2, larger(4 * GiB, capacity / ENOUGH_SHARE));
	total = fitting(storage, smaller(total, storage->limit), room);
	ret = fill_pool(storage, fitting(storage, smaller(first, total / 2),
					 room), total);
	if (ret)
		storage_close(storage);
	return ret;
}

int storage_next(struct storage *storage, uint64_t bytes,
		 struct storage_file *file)
{
	int ret;

	if (storage->is_pool_only) {
		if (storage->pool_next == storage->pool_count)
			return -ENOSPC;
		*file = storage->pool[storage->pool_next++];
		storage->given += file->bytes;
		return 0;
	}
	if (storage->dir_fd < 0)
		return -ENOSPC;
	if (storage->limit - storage->given < FILE_BYTES_MIN)
		return -EDQUOT;
	/* Half of what is there at most: others need room as well. */
	bytes = fitting(storage, bytes, room_in(storage->dir_fd) / 2);
	ret = -ENOSPC;
	while (bytes >= FILE_BYTES_MIN) {
		ret = storage_make_file(&storage->user, storage->dir_fd, bytes, file);
		if (ret != -ENOSPC)
			break;
		bytes = bytes / 2 / FILE_BYTES_MIN * FILE_BYTES_MIN;
	}
	if (!ret)
		storage->given += bytes;
	return ret;
}

void storage_close(struct storage *storage)
{
	for (unsigned int i = storage->pool_next; i < storage->pool_count; i++)
		close(storage->pool[i].fd);
	if (storage->dir_fd >= 0)
		close(storage->dir_fd);
	if (storage->device_fd >= 0)
		close(storage->device_fd);
	memset(storage, 0, sizeof(*storage));
	storage->dir_fd = storage->device_fd = -1;
}

enum status storage_open_device(struct storage *storage, const char *path,
				uint64_t *bytes)
{
	char content[64];

	memset(storage, 0, sizeof(*storage));
	storage->dir_fd = -1;
	storage->device_fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC);
	if (storage->device_fd < 0 ||
	    ioctl(storage->device_fd, BLKGETSIZE64, bytes)) {
		enum status status = errno == EBUSY ? IN_USE : FAILED;

		say_error("--storage-device %s: %s", path, strerror(errno));
		storage_close(storage);
		return status;
	}
	if (device_content(storage->device_fd, content)) {
		say_error("--storage-device %s holds %s, which would be overwritten; clear it with 'wipefs -a %s' if it is not needed",
			  path, content, path);
		storage_close(storage);
		return FAILED;
	}
	storage->limit = UINT64_MAX;
	return DONE;
}
