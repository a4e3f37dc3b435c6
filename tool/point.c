// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commit (I9), in this order:
 *
 *  1. all data under temporary names, flushed by qemu-nbd, and synced;
 *  2. all data under final names, the directory synced;
 *  3. is the snapshot still there, whole, and of the same number?
 *  4. the manifest under a temporary name, synced;
 *  5. the manifest under its final name: this is the instant; the directory
 *     synced.
 *
 * Files under final names without a manifest are as good as temporary ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "copy.h"
#include "point.h"
#include "test_stop.h"

#define TEMPORARY_NAME_SIZE (FILE_NAME_SIZE + sizeof(TEMPORARY_PREFIX))

static void temporary_name(const char *name, char temporary[TEMPORARY_NAME_SIZE])
{
	snprintf(temporary, TEMPORARY_NAME_SIZE, TEMPORARY_PREFIX "%s", name);
}

static enum status failed_with(const struct point *point, const char *name,
			       int error)
{
	if (error == ENOSPC || error == EDQUOT) {
		say_error("no room for %s in %s; free some, or back up to another file system",
			  name, point->repo->path);
		return NO_ROOM;
	}
	say_error("%s in %s: %s", name, point->repo->path, strerror(error));
	return FAILED;
}

void point_begin(struct point *point, struct repo *repo)
{
	time_t now = time(NULL);
	struct tm utc;

	memset(point, 0, sizeof(*point));
	point->repo = repo;
	repo_new_id(repo, point->manifest.id);
	gmtime_r(&now, &utc);
	strftime(point->manifest.created, sizeof(point->manifest.created),
		 "%Y-%m-%dT%H:%M:%SZ", &utc);
	if (gethostname(point->manifest.hostname,
			sizeof(point->manifest.hostname) - 1))
		strcpy(point->manifest.hostname, "unknown");
	strcpy(point->manifest.tool_version, BLKSNAP_VERSION);
}

/* The base is named relative to the image: the directory can be moved. */
static enum status make_image(const struct device_entry *device,
			      const char *path)
{
	char size[32];
	const char *argv[16] = {
		"qemu-img", "create", "-q", "-f", "qcow2",
		"-o", "compat=1.1,cluster_size=65536,lazy_refcounts=off",
	};
	unsigned int n = 7;
	int ret;

	if (device->is_increment) {
		argv[n++] = "-b";
		argv[n++] = device->parent_image;
		argv[n++] = "-F";
		argv[n++] = "qcow2";
	}
	snprintf(size, sizeof(size), "%" PRIu64, device->capacity);
	argv[n++] = "--";
	argv[n++] = path;
	argv[n++] = size;
	ret = child_run(argv);
	if (!ret)
		return DONE;
	if (ret == -ENOENT)
		say_error("qemu-img is not installed; install the package qemu-utils (or qemu-img)");
	else
		say_error("qemu-img could not make %s", path);
	return FAILED;
}

static enum status write_hashes(const struct point *point,
				struct device_entry *device,
				const struct pieces *pieces)
{
	char name[TEMPORARY_NAME_SIZE];
	int fd, ret;

	temporary_name(device->hashes, name);
	fd = openat(point->repo->data_fd, name,
		    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed_with(point, device->hashes, errno);
	ret = pieces_write(pieces, fd, device->hashes_hash);
	if (!ret && fsync(fd))
		ret = -errno;
	close(fd);
	return ret ? failed_with(point, device->hashes, -ret) : DONE;
}

static enum status copy_into(const struct point *point,
			     struct device_entry *device, const char *path,
			     struct pieces *pieces, struct blkio *source,
			     struct progress *progress, bool *source_failed)
{
	struct copy_failure failure;
	struct blkio *image;
	int ret = blkio_of_qcow2(&image, path, true), close_ret;

	if (ret) {
		say_error("qemu-nbd could not open %s", path);
		return FAILED;
	}
	image->is_new = !device->is_increment;
	ret = copy_layer(pieces, source, image, progress,
			 &device->bytes_stored, &failure);
	if (!ret) {
		failure.is_reading = false;
		ret = image->ops->flush(image);
	}
	close_ret = blkio_close(image);
	if (!ret)
		ret = close_ret;
	if (!ret)
		return DONE;
	if (ret == -ECANCELED) {
		say_error("interrupted");
		return FAILED;
	}
	*source_failed = failure.is_reading;
	if (failure.is_reading) {
		say_error("%s cannot be read at byte %" PRIu64 ": %s",
			  device->name, failure.offset, strerror(-ret));
		return FAILED;
	}
	return failed_with(point, device->image, -ret);
}

static void name_files(const struct point *point, struct device_entry *device,
		       const struct base *base)
{
	const char *id = point->manifest.id;

	snprintf(device->image, sizeof(device->image), "%s.%s.qcow2", id,
		 device->name);
	snprintf(device->hashes, sizeof(device->hashes), "%s.%s.hashes", id,
		 device->name);
	snprintf(device->reason, sizeof(device->reason), "%s", base->reason);
	device->is_increment = base->point != NULL;
	if (!device->is_increment)
		return;
	strcpy(device->parent_point, base->point->id);
	strcpy(device->parent_hash, base->point->hash);
	strcpy(device->parent_image, base->device->image);
}

enum status point_copy_device(struct point *point, struct device_entry *device,
			      const struct base *base,
			      const struct blksnap_extents *extents,
			      struct blkio *source, struct progress *progress,
			      bool *source_failed)
{
	char name[TEMPORARY_NAME_SIZE], path[PATH_MAX];
	struct pieces pieces = { .items = NULL };
	enum status status;

	*source_failed = false;
	name_files(point, device, base);
	device->bytes_read = extents->bytes;
	device->extent_count = extents->count;
	if (pieces_cut(&pieces, extents)) {
		say_error("no memory for the list of changes");
		return FAILED;
	}
	temporary_name(device->image, name);
	repo_data_path(point->repo, name, path);
	status = make_image(device, path);
	if (status == DONE) {
		test_stop("image-made");
		status = copy_into(point, device, path, &pieces, source,
				   progress, source_failed);
	}
	if (status == DONE) {
		test_stop("image-written");
		status = write_hashes(point, device, &pieces);
	}
	if (status == DONE)
		test_stop("hashes-written");
	pieces_free(&pieces);
	return status;
}

static int sync_file(int dir_fd, const char *name, uint64_t *size)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) || fstat(fd, &st))
		ret = -errno;
	else
		*size = (uint64_t)st.st_size;
	close(fd);
	return ret;
}

static int rename_to_final(int dir_fd, const char *name)
{
	char temporary[TEMPORARY_NAME_SIZE];

	temporary_name(name, temporary);
	return renameat(dir_fd, temporary, dir_fd, name) ? -errno : 0;
}

/* Steps 1 and 2. */
static int settle_data(struct point *point)
{
	int dir_fd = point->repo->data_fd, ret = 0;
	struct manifest *manifest = &point->manifest;

	for (size_t i = 0; !ret && i < manifest->count; i++) {
		struct device_entry *device = &manifest->devices[i];
		char temporary[TEMPORARY_NAME_SIZE];

		temporary_name(device->image, temporary);
		ret = sync_file(dir_fd, temporary, &device->image_bytes);
	}
	if (ret)
		return ret;
	test_stop("data-synced");

	for (size_t i = 0; !ret && i < manifest->count; i++) {
		ret = rename_to_final(dir_fd, manifest->devices[i].image);
		if (!ret)
			ret = rename_to_final(dir_fd,
					      manifest->devices[i].hashes);
	}
	if (ret)
		return ret;
	test_stop("data-renamed");
	if (fsync(dir_fd))
		return -errno;
	test_stop("data-dir-synced");
	return 0;
}

static int write_all(int fd, const char *text)
{
	size_t length = strlen(text);

	while (length) {
		ssize_t put = write(fd, text, length);

		if (put < 0)
			return -errno;
		text += put;
		length -= (size_t)put;
	}
	return 0;
}

/* Step 4. */
static int write_manifest(const struct point *point, const char *temporary)
{
	char *text = manifest_to_text(&point->manifest);
	int fd, ret;

	if (!text)
		return -ENOMEM;
	fd = openat(point->repo->points_fd, temporary,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ret = fd < 0 ? -errno : write_all(fd, text);
	free(text);
	if (fd < 0)
		return ret;
	if (!ret) {
		test_stop("manifest-written");
		if (fsync(fd))
			ret = -errno;
	}
	close(fd);
	if (!ret)
		test_stop("manifest-synced");
	return ret;
}

/* Step 5. */
static int publish(const struct point *point, const char *temporary,
		   const char *final)
{
	int dir_fd = point->repo->points_fd;

	if (renameat(dir_fd, temporary, dir_fd, final))
		return -errno;
	test_stop("manifest-renamed");
	return fsync(dir_fd) ? -errno : 0;
}

enum status point_commit(struct point *point,
			 enum status (*is_still_valid)(void *context),
			 void *context)
{
	char name[FILE_NAME_SIZE], temporary[TEMPORARY_NAME_SIZE];
	enum status status;
	int ret = settle_data(point);

	if (ret)
		return failed_with(point, "data", -ret);
	status = is_still_valid(context);
	if (status != DONE)
		return status;

	snprintf(name, sizeof(name), "%s.json", point->manifest.id);
	temporary_name(name, temporary);
	ret = write_manifest(point, temporary);
	if (!ret)
		ret = publish(point, temporary, name);
	if (ret) {
		/* Whether it got there or not: take it back, then say so. */
		unlinkat(point->repo->points_fd, temporary, 0);
		unlinkat(point->repo->points_fd, name, 0);
		return failed_with(point, name, -ret);
	}
	test_stop("committed");
	return DONE;
}

static void remove_either(int dir_fd, const char *name)
{
	char temporary[TEMPORARY_NAME_SIZE];

	if (!*name)
		return;
	temporary_name(name, temporary);
	unlinkat(dir_fd, temporary, 0);
	unlinkat(dir_fd, name, 0);
}

void point_abort(struct point *point)
{
	for (size_t i = 0; i < point->manifest.count; i++) {
		remove_either(point->repo->data_fd,
			      point->manifest.devices[i].image);
		remove_either(point->repo->data_fd,
			      point->manifest.devices[i].hashes);
	}
	point_end(point);
}

void point_end(struct point *point)
{
	manifest_free(&point->manifest);
	memset(point, 0, sizeof(*point));
}
