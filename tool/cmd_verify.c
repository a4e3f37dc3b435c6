// SPDX-License-Identifier: GPL-2.0-only
/* blksnap verify: proves that what is in a backup directory is what was backed up. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "child.h"
#include "copy.h"
#include "deep.h"
#include "table.h"
#include "view.h"

static const char usage[] =
	"Usage: blksnap verify [OPTION]... DIR[@POINT]\n"
	"\n"
	"Reads all that the points of a backup directory (or one point, with all\n"
	"that it is based on) consist of, and compares it with the hashes of what\n"
	"was backed up; checks the images with qemu-img. Exit status 13 if\n"
	"anything differs.\n"
	"\n"
	"      --deep             compare the point with the snapshot that it was made\n"
	"                         from as well, outside the difference storage; needs\n"
	"                         'backup --keep-snapshot'\n"
	"  -J, --json             print the verdicts as JSON\n"
	"      --progress MODE    auto, bar, lines, json or none\n"
	"  -q, --quiet            say nothing but errors\n"
	"  -h, --help             print this\n";

enum { OPT_DEEP = 256 };

/**
 * struct verify - what is being verified, and the verdict so far.
 * @done: images that were proved already; points share them.
 * @verdicts: JSON array.
 * @worst: MISMATCH once there was one, FAILED if something kept us from it.
 */
struct verify {
	struct point_name name;
	bool is_deep;
	bool is_json;
	enum progress_mode mode;
	struct repo repo;
	const char **done;
	size_t done_count;
	struct json_object *verdicts;
	struct progress progress;
	enum status worst;
};

static void note(struct verify *verify, const struct layer *layer,
		 const char *check, enum status status, uint64_t bytes)
{
	struct json_object *verdict = json_object_new_object();
	char size[16];

	json_object_object_add(verdict, "point",
			       json_object_new_string(layer->point->id));
	json_object_object_add(verdict, "device",
			       json_object_new_string(layer->device->name));
	json_object_object_add(verdict, "check", json_object_new_string(check));
	json_object_object_add(verdict, "is_right",
			       json_object_new_boolean(status == DONE));
	json_object_object_add(verdict, "bytes", json_object_new_uint64(bytes));
	json_object_array_add(verify->verdicts, verdict);
	if (status != DONE && verify->worst != MISMATCH)
		verify->worst = status;
	if (verify->is_json || (say_is_quiet() && status == DONE))
		return;
	printf("%-9s %s  %-12s %-9s %s, %s\n",
	       status == DONE ? "right" : status == MISMATCH ? "WRONG" : "FAILED",
	       layer->point->id, layer->device->name,
	       layer->device->is_increment ? "increment" : "full", check,
	       format_size(bytes, size));
}

/*
 * It could not check. That is damage only if the image cannot be opened at all,
 * which view_check() finds as well, and says.
 */
static enum status explain_unchecked(struct verify *verify,
				     const struct layer *layer)
{
	struct view view;
	enum status status = view_check(&view, &verify->repo, layer->point,
					layer->device);

	if (status != DONE)
		return status;
	view_close(&view);
	say_error("qemu-img check of %s failed; try again",
		  layer->device->image);
	return FAILED;
}

static enum status check_format(struct verify *verify,
				const struct layer *layer)
{
	const struct device_entry *device = layer->device;
	char path[PATH_MAX], *report = NULL;
	const char *const argv[] = {
		"qemu-img", "check", "-q", "-f", "qcow2", "-U", "--output=json",
		"--", path, NULL,
	};
	struct stat st;
	int ret;

	if (fstatat(verify->repo.data_fd, device->image, &st, 0)) {
		say_error("%s/data/%s: %s; restore it from a copy",
			  verify->repo.path, device->image, strerror(errno));
		return MISMATCH;
	}
	if ((uint64_t)st.st_size != device->image_bytes) {
		say_error("%s/data/%s has %" PRIu64 " bytes, and had %" PRIu64 "; restore it from a copy",
			  verify->repo.path, device->image,
			  (uint64_t)st.st_size, device->image_bytes);
		return MISMATCH;
	}
	repo_data_path(&verify->repo, device->image, path);
	ret = child_output(argv, &report);
	free(report);
	if (ret == -ENOENT) {
		say_error("qemu-img is not installed; install the package qemu-utils (or qemu-img)");
		return FAILED;
	}
	if (ret == -ECANCELED) {
		say_error("interrupted");
		return FAILED;
	}
	if (ret < 0 || ret == 1 || ret >= 126)
		return explain_unchecked(verify, layer);
	/* 3: clusters that nobody uses, which harms nothing. */
	if (ret && ret != 3) {
		say_error("qemu-img check finds %s damaged; restore it from a copy",
			  path);
		return MISMATCH;
	}
	return DONE;
}

/*
 * The hashes prove what they are of. Beside it, an image must hold nothing: it
 * would be shown in place of what lies beneath.
 */
static enum status check_own(const struct layer *layer, struct blkio *image,
			     const struct pieces *pieces)
{
	const struct device_entry *device = layer->device;
	struct blksnap_extents own = { .items = NULL };
	enum status status = DONE;
	uint64_t where;
	int ret = blkio_qcow2_own(image, device->capacity, &own);

	if (ret) {
		say_error("what %s itself holds cannot be told: %s",
			  device->image, strerror(-ret));
		status = FAILED;
	} else if (!pieces_cover(pieces, &own, IMAGE_CLUSTER_BYTES, &where)) {
		say_error("%s holds something at byte %" PRIu64 " of %s that was not written by the backup; restore it from a copy",
			  device->image, where, device->name);
		status = MISMATCH;
	}
	blksnap_extents_free(&own);
	return status;
}

static enum status check_content(struct verify *verify,
				 const struct layer *layer, uint64_t *bytes)
{
	struct copy_failure failure;
	struct pieces pieces = { .items = NULL };
	struct view view;
	enum status status;
	int ret;

	status = layer_read_pieces(&verify->repo, layer, &pieces);
	if (status != DONE)
		return status;
	status = view_open(&view, &verify->repo, layer->point, layer->device);
	if (status != DONE) {
		pieces_free(&pieces);
		return status;
	}
	for (size_t i = 0; i < pieces.count; i++)
		*bytes += pieces.items[i].length;
	ret = copy_checked(&pieces, view.image, NULL, &verify->progress,
			   &failure);
	if (ret == -EBADMSG) {
		say_error("%s differs from what was backed up at byte %" PRIu64 " of %s; restore it from a copy",
			  layer->device->image, failure.offset,
			  layer->device->name);
		status = MISMATCH;
	} else if (ret == -ECANCELED) {
		say_error("interrupted");
		status = FAILED;
	} else if (ret) {
		say_error("%s cannot be read at byte %" PRIu64 ": %s; restore it from a copy",
			  layer->device->image, failure.offset, strerror(-ret));
		status = MISMATCH;
	} else {
		status = check_own(layer, view.image, &pieces);
	}
	view_close(&view);
	pieces_free(&pieces);
	return status;
}

static bool is_done(struct verify *verify, const char *image)
{
	for (size_t i = 0; i < verify->done_count; i++)
		if (!strcmp(verify->done[i], image))
			return true;
	verify->done[verify->done_count++] = image;
	return false;
}

static void verify_layer(struct verify *verify, const struct layer *layer)
{
	enum status status;
	uint64_t bytes = 0;

	if (is_done(verify, layer->device->image))
		return;
	status = check_format(verify, layer);
	if (status == DONE)
		status = check_content(verify, layer, &bytes);
	note(verify, layer, "hashes", status, bytes);
}

static void verify_deep(struct verify *verify, const struct layer *top)
{
	uint64_t bytes = 0;
	enum status status = deep_compare(&verify->repo, top,
					  &verify->progress, &bytes);

	note(verify, top, "snapshot", status, bytes);
}

static void verify_point(struct verify *verify, const struct manifest *point)
{
	for (size_t d = 0; d < point->count && !is_interrupted(); d++) {
		const struct layer top = { point, &point->devices[d] };
		struct layer *layers;
		enum status status;
		size_t count;

		status = chain_layers(&verify->repo, point, top.device, &layers,
				      &count);
		if (status != DONE) {
			note(verify, &top, "chain", status, 0);
			continue;
		}
		for (size_t i = 0; i < count && !is_interrupted(); i++)
			verify_layer(verify, &layers[i]);
		if (verify->is_deep)
			verify_deep(verify, &top);
		free(layers);
	}
}

/* What there is to read at most; points that share images make it less. */
static uint64_t bytes_to_read(const struct verify *verify,
			      const struct manifest *only)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < verify->repo.count; i++) {
		const struct manifest *point = &verify->repo.points[i];

		if (only && strcmp(point->id, only->id) > 0)
			continue;
		for (size_t d = 0; d < point->count; d++)
			bytes += point->devices[d].bytes_read;
	}
	for (size_t d = 0; verify->is_deep && only && d < only->count; d++)
		bytes += only->devices[d].capacity;
	return bytes;
}

static enum status verify_all(struct verify *verify)
{
	const struct manifest *only = NULL;
	size_t images = 0;

	if (*verify->name.point || verify->is_deep) {
		only = repo_find(&verify->repo, verify->name.point);
		if (!only)
			return FAILED;
	} else if (!verify->repo.count) {
		say_error("%s holds no backup point", verify->repo.path);
		return FAILED;
	}
	for (size_t i = 0; i < verify->repo.count; i++)
		images += verify->repo.points[i].count;
	verify->done = calloc(images, sizeof(*verify->done));
	if (!verify->done)
		return FAILED;
	progress_start(&verify->progress, verify->mode, "verify",
		       bytes_to_read(verify, only));
	for (size_t i = 0; i < verify->repo.count; i++)
		if (!only || only == &verify->repo.points[i])
			verify_point(verify, &verify->repo.points[i]);
	progress_end(&verify->progress);
	free(verify->done);
	return is_interrupted() && !verify->worst ? FAILED : verify->worst;
}

static int parse(struct verify *verify, int argc, char **argv)
{
	static const struct option options[] = {
		{ "deep", no_argument, NULL, OPT_DEEP },
		{ "json", no_argument, NULL, 'J' },
		PROGRESS_LONG_OPTIONS,
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option, error;

	while ((option = getopt_long(argc, argv, "Jqh", options, NULL)) != -1) {
		if (progress_take_option(&verify->mode, option, optarg, &error)) {
			if (error)
				return usage_wrong(argv[0], "'%s' is no way to show progress",
						   optarg);
			continue;
		}
		switch (option) {
		case OPT_DEEP:
			verify->is_deep = true;
			break;
		case 'J':
			verify->is_json = true;
			break;
		case 'h':
			usage_help(usage);
			exit(DONE);
		default:
			return usage_wrong(argv[0], NULL);
		}
	}
	if (optind + 1 != argc)
		return usage_wrong(argv[0], "name one backup directory");
	if (point_name_parse(argv[optind], &verify->name))
		return usage_wrong(argv[0], "'%s' names no point", argv[optind]);
	return DONE;
}

int cmd_verify(int argc, char **argv)
{
	static struct verify verify;
	struct json_object *document;
	enum status status;
	int ret = parse(&verify, argc, argv);

	if (ret)
		return ret;
	signals_catch();
	status = repo_open(&verify.repo, verify.name.dir, false);
	if (status != DONE)
		return status;
	verify.verdicts = json_object_new_array();
	status = verify_all(&verify);
	if (verify.is_json) {
		document = document_new("blksnap-verify");
		json_object_object_add(document, "is_right",
				json_object_new_boolean(status == DONE));
		json_object_object_add(document, "verdicts", verify.verdicts);
		document_print(document);
	} else {
		json_object_put(verify.verdicts);
	}
	repo_close(&verify.repo);
	return status;
}
