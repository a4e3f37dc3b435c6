// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <libmount/libmount.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device.h"
#include "freeze.h"

/* The device beneath a mount. That of btrfs has only a number of its own. */
static dev_t device_under(struct libmnt_fs *fs, bool *is_btrfs)
{
	const char *type = mnt_fs_get_fstype(fs);
	struct stat st;

	*is_btrfs = type && !strcmp(type, "btrfs");
	if (!*is_btrfs)
		return mnt_fs_get_devno(fs);
	if (!mnt_fs_get_source(fs) || stat(mnt_fs_get_source(fs), &st) ||
	    !S_ISBLK(st.st_mode))
		return 0;
	return st.st_rdev;
}

/* The module freezes what lies directly on a device or on its partitions. */
static bool is_frozen_by_module(dev_t dev, dev_t snapshotted)
{
	uint64_t start;

	return dev == snapshotted || device_disk(dev, &start) == snapshotted;
}

static bool must_be_frozen(struct libmnt_fs *fs,
			   const struct blk_snap_dev *devs, size_t count,
			   dev_t *dev)
{
	bool is_btrfs, is_above = false;

	*dev = device_under(fs, &is_btrfs);
	if (!major(*dev) || mnt_optstr_get_option(mnt_fs_get_fs_options(fs),
						  "ro", NULL, NULL) == 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		dev_t snapshotted = device_number(devs[i]);

		if (!is_btrfs && is_frozen_by_module(*dev, snapshotted))
			return false;
		is_above |= device_lies_on(*dev, snapshotted);
	}
	return is_above;
}

/* A file system can be mounted in many places, and freezes only once. */
static bool is_planned(const struct freezer *freezer, int fd)
{
	struct stat st, other;

	if (fstat(fd, &st))
		return true;
	for (unsigned int i = 0; i < freezer->count; i++)
		if (!fstat(freezer->fds[i], &other) && st.st_dev == other.st_dev)
			return true;
	return false;
}

static enum status plan(struct freezer *freezer, const char *target, dev_t dev)
{
	unsigned int height = device_height(dev), place = freezer->count;
	int fd = open(target, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return DONE;
	if (is_planned(freezer, fd)) {
		close(fd);
		return DONE;
	}
	if (freezer->count == FREEZE_MAX) {
		close(fd);
		say_error("more than %d file systems lie above these devices; snapshot fewer devices at once",
			  FREEZE_MAX);
		return FAILED;
	}
	while (place && freezer->heights[place - 1] < height) {
		freezer->fds[place] = freezer->fds[place - 1];
		freezer->heights[place] = freezer->heights[place - 1];
		memcpy(freezer->names[place], freezer->names[place - 1],
		       sizeof(freezer->names[place]));
		place--;
	}
	freezer->fds[place] = fd;
	freezer->heights[place] = height;
	snprintf(freezer->names[place], sizeof(freezer->names[place]), "%s",
		 target);
	freezer->count++;
	return DONE;
}

enum status freezer_plan(struct freezer *freezer,
			 const struct blk_snap_dev *devs, size_t count)
{
	struct libmnt_table *table = mnt_new_table_from_file("/proc/self/mountinfo");
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	enum status status = DONE;
	struct libmnt_fs *fs;
	dev_t dev;

	memset(freezer, 0, sizeof(*freezer));
	while (status == DONE && table && iter &&
	       !mnt_table_next_fs(table, iter, &fs))
		if (must_be_frozen(fs, devs, count, &dev))
			status = plan(freezer, mnt_fs_get_target(fs), dev);
	mnt_free_iter(iter);
	mnt_unref_table(table);
	if (status != DONE)
		freezer_close(freezer);
	return status;
}

int freezer_freeze(struct freezer *freezer, struct guardian *guardian,
		   unsigned int *failed)
{
	struct guardian_shared *shared = guardian->shared;

	if (!freezer->count)
		return 0;
	guardian_watch_freeze(guardian);
	for (unsigned int i = 0; i < freezer->count; i++) {
		int error;

		/* Noted before it is true, so that no crash comes between. */
		shared->is_frozen[i] = true;
		freezer->is_frozen[i] = !ioctl(freezer->fds[i], FIFREEZE, 0);
		if (freezer->is_frozen[i])
			continue;
		error = errno;
		shared->is_frozen[i] = false;
		/* Somebody else has frozen it: it will hold still. */
		if (error == EBUSY)
			continue;
		/* Some file systems have nothing to freeze. */
		if (error == EOPNOTSUPP)
			continue;
		*failed = i;
		freezer_thaw(freezer, guardian);
		return -error;
	}
	return 0;
}

void freezer_thaw(struct freezer *freezer, struct guardian *guardian)
{
	struct guardian_shared *shared = guardian->shared;

	/* Also what the guardian has thawed, which answers EINVAL. */
	for (unsigned int i = freezer->count; i-- > 0;) {
		if (freezer->is_frozen[i])
			ioctl(freezer->fds[i], FITHAW, 0);
		freezer->is_frozen[i] = false;
		shared->is_frozen[i] = false;
	}
	guardian_end_freeze(guardian);
}

void freezer_close(struct freezer *freezer)
{
	for (unsigned int i = 0; i < freezer->count; i++)
		close(freezer->fds[i]);
	freezer->count = 0;
}
