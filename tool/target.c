// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"
#include "target.h"

static enum status take_over(struct target *target)
{
	struct stat st;

	target->io = blkio_of_fd(target->fd);
	if (!target->io || fstat(target->fd, &st)) {
		say_error("%s: %s", target->path, strerror(errno));
		return FAILED;
	}
	target->dev = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
	target->ino = S_ISBLK(st.st_mode) ? 0 : st.st_ino;
	return DONE;
}

static enum status open_file(struct target *target, bool force)
{
	const char *path = target->path;

	if (!strncmp(path, "/dev/", 5)) {
		say_error("%s does not exist; a device is restored to, not made",
			  path);
		return FAILED;
	}
	target->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	target->was_made = target->fd >= 0;
	if (target->fd < 0 && errno == EEXIST && !force) {
		say_error("%s exists; --force overwrites it", path);
		return FAILED;
	}
	if (target->fd < 0 && errno == EEXIST)
		target->fd = open(path, O_RDWR | O_CLOEXEC);
	if (target->fd < 0) {
		say_error("%s: %s", path, strerror(errno));
		return FAILED;
	}
	return take_over(target);
}

static enum status check_device(const char *path, int fd,
				const struct device_entry *device, bool force)
{
	char content[64], has[16], needs[16];
	uint64_t size = 0;
	int block_size = 0;

	if (ioctl(fd, BLKGETSIZE64, &size) || ioctl(fd, BLKSSZGET, &block_size)) {
		say_error("%s: %s", path, strerror(errno));
		return FAILED;
	}
	if (size < device->capacity) {
		say_error("%s has %s, but %s needs %s; choose a larger device",
			  path, format_size(size, has), device->name,
			  format_size(device->capacity, needs));
		return NO_ROOM;
	}
	if ((uint64_t)block_size != device->logical_block_size)
		say_note("%s has logical blocks of %d bytes, %s had %llu: partition tables and some file systems depend on it",
			 path, block_size, device->name,
			 (unsigned long long)device->logical_block_size);
	if (!force && device_content(fd, content)) {
		say_error("%s holds %s; --force overwrites it", path, content);
		return FAILED;
	}
	/* Past the page cache, if the end allows it. */
	if (block_size && !(device->capacity % (unsigned int)block_size))
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_DIRECT);
	return DONE;
}

static enum status open_device(struct target *target,
			       const struct device_entry *device, bool force)
{
	const char *path = target->path;
	enum status status;

	target->fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC);
	if (target->fd < 0 && errno == EBUSY) {
		say_error("%s is mounted or otherwise in use; unmount it (lsblk shows who holds it)",
			  path);
		return IN_USE;
	}
	if (target->fd < 0) {
		say_error("%s: %s", path, strerror(errno));
		return FAILED;
	}
	status = check_device(path, target->fd, device, force);
	return status == DONE ? take_over(target) : status;
}

static enum status open_it(struct target *target,
			   const struct device_entry *device, bool force)
{
	struct stat st;

	if (stat(target->path, &st)) {
		if (errno != ENOENT) {
			say_error("%s: %s", target->path, strerror(errno));
			return FAILED;
		}
		st.st_mode = S_IFREG;
	}
	if (S_ISBLK(st.st_mode))
		return open_device(target, device, force);
	if (S_ISREG(st.st_mode)) {
		target->capacity = device->capacity;
		return open_file(target, force);
	}
	say_error("%s is neither a block device nor a file", target->path);
	return FAILED;
}

enum status target_open(struct target *target, const char *path,
			const struct device_entry *device, bool force)
{
	enum status status;

	memset(target, 0, sizeof(*target));
	target->path = path;
	target->fd = -1;
	status = open_it(target, device, force);
	if (status != DONE)
		target_close(target);
	return status;
}

bool target_is(const struct target *target, const char *path)
{
	struct stat st;

	if (!target->io || stat(path, &st))
		return false;
	if (S_ISBLK(st.st_mode))
		return !target->ino && st.st_rdev == target->dev;
	return st.st_ino == target->ino && st.st_dev == target->dev;
}

enum status target_begin(struct target *target)
{
	target->was_made = false;
	if (!target->capacity)
		return DONE;
	if (ftruncate(target->fd, 0) ||
	    ftruncate(target->fd, (off_t)target->capacity)) {
		say_error("%s: %s", target->path, strerror(errno));
		return errno == EFBIG ? NO_ROOM : FAILED;
	}
	target->io->is_new = true;
	return DONE;
}

int target_close(struct target *target)
{
	int ret = 0;

	if (target->was_made)
		unlink(target->path);
	if (target->io)
		ret = blkio_close(target->io);
	else if (target->path && target->fd >= 0)
		close(target->fd);
	memset(target, 0, sizeof(*target));
	return ret;
}
