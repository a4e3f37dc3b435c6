// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "view.h"

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value))
		return "";
	return json_object_get_string(value);
}

static enum status check_layer(const struct layer *layer,
			       struct json_object *info)
{
	const struct device_entry *device = layer->device;
	const char *base = text_of(info, "backing-filename");
	struct json_object *size;

	if (strcmp(text_of(info, "format"), "qcow2") ||
	    strcmp(base, device->parent_image)) {
		say_error("%s is based on '%s', but was made upon '%s'; restore it from a copy",
			  device->image, base, device->parent_image);
		return MISMATCH;
	}
	if (!json_object_object_get_ex(info, "virtual-size", &size) ||
	    json_object_get_uint64(size) != device->capacity) {
		say_error("%s has another size than the device had; restore it from a copy",
			  device->image);
		return MISMATCH;
	}
	return DONE;
}

/* qemu-img lists the newest image first. */
static enum status check_layers(const struct view *view, const char *text)
{
	struct json_object *infos = json_tokener_parse(text);
	enum status status = DONE;

	if (!infos || !json_object_is_type(infos, json_type_array) ||
	    json_object_array_length(infos) != view->count) {
		say_error("%s is not based on the images that its manifest names; restore them from a copy",
			  view->layers[view->count - 1].device->image);
		status = MISMATCH;
	}
	for (size_t i = 0; status == DONE && i < view->count; i++)
		status = check_layer(&view->layers[view->count - 1 - i],
				     json_object_array_get_idx(infos, i));
	json_object_put(infos);
	return status;
}

static enum status check_images(const struct view *view, const char *path)
{
	const char *const argv[] = {
		"qemu-img", "info", "--output=json", "--backing-chain",
		"-f", "qcow2", "-U", "--", path, NULL,
	};
	enum status status = MISMATCH;
	char *text = NULL;
	int ret = child_output(argv, &text);

	if (ret == -ENOENT) {
		say_error("qemu-img is not installed; install the package qemu-utils (or qemu-img)");
		status = FAILED;
	} else if (ret == -ECANCELED) {
		say_error("interrupted");
		status = FAILED;
	} else if (ret < 0 || ret >= 126) {
		say_error("qemu-img could not look at %s; try again", path);
		status = FAILED;
	} else if (ret) {
		say_error("%s, or an image that it is based on, cannot be opened; restore it from a copy",
			  path);
	} else {
		status = check_layers(view, text);
	}
	free(text);
	return status;
}

enum status view_check(struct view *view, const struct repo *repo,
		       const struct manifest *point,
		       const struct device_entry *device)
{
	char path[PATH_MAX];
	enum status status;

	memset(view, 0, sizeof(*view));
	status = chain_layers(repo, point, device, &view->layers, &view->count);
	if (status != DONE)
		return status;
	repo_data_path(repo, device->image, path);
	status = check_images(view, path);
	if (status != DONE)
		view_close(view);
	return status;
}

enum status view_open(struct view *view, const struct repo *repo,
		      const struct manifest *point,
		      const struct device_entry *device)
{
	char path[PATH_MAX];
	enum status status = view_check(view, repo, point, device);

	if (status != DONE)
		return status;
	repo_data_path(repo, device->image, path);
	if (!blkio_of_qcow2(&view->image, path, false))
		return DONE;
	say_error("qemu-nbd could not open %s", path);
	view_close(view);
	return FAILED;
}

void view_close(struct view *view)
{
	blkio_close(view->image);
	free(view->layers);
	memset(view, 0, sizeof(*view));
}

enum status layer_read_pieces(const struct repo *repo, const struct layer *layer,
			      struct pieces *pieces)
{
	const struct device_entry *device = layer->device;
	char hash[HASH_TEXT_SIZE];
	int fd = openat(repo->data_fd, device->hashes, O_RDONLY | O_CLOEXEC);
	int ret = fd < 0 ? -errno : pieces_read(pieces, fd, hash);

	if (fd >= 0)
		close(fd);
	if (ret == -EBADMSG || (!ret && strcmp(hash, device->hashes_hash))) {
		say_error("%s/data/%s is not as it was written; restore it from a copy",
			  repo->path, device->hashes);
		pieces_free(pieces);
		return MISMATCH;
	}
	if (ret) {
		say_error("%s/data/%s cannot be read: %s; restore it from a copy",
			  repo->path, device->hashes, strerror(-ret));
		return ret == -ENOENT ? MISMATCH : FAILED;
	}
	return DONE;
}

static bool covers_all(const struct pieces *pieces, uint64_t capacity)
{
	uint64_t end = 0;

	for (size_t i = 0; i < pieces->count; i++) {
		if (pieces->items[i].offset != end)
			return false;
		end += pieces->items[i].length;
	}
	return end == capacity;
}

enum status view_read_pieces(const struct repo *repo, const struct view *view,
			     struct pieces *pieces)
{
	const struct device_entry *full = view->layers[0].device;
	enum status status = DONE;

	memset(pieces, 0, sizeof(*pieces));
	for (size_t i = 0; status == DONE && i < view->count; i++) {
		struct pieces over = { .items = NULL };

		status = layer_read_pieces(repo, &view->layers[i], &over);
		for (size_t p = 0; p < over.count; p++)
			over.items[p].layer = (uint32_t)i;
		if (status == DONE && pieces_overlay(pieces, &over)) {
			say_error("no memory for the list of hashes");
			status = FAILED;
		}
		pieces_free(&over);
	}
	if (status == DONE && !covers_all(pieces, full->capacity)) {
		say_error("the hashes in %s do not cover the whole device",
			  full->hashes);
		status = MISMATCH;
	}
	if (status != DONE)
		pieces_free(pieces);
	return status;
}
