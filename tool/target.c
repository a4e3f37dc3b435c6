// SPDX-License-Identifier: GPL-2.0-only
#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target.h"

static enum status take_over(int fd, bool is_new, struct blkio **io)
{
	*io = blkio_of_fd(fd);
	if (!*io) {
		close(fd);
		say_error("no memory");
		return FAILED;
	}
	(*io)->is_new = is_new;
	return DONE;
}

static enum status open_file(const char *path, uint64_t capacity, bool force,
			     struct blkio **io)
{
	int fd;

	if (!strncmp(path, "/dev/", 5)) {
		say_error("%s does not exist; a device is restored to, not made",
			  path);
		return FAILED;
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC |
		  (force ? O_TRUNC : O_EXCL), 0600);
	if (fd < 0 && errno == EEXIST) {
		say_error("%s exists; --force overwrites it", path);
		return FAILED;
	}
	if (fd < 0 || ftruncate(fd, (off_t)capacity)) {
		say_error("%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return FAILED;
	}
	return take_over(fd, true, io);
}

/* What libblkid finds on it, or NULL for nothing. */
static const char *signature_on(int fd, char text[64])
{
	blkid_probe probe = blkid_new_probe();
	const char *value = NULL;

	if (!probe || blkid_probe_set_device(probe, fd, 0, 0))
		goto out;
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE);
	blkid_probe_enable_partitions(probe, 1);
	while (!value && !blkid_do_probe(probe))
		if (blkid_probe_lookup_value(probe, "TYPE", &value, NULL))
			blkid_probe_lookup_value(probe, "PTTYPE", &value, NULL);
	if (value)
		snprintf(text, 64, "%s", value);
out:
	blkid_free_probe(probe);
	return value ? text : NULL;
}

static enum status check_device(const char *path, int fd,
				const struct device_entry *device, bool force)
{
	char signature[64], has[16], needs[16];
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
	if (!force && signature_on(fd, signature)) {
		say_error("%s holds %s; --force overwrites it", path, signature);
		return FAILED;
	}
	/* Past the page cache, if the end allows it. */
	if (block_size && !(device->capacity % (unsigned int)block_size))
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_DIRECT);
	return DONE;
}

static enum status open_device(const char *path,
			       const struct device_entry *device, bool force,
			       struct blkio **io)
{
	int fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC);
	enum status status;

	if (fd < 0 && errno == EBUSY) {
		say_error("%s is mounted or otherwise in use; unmount it (lsblk shows who holds it)",
			  path);
		return IN_USE;
	}
	if (fd < 0) {
		say_error("%s: %s", path, strerror(errno));
		return FAILED;
	}
	status = check_device(path, fd, device, force);
	if (status != DONE) {
		close(fd);
		return status;
	}
	return take_over(fd, false, io);
}

enum status target_open(const char *path, const struct device_entry *device,
			bool force, struct blkio **io)
{
	struct stat st;

	if (stat(path, &st)) {
		if (errno == ENOENT)
			return open_file(path, device->capacity, force, io);
		say_error("%s: %s", path, strerror(errno));
		return FAILED;
	}
	if (S_ISBLK(st.st_mode))
		return open_device(path, device, force, io);
	if (S_ISREG(st.st_mode))
		return open_file(path, device->capacity, force, io);
	say_error("%s is neither a block device nor a file", path);
	return FAILED;
}
