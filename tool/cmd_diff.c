// SPDX-License-Identifier: GPL-2.0-only
/* blksnap diff: the parts of a device that changed since an earlier point. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "device.h"
#include "repo.h"
#include "table.h"

static const char usage[] =
	"Usage: blksnap diff --since WHAT [OPTION]... DEVICE|MOUNTPOINT...\n"
	"\n"
	"Prints what differs between an earlier state of a device and its snapshot\n"
	"that is held now, as lines OFFSET LENGTH in bytes. Ends with status 10 if\n"
	"that cannot be told, because tracking started anew since then.\n"
	"\n"
	"  -s, --since WHAT       DIR[@POINT]  a backup point\n"
	"                         GENERATION:N the take number N of a generation\n"
	"                         N            the same, in the present generation\n"
	"  -J, --json             print JSON\n"
	"  -h, --help             print this\n";

/**
 * struct since - the earlier state.
 * @point: of a backup, if it is one.
 * @has_generation: @generation was named.
 */
struct since {
	struct repo repo;
	const struct manifest *point;
	bool has_generation;
	struct blk_snap_uuid generation;
	unsigned int number;
};

static bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

static bool parse_number(const char *text, unsigned int *number)
{
	unsigned long value = is_number(text) ? strtoul(text, NULL, 10) :
						ULONG_MAX;

	*number = (unsigned int)value;
	return value <= 255;
}

/* Meant as a number, whatever its value is. */
static bool is_meant_as_number(const char *text, const char *colon)
{
	return is_number(text) ||
	       (colon && colon - text == BLKSNAP_UUID_STRING_SIZE - 1 &&
		is_number(colon + 1));
}

static enum status parse_since(const char *text, struct since *since)
{
	char uuid[BLKSNAP_UUID_STRING_SIZE];
	const char *colon = strrchr(text, ':');
	struct point_name name;
	enum status status;

	memset(since, 0, sizeof(*since));
	if (parse_number(text, &since->number))
		return DONE;
	if (colon && colon - text == BLKSNAP_UUID_STRING_SIZE - 1 &&
	    parse_number(colon + 1, &since->number)) {
		snprintf(uuid, sizeof(uuid), "%s", text);
		since->has_generation = !blksnap_uuid_parse(uuid,
							&since->generation);
		if (since->has_generation)
			return DONE;
	}
	if (is_meant_as_number(text, colon) && access(text, F_OK)) {
		say_error("--since '%s' is no number of a snapshot; these are 0 to 255",
			  text);
		return WRONG_USAGE;
	}
	if (point_name_parse(text, &name)) {
		say_error("--since '%s' is neither a point nor a number", text);
		return WRONG_USAGE;
	}
	status = repo_open(&since->repo, name.dir, false);
	if (status != DONE)
		return status;
	since->point = repo_find(&since->repo, name.point);
	if (since->point)
		return DONE;
	repo_close(&since->repo);
	return FAILED;
}

/* Generation and number of the earlier state of this device. */
static enum status resolve(const struct since *since,
			   const struct device_entry *device,
			   const struct blk_snap_cbt_info *tracker,
			   struct blk_snap_uuid *generation,
			   unsigned int *number)
{
	const struct device_entry *then = NULL;

	*generation = since->has_generation ? since->generation :
					      tracker->generation_id;
	*number = since->number;
	if (!since->point)
		return DONE;
	/* Disks may share an identity (namespaces of one NVMe), but no generation. */
	for (size_t i = 0; i < since->point->count; i++) {
		const struct device_entry *entry = &since->point->devices[i];

		if (!strcmp(entry->identity, device->identity) &&
		    (!then || !memcmp(&entry->generation, &tracker->generation_id,
				      sizeof(entry->generation))))
			then = entry;
	}
	if (!then) {
		say_error("%s is not in the point %s", device->path,
			  since->point->id);
		return FAILED;
	}
	*generation = then->generation;
	*number = (unsigned int)then->number;
	return DONE;
}

static enum status explain(const struct device_entry *device, int error)
{
	switch (error) {
	case -ENODEV:
		say_error("%s is not tracked; tracking starts with its first snapshot",
			  device->path);
		return NO_VALID_BASE;
	case -ESTALE:
		say_error("what changed in %s is not known: tracking started anew since then, or that number was never taken",
			  device->path);
		return NO_VALID_BASE;
	case -EPERM:
		say_error("%s is in no snapshot now; take one with 'blksnap snapshot create %s'",
			  device->path, device->path);
		return FAILED;
	}
	say_error("%s: %s", device->path, strerror(-error));
	return FAILED;
}

static enum status read_changes(int fd, struct blk_snap_dev dev,
				const struct since *since,
				const struct device_entry *device,
				struct blksnap_extents *extents)
{
	struct blk_snap_cbt_info tracker;
	struct blk_snap_uuid generation;
	unsigned int number;
	enum status status;
	int ret = blksnap_tracker_find(fd, dev, &tracker);

	if (ret)
		return explain(device, ret);
	status = resolve(since, device, &tracker, &generation, &number);
	if (status != DONE)
		return status;
	ret = blksnap_changed_extents(fd, dev, &generation, number, extents);
	return ret ? explain(device, ret) : DONE;
}

static void print_text(const struct device_entry *device,
		       const struct blksnap_extents *extents, bool is_only)
{
	char size[16];

	if (!is_only)
		printf("%s:\n", device->path);
	for (size_t i = 0; i < extents->count; i++)
		printf("%" PRIu64 " %" PRIu64 "\n", extents->items[i].offset,
		       extents->items[i].length);
	say_note("%s: %s in %zu parts", device->path,
		 format_size(extents->bytes, size), extents->count);
}

static struct json_object *to_json(const struct device_entry *device,
				   const struct blksnap_extents *extents)
{
	struct json_object *object = json_object_new_object();
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < extents->count; i++) {
		struct json_object *extent = json_object_new_object();

		json_object_object_add(extent, "offset",
			json_object_new_uint64(extents->items[i].offset));
		json_object_object_add(extent, "length",
			json_object_new_uint64(extents->items[i].length));
		json_object_array_add(array, extent);
	}
	json_object_object_add(object, "device",
			       json_object_new_string(device->path));
	json_object_object_add(object, "capacity",
			       json_object_new_uint64(device->capacity));
	json_object_object_add(object, "changed_bytes",
			       json_object_new_uint64(extents->bytes));
	json_object_object_add(object, "extents", array);
	return object;
}

static enum status diff_all(int fd, const struct since *since, char **words,
			    struct json_object *devices)
{
	enum status status = DONE;

	for (char **word = words; status == DONE && *word; word++) {
		struct blksnap_extents extents = { .items = NULL };
		struct device_entry device;
		struct blk_snap_dev dev;

		status = device_of_word(*word, &dev);
		if (status == DONE)
			status = device_describe(dev, &device);
		if (status == DONE)
			status = read_changes(fd, dev, since, &device, &extents);
		if (status == DONE && devices)
			json_object_array_add(devices,
					      to_json(&device, &extents));
		else if (status == DONE)
			print_text(&device, &extents, !words[1]);
		blksnap_extents_free(&extents);
	}
	return status;
}

static enum status run(const char *since_text, char **words, bool is_json)
{
	struct json_object *devices = NULL, *document;
	struct since since;
	enum status status;
	int fd;

	status = parse_since(since_text, &since);
	if (status != DONE)
		return status;
	status = control_open(&fd);
	if (status == DONE) {
		if (is_json)
			devices = json_object_new_array();
		status = diff_all(fd, &since, words, devices);
		close(fd);
	}
	if (since.point)
		repo_close(&since.repo);
	if (devices && status == DONE) {
		document = document_new("blksnap-diff");
		json_object_object_add(document, "devices", devices);
		document_print(document);
	} else {
		json_object_put(devices);
	}
	return status;
}

int cmd_diff(int argc, char **argv)
{
	static const struct option options[] = {
		{ "since", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'J' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *since = NULL;
	bool is_json = false;
	int option;

	while ((option = getopt_long(argc, argv, "s:Jh", options, NULL)) != -1) {
		switch (option) {
		case 's':
			since = optarg;
			break;
		case 'J':
			is_json = true;
			break;
		case 'h':
			return usage_help(usage);
		default:
			return usage_wrong(argv[0], NULL);
		}
	}
	if (!since)
		return usage_wrong(argv[0], "--since is missing");
	if (optind == argc)
		return usage_wrong(argv[0], "name a device or a mount point");
	return run(since, argv + optind, is_json);
}
