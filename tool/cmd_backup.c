// SPDX-License-Identifier: GPL-2.0-only
/* blksnap backup: a snapshot, what is to be copied of it, and a point. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"
#include "device.h"
#include "point.h"
#include "session.h"
#include "table.h"
#include "test_stop.h"

static const char usage[] =
	"Usage: blksnap backup --to DIR [OPTION]... DEVICE|MOUNTPOINT...\n"
	"\n"
	"Backs devices up as they are at one instant, while they go on being\n"
	"written. The first time everything is copied, then what changed. Each\n"
	"device becomes a qcow2 image that qemu-img and virtual machines can read.\n"
	"\n"
	"  -t, --to DIR           directory of backups, made if it does not exist\n"
	"  -i, --incremental HOW  auto: if possible, else a full one (default);\n"
	"                         require: end with status 10 if impossible;\n"
	"                         never: make a full one\n"
	STORAGE_USAGE
	"      --keep-snapshot    leave the snapshot, for 'verify --deep' or 'mount'\n"
	"  -J, --json             print the new point's manifest as JSON\n"
	"      --progress MODE    auto, bar, lines, json or none\n"
	"  -q, --quiet            say nothing but errors\n"
	"  -h, --help             print this\n";

enum { OPT_KEEP = 256 };

enum incremental { INCREMENTAL_AUTO, INCREMENTAL_REQUIRE, INCREMENTAL_NEVER };

/**
 * struct backup - one in progress.
 * @plans: for each device what it is based on, what is to be copied, and the
 *	image that it is copied from, -1 when that is done.
 */
struct backup {
	const char *dir;
	enum incremental incremental;
	bool must_keep;
	bool is_json;
	enum progress_mode mode;
	struct session_options how;
	struct repo repo;
	struct session session;
	struct point point;
	struct progress progress;
	uint64_t started_ms;
	struct plan {
		struct base base;
		struct blksnap_extents extents;
		int image_fd;
	} *plans;
};

static enum status plan_increment(struct backup *backup, size_t i)
{
	const struct session *session = &backup->session;
	struct plan *plan = &backup->plans[i];
	int ret = blksnap_changed_extents(session->fd, session->devs[i],
					  &session->entries[i].generation,
					  (unsigned int)plan->base.device->number,
					  &plan->extents);

	if (!ret)
		return DONE;
	say_error("the changes of %s cannot be read: %s",
		  session->entries[i].path, strerror(-ret));
	return session_check(session) == OVERFLOWED ? OVERFLOWED : FAILED;
}

static enum status plan_device(struct backup *backup, size_t i)
{
	const struct device_entry *entry = &backup->session.entries[i];
	struct plan *plan = &backup->plans[i];

	if (backup->incremental == INCREMENTAL_NEVER)
		strcpy(plan->base.reason, "asked for by --incremental never");
	else
		chain_find_base(&backup->repo, entry, &plan->base);

	if (plan->base.point)
		return plan_increment(backup, i);
	if (backup->incremental == INCREMENTAL_REQUIRE) {
		say_error("no increment of %s is possible: %s; without '--incremental require' a full backup is made",
			  entry->path, plan->base.reason);
		return NO_VALID_BASE;
	}
	say_note("%s: full backup, because: %s", entry->path,
		 plan->base.reason);
	if (blksnap_extents_add(&plan->extents, 0, entry->capacity))
		return FAILED;
	return DONE;
}

/* Ours until it is copied: a mount would replay its journal into it. */
static enum status claim_image(struct backup *backup, size_t i)
{
	enum status status = image_open(&backup->session.info.images[i], true,
					&backup->plans[i].image_fd);

	if (status != DONE && session_check(&backup->session) == OVERFLOWED)
		return OVERFLOWED;
	return status;
}

static enum status plan_all(struct backup *backup)
{
	enum status status = DONE;

	backup->plans = calloc(backup->session.count, sizeof(*backup->plans));
	if (!backup->plans)
		return FAILED;
	for (size_t i = 0; i < backup->session.count; i++)
		backup->plans[i].image_fd = -1;
	for (size_t i = 0; status == DONE && i < backup->session.count; i++)
		status = claim_image(backup, i);
	for (size_t i = 0; status == DONE && i < backup->session.count; i++)
		status = plan_device(backup, i);
	return status;
}

static bool is_name_taken(const struct manifest *manifest,
			  const struct device_entry *entry)
{
	for (size_t i = 0; i < manifest->count; i++)
		if (&manifest->devices[i] != entry &&
		    !strcmp(manifest->devices[i].name, entry->name))
			return true;
	return false;
}

/* Two devices can have names that become the same in a file name. */
static void make_name_unique(const struct manifest *manifest,
			     struct device_entry *entry)
{
	if (is_name_taken(manifest, entry)) {
		size_t length = strlen(entry->name);
		char number[32];

		snprintf(number, sizeof(number), "-%" PRIu64 "-%" PRIu64,
			 entry->major, entry->minor);
		if (length + strlen(number) >= sizeof(entry->name))
			length = sizeof(entry->name) - 1 - strlen(number);
		strcpy(entry->name + length, number);
	}
}

static enum status describe_point(struct backup *backup)
{
	const struct session *session = &backup->session;
	struct manifest *manifest = &backup->point.manifest;

	strcpy(manifest->module_version, session->module_version);
	manifest->snapshot = session->id;
	for (size_t i = 0; i < session->count; i++) {
		struct device_entry *entry = manifest_add_device(manifest);
		struct blk_snap_cbt_info tracker;

		if (!entry)
			return FAILED;
		*entry = session->entries[i];
		make_name_unique(manifest, entry);
		if (!blksnap_tracker_find(session->fd, session->devs[i],
					  &tracker))
			entry->tracking_block_size = tracker.blk_size;
	}
	return DONE;
}

static enum status copy_device(struct backup *backup, size_t i)
{
	struct device_entry *entry = &backup->point.manifest.devices[i];
	struct plan *plan = &backup->plans[i];
	struct blkio *source;
	bool source_failed;
	enum status status;

	source = blkio_of_fd(plan->image_fd);
	if (!source)
		return FAILED;
	plan->image_fd = -1;
	status = point_copy_device(&backup->point, entry, &plan->base,
				   &plan->extents, source, &backup->progress,
				   &source_failed);
	blkio_close(source);
	/* The image says EIO to everything; the snapshot knows why. */
	if (source_failed && session_check(&backup->session) == OVERFLOWED)
		return OVERFLOWED;
	if (source_failed)
		say_hint("'dmesg' tells whether %s itself has an unreadable block there",
			 entry->path);
	return status;
}

static enum status copy_all(struct backup *backup)
{
	enum status status = DONE;
	uint64_t total = 0;

	for (size_t i = 0; i < backup->session.count; i++)
		total += backup->plans[i].extents.bytes;
	progress_start(&backup->progress, backup->mode, "backup", total);
	for (size_t i = 0; status == DONE && i < backup->session.count; i++)
		status = copy_device(backup, i);
	progress_end(&backup->progress);
	return status;
}

/*
 * The storage that the snapshot has now is all that it had when any byte was
 * read; so its ranges go into the manifest at the end.
 */
static enum status is_still_valid(void *context)
{
	struct backup *backup = context;
	struct manifest *manifest = &backup->point.manifest;
	enum status status = session_check(&backup->session);
	struct blksnap_info info;
	int ret;

	if (status != DONE)
		return status;
	ret = blksnap_snapshot_info(backup->session.fd, &backup->session.id,
				    &info);
	for (size_t i = 0; !ret && i < manifest->count; i++)
		ret = device_storage(&info, backup->session.devs[i],
				     manifest->devices[i].capacity,
				     &manifest->devices[i].storage);
	if (ret)
		say_error("the snapshot's storage: %s", strerror(-ret));
	else
		blksnap_info_free(&info);
	return ret ? FAILED : DONE;
}

static enum status make_point(struct backup *backup)
{
	enum status status = plan_all(backup);

	if (status != DONE)
		return status;
	point_begin(&backup->point, &backup->repo);
	status = describe_point(backup);
	if (status == DONE)
		status = copy_all(backup);
	if (status == DONE)
		status = point_commit(&backup->point, is_still_valid, backup);
	return status;
}

static void report_text(const struct backup *backup)
{
	const struct manifest *manifest = &backup->point.manifest;
	uint64_t seconds = (now_ms() - backup->started_ms + 500) / 1000;

	printf("point %s\n", manifest->id);
	for (size_t i = 0; i < manifest->count; i++) {
		const struct device_entry *entry = &manifest->devices[i];
		char capacity[16], copied[16], size[16];

		printf("%s %s of %s: %s read, image of %s, %s/data/%s\n",
		       entry->path, entry->is_increment ? "increment" : "full",
		       format_size(entry->capacity, capacity),
		       format_size(entry->bytes_read, copied),
		       format_size(entry->image_bytes, size),
		       backup->repo.path, entry->image);
		printf("  %s\n", entry->reason);
	}
	printf("done in %" PRIu64 " s; restore with 'blksnap restore --from %s@%s --device NAME=TARGET'\n",
	       seconds, backup->repo.path, manifest->id);
}

static void report(const struct backup *backup)
{
	if (backup->is_json)
		document_print(manifest_to_json(&backup->point.manifest));
	else
		report_text(backup);
}

static void free_plans(struct backup *backup)
{
	for (size_t i = 0; backup->plans && i < backup->session.count; i++) {
		blksnap_extents_free(&backup->plans[i].extents);
		if (backup->plans[i].image_fd >= 0)
			close(backup->plans[i].image_fd);
	}
	free(backup->plans);
	backup->plans = NULL;
}

static enum status with_snapshot(struct backup *backup)
{
	bool was_committed;
	enum status status = DONE;

	if (feeder_start(&backup->session.feeder)) {
		say_error("no thread to feed the snapshot");
		status = FAILED;
	}
	if (status == DONE)
		status = make_point(backup);
	was_committed = status == DONE;
	free_plans(backup);
	if (was_committed && backup->must_keep)
		status = session_leave(&backup->session);
	else
		session_destroy(&backup->session);
	test_stop("destroyed");
	if (was_committed) {
		report(backup);
		point_end(&backup->point);
	} else if (backup->point.repo) {
		point_abort(&backup->point);
	}
	return status;
}

/* It works, but what is written there is copied and counted as changed. */
static void warn_of_own_tail(const struct backup *backup)
{
	struct stat st;

	if (fstat(backup->repo.data_fd, &st))
		return;
	for (size_t i = 0; i < backup->session.count; i++)
		if (device_lies_on(st.st_dev,
				   device_number(backup->session.devs[i])))
			say_note("%s lies on %s itself: the backup is written into what is being backed up, and the next increment holds it",
				 backup->repo.path,
				 backup->session.entries[i].path);
}

static int run(struct backup *backup)
{
	enum status status = repo_open(&backup->repo, backup->dir, true);

	if (status != DONE)
		return status;
	backup->started_ms = now_ms();
	status = session_take(&backup->session, &backup->how);
	if (status == DONE) {
		warn_of_own_tail(backup);
		status = with_snapshot(backup);
	}
	repo_close(&backup->repo);
	return status;
}

static int parse_incremental(const char *text, enum incremental *incremental)
{
	if (!strcmp(text, "auto"))
		*incremental = INCREMENTAL_AUTO;
	else if (!strcmp(text, "require"))
		*incremental = INCREMENTAL_REQUIRE;
	else if (!strcmp(text, "never"))
		*incremental = INCREMENTAL_NEVER;
	else
		return -EINVAL;
	return 0;
}

static int parse(struct backup *backup, int argc, char **argv)
{
	static const struct option options[] = {
		{ "to", required_argument, NULL, 't' },
		{ "incremental", required_argument, NULL, 'i' },
		STORAGE_LONG_OPTIONS,
		{ "keep-snapshot", no_argument, NULL, OPT_KEEP },
		{ "json", no_argument, NULL, 'J' },
		PROGRESS_LONG_OPTIONS,
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option, error;

	while ((option = getopt_long(argc, argv, "t:i:Jqh", options, NULL)) != -1) {
		if (storage_take_option(&backup->how, option, optarg,
					&error)) {
			if (error)
				return usage_wrong(argv[0], STORAGE_WRONG,
						   optarg);
			continue;
		}
		if (progress_take_option(&backup->mode, option, optarg, &error)) {
			if (error)
				return usage_wrong(argv[0], "'%s' is no way to show progress",
						   optarg);
			continue;
		}
		switch (option) {
		case 't':
			backup->dir = optarg;
			break;
		case 'i':
			if (parse_incremental(optarg, &backup->incremental))
				return usage_wrong(argv[0], "--incremental is auto, require or never");
			break;
		case OPT_KEEP:
			backup->must_keep = true;
			break;
		case 'J':
			backup->is_json = true;
			break;
		case 'h':
			usage_help(usage);
			exit(DONE);
		default:
			return usage_wrong(argv[0], NULL);
		}
	}
	if (!backup->dir)
		return usage_wrong(argv[0], "--to is missing");
	if (optind == argc)
		return usage_wrong(argv[0], "name a device or a mount point");
	backup->how.words = argv + optind;
	return DONE;
}

int cmd_backup(int argc, char **argv)
{
	static struct backup backup;
	int ret = parse(&backup, argc, argv);

	if (ret)
		return ret;
	/* Images hold what only root may read on the device. */
	umask(0077);
	signals_catch();
	return run(&backup);
}
