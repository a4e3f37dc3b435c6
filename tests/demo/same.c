// SPDX-License-Identifier: GPL-2.0-only
/*
 * same: proves that a device is, bit for bit, what a snapshot's image shows.
 *
 *	same SNAPSHOT_ID IMAGE DEVICE
 *
 * Everything is compared but the ranges of the original device that are the
 * snapshot's difference storage. Storage may grow meanwhile; so differences are
 * remembered, and it is asked at the end whether each lies in the storage. Both
 * are read past the page cache. Prints what was compared, and fails if there is
 * a difference elsewhere. Shares no code with 'blksnap verify'.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libblksnap.h>

#define STEP	(1 << 20)
#define UNIT	512

static void die(const char *what, int error)
{
	fprintf(stderr, "same: %s: %s\n", what, strerror(abs(error)));
	exit(2);
}

static int open_device(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);

	if (fd < 0)
		die(path, errno);
	return fd;
}

static void read_all(int fd, const char *path, char *buffer, size_t length,
		     uint64_t offset)
{
	ssize_t got = pread(fd, buffer, length, (off_t)offset);

	if (got != (ssize_t)length)
		die(path, got < 0 ? errno : EIO);
}

/* A byte for every unit of the device: where they differ, what is storage. */
struct marks {
	uint8_t *bytes;
	uint64_t count;
};

static void find_differences(const char *image_path, const char *device_path,
			     struct marks *differs)
{
	int image = open_device(image_path), device = open_device(device_path);
	char *a = aligned_alloc(4096, STEP), *b = aligned_alloc(4096, STEP);
	uint64_t capacity = differs->count * UNIT;

	for (uint64_t offset = 0; offset < capacity; offset += STEP) {
		size_t length = capacity - offset < STEP ? capacity - offset : STEP;

		read_all(image, image_path, a, length, offset);
		read_all(device, device_path, b, length, offset);
		if (!memcmp(a, b, length))
			continue;
		for (size_t i = 0; i < length; i += UNIT)
			differs->bytes[(offset + i) / UNIT] =
				memcmp(a + i, b + i, UNIT) != 0;
	}
	free(a);
	free(b);
	close(image);
	close(device);
}

/* Where a device begins on its disk, in sectors; and which disk that is. */
static uint64_t place_on_disk(struct blk_snap_dev dev, char disk[4096])
{
	char path[100], link[4096] = "";
	uint64_t start = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", dev.mj, dev.mn);
	if (!realpath(path, link))
		die(path, errno);
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/start", dev.mj,
		 dev.mn);
	file = fopen(path, "r");
	if (file) {		/* a partition; above it in sysfs is its disk */
		if (fscanf(file, "%" SCNu64, &start) != 1)
			die(path, EIO);
		fclose(file);
		*strrchr(link, '/') = 0;
	}
	strcpy(disk, link);
	return start;
}

static void mark_storage(const struct blksnap_info *info,
			 struct blk_snap_dev original, struct marks *storage)
{
	char disk[4096], own_disk[4096];
	uint64_t own_start = place_on_disk(original, own_disk);

	for (uint32_t i = 0; i < info->fixed.range_count; i++) {
		const struct blk_snap_info_range *range = &info->ranges[i];
		uint64_t from = range->sector_offset + place_on_disk(range->dev_id, disk);

		if (strcmp(disk, own_disk))
			continue;
		for (uint64_t s = 0; s < range->sector_count; s++)
			if (from + s >= own_start &&
			    from + s - own_start < storage->count)
				storage->bytes[from + s - own_start] = 1;
	}
}

static void read_info(int node, const char *text, struct blksnap_info *info)
{
	struct blk_snap_uuid id;
	int ret = blksnap_uuid_parse(text, &id);

	if (!ret)
		ret = blksnap_snapshot_info(node, &id, info);
	if (ret)
		die(text, ret);
}

static const struct blk_snap_info_image *
find_image(const struct blksnap_info *info, const char *path)
{
	for (uint32_t i = 0; i < info->fixed.image_count; i++)
		if (!strcmp(info->images[i].name, strrchr(path, '/') + 1))
			return &info->images[i];
	die(path, ENOENT);
	return NULL;
}

static void make_marks(struct marks *marks, uint64_t count)
{
	marks->count = count;
	marks->bytes = calloc(count, 1);
	if (!marks->bytes)
		die("marks", ENOMEM);
}

int main(int argc, char **argv)
{
	uint64_t storage_units = 0, wrong_units = 0, first = 0;
	const struct blk_snap_info_image *image;
	struct marks differs, storage;
	struct blksnap_info info;
	int node;

	if (argc != 4 || !strchr(argv[2], '/')) {
		fprintf(stderr, "same: see the head of same.c\n");
		return 2;
	}
	node = blksnap_open(NULL);
	if (node < 0)
		die("/dev/blksnap", node);
	read_info(node, argv[1], &info);
	image = find_image(&info, argv[2]);
	make_marks(&differs, image->capacity_sectors);
	make_marks(&storage, image->capacity_sectors);
	blksnap_info_free(&info);

	find_differences(argv[2], argv[3], &differs);

	read_info(node, argv[1], &info);
	if (info.fixed.state == blk_snap_snapshot_state_corrupt)
		die("the snapshot is corrupt", info.fixed.error);
	image = find_image(&info, argv[2]);
	mark_storage(&info, image->orig_dev_id, &storage);
	for (uint64_t i = 0; i < storage.count; i++) {
		storage_units += storage.bytes[i];
		if (!differs.bytes[i] || storage.bytes[i])
			continue;
		if (!wrong_units++)
			first = i;
	}
	blksnap_info_free(&info);

	printf("compared %" PRIu64 "\nstorage %" PRIu64 "\ndifferent %" PRIu64 "\n",
	       (storage.count - storage_units) * UNIT, storage_units * UNIT,
	       wrong_units * UNIT);
	if (wrong_units)
		fprintf(stderr, "same: %s differs from %s first at byte %" PRIu64 "\n",
			argv[3], argv[2], first * UNIT);
	return wrong_units ? 1 : 0;
}
