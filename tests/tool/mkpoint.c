// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes a backup point of a plain file with the tool's own functions, as if it
 * were the image of a snapshot:
 *
 *	mkpoint DIR FILE GENERATION NUMBER [OFFSET:LENGTH]...
 *
 * The parts that are named have changed since the last point of the same
 * generation; what the point is based on is the tool's own decision, which is
 * printed. MKPOINT_INVALID=1: the snapshot turns out corrupt at the end.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "point.h"
#include "test_stop.h"

static enum status is_valid(void *context)
{
	(void)context;
	return getenv("MKPOINT_INVALID") ? OVERFLOWED : DONE;
}

static void describe(struct device_entry *device, char **argv, uint64_t size)
{
	const char *name = strrchr(argv[2], '/');

	snprintf(device->name, sizeof(device->name), "%s",
		 name ? name + 1 : argv[2]);
	snprintf(device->path, sizeof(device->path), "%s", argv[2]);
	snprintf(device->identity, sizeof(device->identity), "%s", argv[2]);
	device->capacity = size;
	device->logical_block_size = 512;
	memset(&device->generation, atoi(argv[3]), sizeof(device->generation));
	device->number = (uint64_t)atoi(argv[4]);
}

static void read_extents(struct blksnap_extents *extents, char **words)
{
	for (; *words; words++) {
		uint64_t offset, length;

		if (sscanf(*words, "%" SCNu64 ":%" SCNu64, &offset, &length) != 2 ||
		    blksnap_extents_add(extents, offset, length))
			exit(99);
	}
}

static enum status make(struct repo *repo, struct point *point, char **argv)
{
	struct blksnap_extents extents = { .items = NULL };
	struct progress progress = { .label = NULL };
	struct device_entry *device;
	struct blkio *source;
	bool source_failed;
	struct base base;
	enum status status;
	struct stat st;
	int fd = open(argv[2], O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st))
		return FAILED;
	source = blkio_of_fd(fd);
	point_begin(point, repo);
	device = manifest_add_device(&point->manifest);
	if (!source || !device)
		return FAILED;
	describe(device, argv, (uint64_t)st.st_size);
	chain_find_base(repo, device, &base);
	if (base.point)
		read_extents(&extents, argv + 5);
	else
		blksnap_extents_add(&extents, 0, device->capacity);
	status = point_copy_device(point, device, &base, &extents, source,
				   &progress, &source_failed);
	blkio_close(source);
	blksnap_extents_free(&extents);
	if (status == DONE)
		status = point_commit(point, is_valid, NULL);
	if (status == DONE)
		printf("%s %s: %s\n", point->manifest.id,
		       device->is_increment ? "increment" : "full",
		       device->reason);
	return status;
}

int main(int argc, char **argv)
{
	struct point point = { .repo = NULL };
	struct repo repo;
	enum status status;

	if (argc < 5)
		return 99;
	status = repo_open(&repo, argv[1], true);
	if (status != DONE)
		return status;
	status = make(&repo, &point, argv);
	if (status == DONE)
		point_end(&point);
	else
		point_abort(&point);
	repo_close(&repo);
	return status;
}
