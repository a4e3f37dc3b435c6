// SPDX-License-Identifier: GPL-2.0-only
/* blksnap restore: writes a point to devices or files, and proves it on the way. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "table.h"
#include "target.h"
#include "view.h"

static const char usage[] =
	"Usage: blksnap restore --from DIR[@POINT] --device NAME=TARGET...\n"
	"       blksnap restore --from DIR[@POINT] --list [-J] [-n] [-b] [-o COLUMNS]\n"
	"\n"
	"Writes devices of a backup point to devices or files. ALL DATA ON A\n"
	"TARGET IS OVERWRITTEN. A target that is mounted or in use, too small, or\n"
	"(without --force) holds a file system is refused.\n"
	"\n"
	"  -f, --from DIR[@POINT] the backup, and the point if not the newest\n"
	"  -d, --device NAME=TARGET\n"
	"                         write NAME (a device's name, path, mount point,\n"
	"                         serial or file system UUID in the backup) to\n"
	"                         TARGET: a device, or a file that is made\n"
	"      --force            overwrite file systems and files\n"
	"  -l, --list             list the points instead\n"
	TABLE_USAGE
	"      --progress MODE    auto, bar, lines, json or none\n"
	"  -q, --quiet            say nothing but errors\n"
	"  -h, --help             print this\n";

enum { OPT_FORCE = 256 };

/**
 * struct restore - what the command line asked for.
 * @pairs: NAME=TARGET as typed.
 */
struct restore {
	struct point_name from;
	const char **pairs;
	int pair_count;
	bool force;
	bool is_list;
	struct table_options table;
	enum progress_mode progress;
};

/* One device to be written. */
struct job {
	const struct device_entry *device;
	const char *target;
	struct view view;
	struct pieces pieces;
	struct target opened;
};

static const struct column list_columns[] = {
	{ "POINT", "point", COLUMN_TEXT, false },
	{ "CREATED", "created", COLUMN_TEXT, false },
	{ "HOST", "hostname", COLUMN_TEXT, true },
	{ "DEVICE", "device", COLUMN_TEXT, false },
	{ "PATH", "path", COLUMN_TEXT, true },
	{ "MOUNTPOINT", "mount_point", COLUMN_TEXT, false },
	{ "FSTYPE", "fs_type", COLUMN_TEXT, true },
	{ "UUID", "fs_uuid", COLUMN_TEXT, true },
	{ "SIZE", "capacity", COLUMN_SIZE, false },
	{ "KIND", "kind", COLUMN_TEXT, false },
	{ "STORED", "image_bytes", COLUMN_SIZE, false },
	{ "PARENT", "parent", COLUMN_TEXT, true },
	{ "REASON", "reason", COLUMN_TEXT, true },
	{ NULL, NULL, 0, false },
};

/* @only: NULL for all points. */
static int list(const struct repo *repo, const struct manifest *only,
		const struct table_options *options)
{
	struct table *table = table_new(list_columns, options);
	struct json_object *rows, *document;

	if (!table)
		return WRONG_USAGE;
	for (size_t i = 0; i < repo->count; i++) {
		const struct manifest *point = &repo->points[i];

		if (only && point != only)
			continue;
		for (size_t d = 0; d < point->count; d++) {
			const struct device_entry *device = &point->devices[d];
			const union cell cells[] = {
				{ .text = point->id },
				{ .text = point->created },
				{ .text = point->hostname },
				{ .text = device->name },
				{ .text = device->path },
				{ .text = device->mount_point },
				{ .text = device->fs_type },
				{ .text = device->fs_uuid },
				{ .number = device->capacity },
				{ .text = device->is_increment ? "increment" :
								 "full" },
				{ .number = device->image_bytes },
				{ .text = device->is_increment ?
					  device->parent_point : NULL },
				{ .text = device->reason },
			};

			table_add(table, cells);
		}
	}
	rows = table_end(table);
	if (!rows)
		return DONE;
	document = document_new("blksnap-points");
	json_object_object_add(document, "points", rows);
	document_print(document);
	return DONE;
}

static enum status find_devices(const struct restore *restore,
				const struct manifest *point, struct job *jobs)
{
	for (int i = 0; i < restore->pair_count; i++) {
		const char *equals = strchr(restore->pairs[i], '=');
		char name[1024];

		snprintf(name, sizeof(name), "%.*s",
			 (int)(equals - restore->pairs[i]), restore->pairs[i]);
		jobs[i].target = equals + 1;
		jobs[i].device = manifest_find(point, name);
		if (!jobs[i].device)
			return FAILED;
	}
	return DONE;
}

static enum status open_target(const struct restore *restore, struct job *jobs,
			       int i)
{
	for (int j = 0; j < i; j++) {
		if (!target_is(&jobs[j].opened, jobs[i].target))
			continue;
		say_error("%s and %s are the same target; name another one for %s",
			  jobs[j].target, jobs[i].target, jobs[i].device->name);
		return FAILED;
	}
	return target_open(&jobs[i].opened, jobs[i].target, jobs[i].device,
			   restore->force);
}

/* All sources and all targets are opened before a byte is overwritten. */
static enum status open_all(const struct repo *repo,
			    const struct restore *restore,
			    const struct manifest *point, struct job *jobs)
{
	enum status status = DONE;

	for (int i = 0; status == DONE && i < restore->pair_count; i++) {
		struct job *job = &jobs[i];

		status = view_open(&job->view, repo, point, job->device);
		if (status == DONE)
			status = view_read_pieces(repo, &job->view,
						  &job->pieces);
	}
	for (int i = 0; status == DONE && i < restore->pair_count; i++)
		status = open_target(restore, jobs, i);
	return status;
}

/* @image: what was read, of the job's device. */
static enum status explain(const struct job *job, const char *image, int error,
			   const struct copy_failure *failure)
{
	enum status status = FAILED;

	if (error == -ECANCELED)
		say_error("interrupted");
	else if (error == -EBADMSG) {
		say_error("%s: the backup's content at byte %" PRIu64 " is not what was backed up; 'blksnap verify' tells which image is damaged",
			  job->device->name, failure->offset);
		status = MISMATCH;
	} else {
		say_error("%s at byte %" PRIu64 ": %s",
			  failure->is_reading ? image : job->target,
			  failure->offset, strerror(-error));
		if (error == -ENOSPC)
			status = NO_ROOM;
	}
	return status;
}

/* Of @layer, the pieces of which parts are shown. */
static enum status wholes_of(const struct pieces *shown, size_t layer,
			     struct pieces *wholes)
{
	for (size_t i = 0; i < shown->count; i++) {
		const struct piece *part = &shown->items[i];
		struct piece whole = *part;

		if (part->kind != PIECE_PART || part->layer != layer)
			continue;
		whole.kind = PIECE_DATA;
		whole.offset = part->whole_offset;
		whole.length = part->whole_length;
		/* Parts of one follow each other. */
		if (wholes->count &&
		    wholes->items[wholes->count - 1].offset == whole.offset)
			continue;
		if (pieces_add(wholes, &whole)) {
			say_error("no memory for the list of hashes");
			return FAILED;
		}
	}
	return DONE;
}

static enum status parts_of(const struct pieces *shown, size_t layer,
			    struct pieces *parts)
{
	for (size_t i = 0; i < shown->count; i++) {
		const struct piece *part = &shown->items[i];

		if (part->kind == PIECE_PART && part->layer == layer &&
		    pieces_add(parts, part)) {
			say_error("no memory for the list of hashes");
			return FAILED;
		}
	}
	return DONE;
}

/* The pieces are what they were, and their parts are what is shown in the end. */
static enum status prove_layer(const struct repo *repo, const struct job *job,
			       const struct layer *layer, struct pieces *wholes,
			       struct pieces *parts, struct progress *progress)
{
	struct copy_failure failure;
	struct view view;
	enum status status = view_open(&view, repo, layer->point, layer->device);
	int ret;

	if (status != DONE)
		return status;
	ret = copy_checked(wholes, view.image, NULL, progress, &failure);
	if (!ret) {
		ret = copy_compare(parts, view.image, job->view.image, progress,
				   &failure);
		failure.is_reading = true;
	}
	view_close(&view);
	return ret ? explain(job, layer->device->image, ret, &failure) : DONE;
}

/*
 * A hash is of a whole piece. Where a layer above covers part of it, what is left is
 * proved by reading the piece as its own layer shows it.
 */
static enum status prove_parts(const struct repo *repo, const struct job *job,
			       struct progress *progress)
{
	enum status status = DONE;

	for (size_t i = 0; status == DONE && i < job->view.count; i++) {
		struct pieces wholes = { .items = NULL }, parts = { .items = NULL };

		status = wholes_of(&job->pieces, i, &wholes);
		if (status == DONE)
			status = parts_of(&job->pieces, i, &parts);
		if (status == DONE && wholes.count)
			status = prove_layer(repo, job, &job->view.layers[i],
					     &wholes, &parts, progress);
		pieces_free(&wholes);
		pieces_free(&parts);
	}
	return status;
}

static uint64_t sum_of(const struct pieces *pieces)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < pieces->count; i++)
		bytes += pieces->items[i].length;
	return bytes;
}

/* What there is to read: all of the device, and once more what is proved by itself. */
static uint64_t bytes_to_read(const struct job *job)
{
	uint64_t bytes = job->device->capacity;

	for (size_t i = 0; i < job->view.count; i++) {
		struct pieces wholes = { .items = NULL }, parts = { .items = NULL };

		if (wholes_of(&job->pieces, i, &wholes) == DONE &&
		    parts_of(&job->pieces, i, &parts) == DONE)
			bytes += sum_of(&wholes) + sum_of(&parts);
		pieces_free(&wholes);
		pieces_free(&parts);
	}
	return bytes;
}

static enum status write_device(struct job *job, struct progress *progress)
{
	struct copy_failure failure = { .is_reading = false };
	enum status status = target_begin(&job->opened);
	struct blkio *io = job->opened.io;
	int ret;

	if (status != DONE)
		return status;
	ret = copy_checked(&job->pieces, job->view.image, io, progress,
			   &failure);
	if (!ret) {
		failure.offset = job->device->capacity;
		failure.is_reading = false;
		ret = io->ops->flush(io);
	}
	if (ret) {
		status = explain(job, job->device->image, ret, &failure);
		say_hint("%s is incomplete now: do not use it", job->target);
		return status;
	}
	say_note("%s restored to %s, hashes correct", job->device->name,
		 job->target);
	return DONE;
}

static enum status write_all(const struct repo *repo,
			     const struct restore *restore,
			     const struct manifest *point)
{
	struct job *jobs = calloc((size_t)restore->pair_count, sizeof(*jobs));
	struct progress progress = { .label = NULL };
	enum status status;
	uint64_t total = 0;

	if (!jobs) {
		say_error("no memory");
		return FAILED;
	}
	status = find_devices(restore, point, jobs);
	if (status == DONE)
		status = open_all(repo, restore, point, jobs);
	for (int i = 0; status == DONE && i < restore->pair_count; i++)
		total += bytes_to_read(&jobs[i]);
	if (status == DONE)
		progress_start(&progress, restore->progress, "restore", total);
	for (int i = 0; status == DONE && i < restore->pair_count; i++)
		status = prove_parts(repo, &jobs[i], &progress);
	for (int i = 0; status == DONE && i < restore->pair_count; i++)
		status = write_device(&jobs[i], &progress);
	progress_end(&progress);
	for (int i = 0; i < restore->pair_count; i++) {
		view_close(&jobs[i].view);
		pieces_free(&jobs[i].pieces);
		if (target_close(&jobs[i].opened) && status == DONE) {
			say_error("%s could not be closed in order",
				  jobs[i].target);
			status = FAILED;
		}
	}
	free(jobs);
	return status;
}

static int run(const struct restore *restore)
{
	const struct manifest *point = NULL;
	struct repo repo;
	enum status status = repo_open(&repo, restore->from.dir, false);

	if (status != DONE)
		return status;
	if (!restore->is_list || *restore->from.point) {
		point = repo_find(&repo, restore->from.point);
		status = point ? DONE : FAILED;
	}
	if (status == DONE && restore->is_list)
		status = (enum status)list(&repo, point, &restore->table);
	else if (status == DONE)
		status = write_all(&repo, restore, point);
	repo_close(&repo);
	return status;
}

static int parse(struct restore *restore, int argc, char **argv)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "device", required_argument, NULL, 'd' },
		{ "force", no_argument, NULL, OPT_FORCE },
		{ "list", no_argument, NULL, 'l' },
		PROGRESS_LONG_OPTIONS,
		{ "help", no_argument, NULL, 'h' },
		TABLE_LONG_OPTIONS,
		{ NULL, 0, NULL, 0 },
	};
	int option, error;

	while ((option = getopt_long(argc, argv, "f:d:lqh" TABLE_SHORT_OPTIONS,
				     options, NULL)) != -1) {
		if (table_take_option(&restore->table, option, optarg))
			continue;
		if (progress_take_option(&restore->progress, option, optarg, &error)) {
			if (error)
				return usage_wrong(argv[0], "'%s' is no way to show progress",
						   optarg);
			continue;
		}
		switch (option) {
		case 'f':
			if (point_name_parse(optarg, &restore->from))
				return usage_wrong(argv[0], "'%s' names no point",
						   optarg);
			break;
		case 'd': {
			const char *equals = strchr(optarg, '=');

			if (!equals || equals == optarg || !equals[1])
				return usage_wrong(argv[0], "'%s' is not NAME=TARGET",
						   optarg);
			restore->pairs[restore->pair_count++] = optarg;
			break;
		}
		case OPT_FORCE:
			restore->force = true;
			break;
		case 'l':
			restore->is_list = true;
			break;
		case 'h':
			usage_help(usage);
			exit(DONE);
		default:
			return usage_wrong(argv[0], NULL);
		}
	}
	if (optind < argc)
		return usage_wrong(argv[0], "'%s' is one word too many",
				   argv[optind]);
	if (!*restore->from.dir)
		return usage_wrong(argv[0], "--from is missing");
	if (!restore->is_list && !restore->pair_count)
		return usage_wrong(argv[0], "--device NAME=TARGET is missing: where shall it be written to?");
	return DONE;
}

int cmd_restore(int argc, char **argv)
{
	struct restore restore = { .force = false };
	int ret;

	restore.pairs = calloc((size_t)argc, sizeof(*restore.pairs));
	if (!restore.pairs)
		return FAILED;
	ret = parse(&restore, argc, argv);
	if (!ret) {
		signals_catch();
		ret = run(&restore);
	}
	free(restore.pairs);
	return ret;
}
