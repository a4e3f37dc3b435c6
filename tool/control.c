// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "control.h"

enum status control_open(int *fd)
{
	*fd = blksnap_open(NULL);
	if (*fd >= 0)
		return DONE;
	if (*fd == -EACCES || *fd == -EPERM)
		say_error("/dev/" BLK_SNAP_CTL " needs root; try again with sudo");
	else if (*fd == -ENOENT || *fd == -ENXIO || *fd == -ENODEV)
		say_error("the kernel module is not loaded; load it with 'modprobe blksnap'");
	else
		say_error("/dev/" BLK_SNAP_CTL ": %s", strerror(-*fd));
	return NO_MODULE;
}

enum status image_open(const struct blk_snap_info_image *image,
		       bool is_claimed, int *fd)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/dev/%.32s", image->name);
	*fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC |
		   (is_claimed ? O_EXCL : 0));
	if (*fd < 0 && errno == EBUSY) {
		say_error("%s was mounted or is otherwise in use already (an automounter, perhaps), which may have changed it; keep that off blksnap's images and try again",
			  path);
		return IN_USE;
	}
	if (*fd < 0) {
		say_error("%s: %s", path, strerror(errno));
		return FAILED;
	}
	/* A name can be used again, a number that is open cannot. */
	if (fstat(*fd, &st) || !S_ISBLK(st.st_mode) ||
	    major(st.st_rdev) != image->image_dev_id.mj ||
	    minor(st.st_rdev) != image->image_dev_id.mn) {
		say_error("%s is not the image that the module shows as %u:%u",
			  path, image->image_dev_id.mj, image->image_dev_id.mn);
		close(*fd);
		return FAILED;
	}
	return DONE;
}
