// SPDX-License-Identifier: GPL-2.0-only
/* blksnap status: the tracked devices, and the snapshots that hold them. */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "device.h"
#include "snapshots.h"
#include "table.h"

static const char usage[] =
	"Usage: blksnap status [OPTION]...\n"
	"\n"
	"Shows the tracked devices: how often a snapshot of each was taken, what\n"
	"changed between the last two, the image and the storage of the snapshot\n"
	"that holds it. What changed is known while that snapshot is held.\n"
	"\n"
	TABLE_USAGE
	"  -h, --help             print this\n";

static const struct column columns[] = {
	{ "DEVICE", "device", COLUMN_TEXT, false },
	{ "MAJ:MIN", "maj_min", COLUMN_TEXT, true },
	{ "SIZE", "capacity", COLUMN_SIZE, false },
	{ "BLOCK", "tracking_block_size", COLUMN_SIZE, false },
	{ "GENERATION", "generation_id", COLUMN_TEXT, true },
	{ "NUMBER", "snap_number", COLUMN_NUMBER, false },
	{ "CHANGED", "changed_bytes", COLUMN_SIZE, false },
	{ "SNAPSHOT", "snapshot_id", COLUMN_TEXT, true },
	{ "STATE", "state", COLUMN_TEXT, false },
	{ "IMAGE", "image", COLUMN_TEXT, false },
	{ "USED", "storage_used", COLUMN_SIZE, false },
	{ "STORAGE", "storage", COLUMN_SIZE, false },
	{ "COPIED", "copied_bytes", COLUMN_SIZE, true },
	{ "WRITTEN", "stored_bytes", COLUMN_SIZE, true },
	{ "HELD", "held_writes", COLUMN_NUMBER, true },
	{ "WAITING", "waiting_writes", COLUMN_NUMBER, true },
	{ "MEMORY", "memory_bytes", COLUMN_SIZE, true },
	{ "LIMIT", "memory_limit_bytes", COLUMN_SIZE, true },
	{ NULL, NULL, 0, false },
};

static const struct blk_snap_info_image *
image_of(const struct snapshot *snapshot, struct blk_snap_dev dev)
{
	for (uint32_t i = 0; i < snapshot->info.fixed.image_count; i++)
		if (!memcmp(&snapshot->info.images[i].orig_dev_id, &dev,
			    sizeof(dev)))
			return &snapshot->info.images[i];
	return NULL;
}

/* Between the last two takes; UINT64_MAX if the map cannot be read. */
static uint64_t changed_bytes(int fd, const struct blk_snap_cbt_info *tracker)
{
	struct blksnap_extents extents = { .items = NULL };
	unsigned int since = tracker->snap_number ? tracker->snap_number - 1u : 0;
	uint64_t bytes;

	if (blksnap_changed_extents(fd, tracker->dev_id,
				    &tracker->generation_id, since, &extents))
		return UINT64_MAX;
	bytes = extents.bytes;
	blksnap_extents_free(&extents);
	return bytes;
}

static void add_tracker(struct table *table, int fd,
			const struct blk_snap_cbt_info *tracker,
			const struct snapshot *snapshots, size_t count)
{
	char generation[BLKSNAP_UUID_STRING_SIZE], numbers[32], name[200];
	const struct blk_snap_info_image *image = NULL;
	const struct snapshot *snapshot = NULL;
	char device[256], path[64];

	for (size_t i = 0; !image && i < count; i++) {
		snapshot = &snapshots[i];
		image = image_of(snapshot, tracker->dev_id);
	}
	device_name(device_number(tracker->dev_id), name, sizeof(name));
	snprintf(device, sizeof(device), "/dev/%s", name);
	snprintf(numbers, sizeof(numbers), "%u:%u", tracker->dev_id.mj,
		 tracker->dev_id.mn);
	snprintf(path, sizeof(path), "/dev/%.32s", image ? image->name : "");
	blksnap_uuid_unparse(&tracker->generation_id, generation);

#define FIXED(member) (image ? snapshot->info.fixed.member : UINT64_MAX)
#define SECTORS(member) (image ? snapshot->info.fixed.member * 512 : UINT64_MAX)
	table_add(table, (const union cell[]) {
		{ .text = device },
		{ .text = numbers },
		{ .number = tracker->device_capacity },
		{ .number = tracker->blk_size },
		{ .text = generation },
		{ .number = tracker->snap_number },
		{ .number = changed_bytes(fd, tracker) },
		{ .text = image ? snapshot->id : NULL },
		{ .text = image ? snapshot_state(snapshot) : "tracked" },
		{ .text = image && *image->name ? path : NULL },
		{ .number = SECTORS(storage_used_sectors) },
		{ .number = SECTORS(storage_sectors) },
		{ .number = FIXED(copied_bytes) },
		{ .number = FIXED(stored_bytes) },
		{ .number = FIXED(held_writes) },
		{ .number = image ? image->waiting_writes : UINT64_MAX },
		{ .number = FIXED(memory_bytes) },
		{ .number = FIXED(memory_limit_bytes) },
	});
}

static enum status show(int fd, const struct table_options *how)
{
	struct blk_snap_cbt_info *trackers;
	struct json_object *rows, *document;
	struct snapshot *snapshots;
	size_t tracker_count, snapshot_count;
	struct table *table;
	enum status status;
	int ret = blksnap_tracker_collect(fd, &trackers, &tracker_count);

	if (ret) {
		say_error("tracked devices: %s", strerror(-ret));
		return FAILED;
	}
	status = snapshots_read(fd, &snapshots, &snapshot_count);
	table = status == DONE ? table_new(columns, how) : NULL;
	for (size_t i = 0; table && i < tracker_count; i++)
		add_tracker(table, fd, &trackers[i], snapshots, snapshot_count);
	if (status == DONE)
		snapshots_free(snapshots, snapshot_count);
	free(trackers);
	if (!table)
		return status == DONE ? WRONG_USAGE : status;
	rows = table_end(table);
	if (rows) {
		document = document_new("blksnap-status");
		json_object_object_add(document, "devices", rows);
		document_print(document);
	} else if (!tracker_count) {
		say_note("no device is tracked; tracking starts with a device's first snapshot");
	}
	return DONE;
}

int cmd_status(int argc, char **argv)
{
	static const struct option options[] = {
		TABLE_LONG_OPTIONS,
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct table_options how = { .is_json = false };
	enum status status;
	int option, fd;

	while ((option = getopt_long(argc, argv, "h" TABLE_SHORT_OPTIONS,
				     options, NULL)) != -1) {
		if (table_take_option(&how, option, optarg))
			continue;
		return option == 'h' ? usage_help(usage) :
				       usage_wrong(argv[0], NULL);
	}
	if (optind < argc)
		return usage_wrong(argv[0], "'%s' is one word too many",
				   argv[optind]);
	status = control_open(&fd);
	if (status != DONE)
		return status;
	status = show(fd, &how);
	close(fd);
	return status;
}
