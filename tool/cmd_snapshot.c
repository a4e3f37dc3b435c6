// SPDX-License-Identifier: GPL-2.0-only
/* blksnap snapshot: creates, lists and deletes snapshots. */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "device.h"
#include "session.h"
#include "snapshots.h"
#include "table.h"

static const char create_usage[] =
	"Usage: blksnap snapshot create [OPTION]... DEVICE|MOUNTPOINT...\n"
	"\n"
	"Freezes all the devices at one instant and shows each as it was as a block\n"
	"device of its own, until 'snapshot delete'. Prints the snapshot's id, and a\n"
	"line with device and image for each. A process stays behind that gives the\n"
	"snapshot more room when it needs some.\n"
	"\n"
	STORAGE_USAGE
	"      --no-grow          give the first portion only, leave no process behind\n"
	"  -J, --json             print JSON\n"
	"  -h, --help             print this\n";

static const char list_usage[] =
	"Usage: blksnap snapshot list [OPTION]...\n"
	"\n"
	"Lists the snapshots and their images.\n"
	"\n"
	TABLE_USAGE
	"  -h, --help             print this\n";

static const char delete_usage[] =
	"Usage: blksnap snapshot delete ID...|all\n"
	"\n"
	"Deletes snapshots. Their images go away even if they are mounted; unmount\n"
	"them before. Tracking of changes goes on.\n"
	"\n"
	"  -h, --help             print this\n";

static const char usage[] =
	"Usage: blksnap snapshot create|list|delete [OPTION]... [ARGUMENT]...\n";

enum { OPT_NO_GROW = 256 };

static void print_created(const struct session *session, bool is_json)
{
	char id[BLKSNAP_UUID_STRING_SIZE];
	struct json_object *document, *images;

	blksnap_uuid_unparse(&session->id, id);
	if (!is_json) {
		puts(id);
		for (size_t i = 0; i < session->count; i++)
			printf("%s /dev/%s\n", session->entries[i].path,
			       session->info.images[i].name);
		return;
	}
	document = document_new("blksnap-snapshot");
	images = json_object_new_array();
	json_object_object_add(document, "snapshot_id",
			       json_object_new_string(id));
	for (size_t i = 0; i < session->count; i++) {
		struct json_object *image = json_object_new_object();
		char path[64];

		snprintf(path, sizeof(path), "/dev/%s",
			 session->info.images[i].name);
		json_object_object_add(image, "device",
			json_object_new_string(session->entries[i].path));
		json_object_object_add(image, "image",
				       json_object_new_string(path));
		json_object_array_add(images, image);
	}
	json_object_object_add(document, "images", images);
	document_print(document);
}

static int run_create(int argc, char **argv)
{
	static const struct option options[] = {
		STORAGE_LONG_OPTIONS,
		{ "no-grow", no_argument, NULL, OPT_NO_GROW },
		{ "json", no_argument, NULL, 'J' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct session_options how = { .must_not_grow = false };
	static struct session session;
	bool is_json = false;
	enum status status;
	int option, error;

	while ((option = getopt_long(argc, argv, "Jh", options, NULL)) != -1) {
		if (storage_take_option(&how, option, optarg, &error)) {
			if (error)
				return usage_wrong(argv[0], STORAGE_WRONG,
						   optarg);
			continue;
		}
		switch (option) {
		case OPT_NO_GROW:
			how.must_not_grow = true;
			break;
		case 'J':
			is_json = true;
			break;
		case 'h':
			return usage_help(create_usage);
		default:
			return usage_wrong(argv[0], NULL);
		}
	}
	if (optind == argc)
		return usage_wrong(argv[0], "name a device or a mount point");
	how.words = argv + optind;
	status = session_take(&session, &how);
	if (status != DONE)
		return status;
	print_created(&session, is_json);
	fflush(stdout);
	return session_leave(&session);
}

static const struct column list_columns[] = {
	{ "SNAPSHOT", "snapshot_id", COLUMN_TEXT, false },
	{ "STATE", "state", COLUMN_TEXT, false },
	{ "DEVICE", "device", COLUMN_TEXT, false },
	{ "IMAGE", "image", COLUMN_TEXT, false },
	{ "SIZE", "capacity", COLUMN_SIZE, false },
	{ "NUMBER", "snap_number", COLUMN_NUMBER, true },
	{ "GENERATION", "generation_id", COLUMN_TEXT, true },
	{ "USED", "storage_used", COLUMN_SIZE, false },
	{ "STORAGE", "storage", COLUMN_SIZE, false },
	{ NULL, NULL, 0, false },
};

static void add_images(struct table *table, const struct snapshot *snapshot)
{
	const struct blk_snap_snapshot_info *fixed = &snapshot->info.fixed;

	for (uint32_t i = 0; i < fixed->image_count; i++) {
		const struct blk_snap_info_image *image =
			&snapshot->info.images[i];
		char generation[BLKSNAP_UUID_STRING_SIZE];
		char device[256], path[64], name[200];

		device_name(device_number(image->orig_dev_id), name,
			    sizeof(name));
		snprintf(device, sizeof(device), "/dev/%s", name);
		snprintf(path, sizeof(path), "/dev/%.32s", image->name);
		blksnap_uuid_unparse(&image->generation_id, generation);
		table_add(table, (const union cell[]) {
			{ .text = snapshot->id },
			{ .text = snapshot_state(snapshot) },
			{ .text = device },
			{ .text = *image->name ? path : NULL },
			{ .number = image->capacity_sectors * 512 },
			{ .number = image->snap_number },
			{ .text = generation },
			{ .number = fixed->storage_used_sectors * 512 },
			{ .number = fixed->storage_sectors * 512 },
		});
	}
}

static int run_list(int argc, char **argv)
{
	static const struct option options[] = {
		TABLE_LONG_OPTIONS,
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct table_options how = { .is_json = false };
	struct json_object *rows, *document;
	struct snapshot *snapshots;
	struct table *table;
	enum status status;
	size_t count;
	int option, fd;

	while ((option = getopt_long(argc, argv, "h" TABLE_SHORT_OPTIONS,
				     options, NULL)) != -1) {
		if (table_take_option(&how, option, optarg))
			continue;
		return option == 'h' ? usage_help(list_usage) :
				       usage_wrong(argv[0], NULL);
	}
	if (optind < argc)
		return usage_wrong(argv[0], "'%s' is one word too many",
				   argv[optind]);
	status = control_open(&fd);
	if (status != DONE)
		return status;
	status = snapshots_read(fd, &snapshots, &count);
	close(fd);
	if (status != DONE)
		return status;
	table = table_new(list_columns, &how);
	for (size_t i = 0; table && i < count; i++)
		add_images(table, &snapshots[i]);
	snapshots_free(snapshots, count);
	if (!table)
		return WRONG_USAGE;
	rows = table_end(table);
	if (rows) {
		document = document_new("blksnap-snapshots");
		json_object_object_add(document, "snapshots", rows);
		document_print(document);
	}
	return DONE;
}

static enum status delete_one(int fd, const struct blk_snap_uuid *id,
			      const char *text)
{
	int ret = blksnap_snapshot_destroy(fd, id);

	if (!ret)
		return DONE;
	if (ret == -ENODEV)
		say_error("there is no snapshot %s; 'blksnap snapshot list' shows all",
			  text);
	else
		say_error("%s: %s", text, strerror(-ret));
	return FAILED;
}

static enum status delete_all(int fd)
{
	enum status status = DONE;
	struct blk_snap_uuid *ids;
	size_t count;
	int ret = blksnap_snapshot_collect(fd, &ids, &count);

	if (ret) {
		say_error("snapshots: %s", strerror(-ret));
		return FAILED;
	}
	for (size_t i = 0; i < count; i++) {
		char text[BLKSNAP_UUID_STRING_SIZE];

		blksnap_uuid_unparse(&ids[i], text);
		if (delete_one(fd, &ids[i], text) != DONE)
			status = FAILED;
	}
	free(ids);
	return status;
}

static int run_delete(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	enum status status;
	int option, fd;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
		return option == 'h' ? usage_help(delete_usage) :
				       usage_wrong(argv[0], NULL);
	if (optind == argc)
		return usage_wrong(argv[0], "name a snapshot, or 'all'");
	for (int i = optind; i < argc; i++) {
		struct blk_snap_uuid id;

		if (strcmp(argv[i], "all") && blksnap_uuid_parse(argv[i], &id))
			return usage_wrong(argv[0], "'%s' is no snapshot id",
					   argv[i]);
	}
	status = control_open(&fd);
	if (status != DONE)
		return status;
	for (int i = optind; i < argc; i++) {
		struct blk_snap_uuid id;
		enum status one;

		if (!strcmp(argv[i], "all"))
			one = delete_all(fd);
		else if (!blksnap_uuid_parse(argv[i], &id))
			one = delete_one(fd, &id, argv[i]);
		else
			one = FAILED;
		if (one != DONE)
			status = one;
	}
	close(fd);
	return status;
}

int cmd_snapshot(int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "create", run_create, "make and take one" },
		{ "list",   run_list,   "show all" },
		{ "delete", run_delete, "end one, or all" },
		{ NULL, NULL, NULL },
	};

	return verb_dispatch(verbs, usage, argc, argv);
}
