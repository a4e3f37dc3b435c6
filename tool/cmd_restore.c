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

/**
 * struct proof - of a layer, what layers above have left of pieces.
 * @wholes: the pieces, which the layer's own view must show: a hash is of all of one.
 * @parts: what is left of them, which is the same in the end.
 */
struct proof {
	struct pieces wholes;
	struct pieces parts;
};

/**
 * struct job - one device to be written.
 * @proofs: one for each layer of @view.
 */
struct job {
	const struct device_entry *device;
	const char *target;
	struct view view;
	struct pieces pieces;
	struct proof *proofs;
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

/* Adds the piece that @part is a part of, once: parts of one come in sequence. */
static int add_whole(struct pieces *wholes, const struct piece *part)
{
	struct piece whole = *part;

	whole.kind = PIECE_DATA;
	whole.offset = part->whole_offset;
	whole.length = part->whole_length;
	if (wholes->count &&
	    wholes->items[wholes->count - 1].offset == whole.offset)
		return 0;
	return pieces_add(wholes, &whole);
}

static uint64_t sum_of(const struct pieces *pieces)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < pieces->count; i++)
		bytes += pieces->items[i].length;
	return bytes;
}

/* @bytes grows by what there is to read for it. */
static enum status find_proofs(struct job *job, uint64_t *bytes)
{
	const struct pieces *shown = &job->pieces;
	int ret = 0;

	job->proofs = calloc(job->view.count, sizeof(*job->proofs));
	if (!job->proofs)
		ret = -ENOMEM;
	for (size_t i = 0; !ret && i < shown->count; i++) {
		const struct piece *part = &shown->items[i];
		struct proof *proof = &job->proofs[part->layer];

		if (part->kind == PIECE_PART)
			ret = add_whole(&proof->wholes, part) ?:
			      pieces_add(&proof->parts, part);
	}
	if (ret) {
		say_error("no memory for the list of hashes");
		return FAILED;
	}
	for (size_t i = 0; i < job->view.count; i++)
		*bytes += sum_of(&job->proofs[i].wholes) +
			  sum_of(&job->proofs[i].parts);
	return DONE;
}

static void free_proofs(struct job *job)
{
	for (size_t i = 0; job->proofs && i < job->view.count; i++) {
		pieces_free(&job->proofs[i].wholes);
		pieces_free(&job->proofs[i].parts);
	}
	free(job->proofs);
}

static enum status prove_layer(const struct repo *repo, const struct job *job,
			       size_t i, struct progress *progress)
{
	const struct layer *layer = &job->view.layers[i];
	struct proof *proof = &job->proofs[i];
	struct copy_failure failure;
	struct view view;
	enum status status = view_open(&view, repo, layer->point, layer->device);
	int ret;

	if (status != DONE)
		return status;
	ret = copy_checked(&proof->wholes, view.image, NULL, progress, &failure);
	if (!ret) {
		ret = copy_compare(&proof->parts, view.image, job->view.image,
				   progress, &failure);
		failure.is_reading = true;
	}
	view_close(&view);
	return ret ? explain(job, layer->device->image, ret, &failure) : DONE;
}

/* Before a byte of the target is written. */
static enum status prove_parts(const struct repo *repo, const struct job *job,
			       struct progress *progress)
{
	enum status status = DONE;

	for (size_t i = 0; status == DONE && i < job->view.count; i++)
		if (job->proofs[i].parts.count)
			status = prove_layer(repo, job, i, progress);
	return status;
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
	for (int i = 0; status == DONE && i < restore->pair_count; i++) {
		total += jobs[i].device->capacity;
		status = find_proofs(&jobs[i], &total);
	}
	if (status == DONE)
		progress_start(&progress, restore->progress, "restore", total);
	for (int i = 0; status == DONE && i < restore->pair_count; i++)
		status = prove_parts(repo, &jobs[i], &progress);
	for (int i = 0; status == DONE && i < restore->pair_count; i++)
		status = write_device(&jobs[i], &progress);
	progress_end(&progress);
	for (int i = 0; i < restore->pair_count; i++) {
		free_proofs(&jobs[i]);
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
