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

/* 64 GiB of the device, and less than a MiB of memory. */
#define PIECES_AT_A_TIME 16384
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

/**
 * struct layer_copy - the image of one device being written, and the list of hashes
 *	beside it.
 * @failure: what failed, if copying did.
 * @has_list_failed: it was the list.
 */
struct layer_copy {
	const struct blksnap_extents *extents;
	struct blkio *from;
	struct blkio *to;
	struct pieces_writer *hashes;
	struct progress *progress;
	uint64_t bytes_stored;
	struct copy_failure failure;
	bool has_list_failed;
};

/* Portion by portion, so that memory does not follow the device's size. */
static int copy_portions(struct layer_copy *layer)
{
	struct piece_cursor cursor = { .extent = 0 };
	struct pieces pieces = { .items = NULL };
	int ret;

	do {
		uint64_t stored = 0;

		pieces.count = 0;
		ret = pieces_cut_some(&pieces, layer->extents, &cursor,
				      PIECES_AT_A_TIME);
		if (!ret)
			ret = copy_layer(&pieces, layer->from, layer->to,
					 layer->progress, &stored,
					 &layer->failure);
		layer->bytes_stored += stored;
		if (ret)
			break;
		ret = pieces_writer_put(layer->hashes, &pieces);
		layer->has_list_failed = ret;
	} while (!ret && pieces.count);
	pieces_free(&pieces);
	/* Interrupted: neither side has failed. */
	if (ret == -ECANCELED)
		layer->failure.is_reading = false;
	return ret;
}

static enum status explain_layer(const struct point *point,
				 const struct device_entry *device,
				 const struct layer_copy *layer, int error)
{
	if (error == -ECANCELED) {
		say_error("interrupted");
		return FAILED;
	}
	if (layer->failure.is_reading) {
		say_error("%s cannot be read at byte %" PRIu64 ": %s",
			  device->name, layer->failure.offset, strerror(-error));
		return FAILED;
	}
	return failed_with(point, layer->has_list_failed ? device->hashes :
							   device->image, -error);
}

static enum status copy_into(const struct point *point,
			     struct device_entry *device, const char *path,
			     struct layer_copy *layer)
{
	int ret = blkio_of_qcow2(&layer->to, path, true), close_ret;

	if (ret) {
		say_error("qemu-nbd could not open %s", path);
		return FAILED;
	}
	layer->to->is_new = !device->is_increment;
	ret = copy_portions(layer);
	if (!ret) {
		layer->failure.is_reading = false;
		ret = layer->to->ops->flush(layer->to);
	}
	close_ret = blkio_close(layer->to);
	device->bytes_stored = layer->bytes_stored;
	if (!ret)
		ret = close_ret;
	return ret ? explain_layer(point, device, layer, ret) : DONE;
}

/* The list is written beside the image, and is whole when the image is. */
static enum status copy_with_hashes(const struct point *point,
				    struct device_entry *device,
				    const char *path, struct layer_copy *layer)
{
	char name[TEMPORARY_NAME_SIZE];
	enum status status;
	int fd, ret;

	temporary_name(device->hashes, name);
	fd = openat(point->repo->data_fd, name,
		    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed_with(point, device->hashes, errno);
	ret = pieces_writer_open(&layer->hashes, fd);
	if (ret) {
		close(fd);
		return failed_with(point, device->hashes, -ret);
	}
	status = copy_into(point, device, path, layer);
	if (status == DONE)
		test_stop("image-written");
	ret = pieces_writer_close(layer->hashes, device->hashes_hash);
	if (!ret && fsync(fd))
		ret = -errno;
	close(fd);
	if (status == DONE && ret)
		status = failed_with(point, device->hashes, -ret);
	if (status == DONE)
		test_stop("hashes-written");
	return status;
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
	struct layer_copy layer = {
		.extents = extents, .from = source, .progress = progress,
	};
	enum status status;

	*source_failed = false;
	name_files(point, device, base);
	device->bytes_read = extents->bytes;
	device->extent_count = extents->count;
	temporary_name(device->image, name);
	repo_data_path(point->repo, name, path);
	status = make_image(device, path);
	if (status == DONE) {
		test_stop("image-made");
		status = copy_with_hashes(point, device, path, &layer);
	}
	*source_failed = status != DONE && layer.failure.is_reading;
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
