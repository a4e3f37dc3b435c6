// SPDX-License-Identifier: GPL-2.0-only
/*
 * around: what a test needs around the calls.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "facts.h"

struct abi_uuid new_snapshot(const struct device *device)
{
	struct abi_uuid id;
	long ret = create(&device->dev, 1, &id);

	errno = -ret;
	need(!ret, "a snapshot of %s", device->path);
	return id;
}

struct abi_uuid new_with_storage(const struct device *device)
{
	struct abi_uuid id = new_snapshot(device);
	long ret = append_range(id, on.storage.dev, 0, on.storage.sectors);

	errno = -ret;
	need(!ret, "storage for a snapshot of %s", device->path);
	return id;
}

struct abi_uuid new_taken(const struct device *device)
{
	struct abi_uuid id = new_with_storage(device);
	long ret = take(id);

	errno = -ret;
	need(!ret, "a take of %s", device->path);
	return id;
}

void end_snapshot(struct abi_uuid id, const struct device *device)
{
	long ret = destroy(id);

	errno = -ret;
	need(!ret, "the end of a snapshot of %s", device->path);
	ret = tracker_remove(device->dev);
	errno = -ret;
	need(!ret, "the end of tracking %s", device->path);
}

static bool is_kept;

void keep_hooks(void)
{
	need(!destroy(new_snapshot(&on.kept)), "a tracker to keep");
	is_kept = true;
}

struct abi_dev image_of(struct abi_uuid id)
{
	struct abi_image_info images[8];
	uint32_t count = 8;

	need(!collect_images(id, &count, images) && count, "an image");
	return images[0].image;
}

int open_image(struct abi_uuid id)
{
	struct abi_dev dev = image_of(id);
	char link[64], path[256];
	ssize_t bytes;
	int fd;

	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", dev.mj, dev.mn);
	bytes = readlink(link, path, sizeof(path) - 1);
	need(bytes > 0, "%s", link);
	path[bytes] = 0;
	memcpy(strrchr(path, '/') - 4, "/dev", 4);
	fd = open(strrchr(path, '/') - 4, O_RDWR | O_DIRECT | O_CLOEXEC);
	need(fd >= 0, "the image %s", strrchr(path, '/') - 4);
	return fd;
}

bool find_tracker(struct abi_dev dev, struct abi_cbt_info *entry)
{
	struct abi_cbt_info entries[16];
	uint32_t count = 16, i;

	need(!tracker_collect(&count, entries), "the trackers");
	for (i = 0; i < count; i++) {
		if (!same_dev(entries[i].dev, dev))
			continue;
		if (entry)
			*entry = entries[i];
		return true;
	}
	return false;
}

uint32_t tracker_count(void)
{
	uint32_t count = 0;

	need(!tracker_collect(&count, NULL), "the number of trackers");
	return count - is_kept;
}

uint32_t snapshot_count(void)
{
	uint32_t count = 0;

	need(!collect(&count, NULL), "the number of snapshots");
	return count;
}

uint64_t storage_of(struct abi_uuid id)
{
	struct abi_info arg;

	need(!info(id, &arg), "the storage of a snapshot");
	return arg.storage;
}

bool same_id(const struct abi_uuid *a, const struct abi_uuid *b)
{
	return !memcmp(a, b, sizeof(*a));
}

bool same_dev(struct abi_dev a, struct abi_dev b)
{
	return a.mj == b.mj && a.mn == b.mn;
}

struct abi_dev impossible(struct abi_dev dev, unsigned int index)
{
	switch (index) {
	case 0:		return (struct abi_dev){ dev.mj + 4096, dev.mn };
	case 1:		return (struct abi_dev){ dev.mj, dev.mn + (dev.mj << 20) };
	case 2:		return (struct abi_dev){ 0, dev.mn + (dev.mj << 20) };
	case 3:		return (struct abi_dev){ 1u << 31, 1u << 31 };
	default:	return (struct abi_dev){ UINT32_MAX, UINT32_MAX };
	}
}

int open_direct(const char *path, int flags)
{
	int fd = open(path, flags | O_DIRECT | O_CLOEXEC);

	need(fd >= 0, "to open %s", path);
	return fd;
}

long write_blocks(const struct device *device, unsigned int at, unsigned int count, int byte)
{
	static char block[4096] __attribute__((aligned(4096)));
	int fd = open_direct(device->path, O_RDWR);
	long ret = 0;

	memset(block, byte, sizeof(block));
	for (; count-- && !ret; at++)
		if (pwrite(fd, block, sizeof(block), (off_t)at * 4096) != 4096)
			ret = -errno;
	close(fd);
	return ret;
}

long write_backwards(const struct device *device, unsigned int at, unsigned int count,
		     int byte)
{
	long ret = 0;

	while (count-- && !ret)
		ret = write_blocks(device, at + count, 1, byte);
	return ret;
}

static FILE *open_parameter(const char *name, const char *mode)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/blksnap/parameters/%s", name);
	file = fopen(path, mode);
	need(file, "the parameter %s", name);
	return file;
}

void set_parameter(const char *name, unsigned int value)
{
	FILE *file = open_parameter(name, "we");

	fprintf(file, "%u\n", value);
	need(!fclose(file), "to set the parameter %s", name);
}

unsigned int parameter(const char *name)
{
	FILE *file = open_parameter(name, "re");
	unsigned int value;

	need(fscanf(file, "%u", &value) == 1, "the value of %s", name);
	fclose(file);
	return value;
}

void run(const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	need(!system(line), "%s", line);
}

void sleep_ms(unsigned int ms)
{
	const char *slow = getenv("BLKSNAP_SLOW");
	struct timespec time;

	if (slow && atoi(slow) > 1)
		ms *= atoi(slow);
	time = (struct timespec){ ms / 1000, ms % 1000 * 1000000l };
	while (nanosleep(&time, &time) && errno == EINTR)
		;
}
