// SPDX-License-Identifier: LGPL-2.1-or-later
/* Paths and UUIDs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <uuid/uuid.h>

#include "lib_private.h"

static int is_mount_point(const char *path, dev_t dev)
{
	char parent[4096];
	struct stat st, here;

	if (snprintf(parent, sizeof(parent), "%s/..", path) >=
	    (int)sizeof(parent))
		return -ENAMETOOLONG;
	if (stat(parent, &st) || stat(path, &here))
		return -errno;
	return st.st_dev != dev || st.st_ino == here.st_ino;
}

static int block_device_exists(dev_t dev)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u",
		 major(dev), minor(dev));
	return !access(path, F_OK);
}

LIBEXPORT int blksnap_device_of_path(const char *path, struct blk_snap_dev *dev)
{
	struct stat st;
	dev_t number;

	if (stat(path, &st))
		return -errno;
	if (S_ISBLK(st.st_mode)) {
		number = st.st_rdev;
	} else if (S_ISDIR(st.st_mode)) {
		int ret = is_mount_point(path, st.st_dev);

		if (ret < 0)
			return ret;
		number = st.st_dev;
		if (!ret || !block_device_exists(number))
			return -ENOTBLK;
	} else {
		return -ENOTBLK;
	}
	dev->mj = major(number);
	dev->mn = minor(number);
	return 0;
}

LIBEXPORT int blksnap_uuid_parse(const char *text, struct blk_snap_uuid *uuid)
{
	return uuid_parse(text, uuid->b) ? -EINVAL : 0;
}

LIBEXPORT void blksnap_uuid_unparse(const struct blk_snap_uuid *uuid,
				    char text[BLKSNAP_UUID_STRING_SIZE])
{
	uuid_unparse_lower(uuid->b, text);
}
