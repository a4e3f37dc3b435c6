// SPDX-License-Identifier: GPL-2.0-only
/* Plumbing for the tracking of changes: blksnap tracker_*. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file_map.h"
#include "plumb.h"

#define DEVICE_OPTION	{ "device", required_argument, NULL, 'd' }
#define FILE_OPTION	{ "file", required_argument, NULL, 'f' }

static enum status run_remove(int fd, const struct plumb_args *args)
{
	static const struct plumb_advice advice[] = {
		{ ENXIO, "there is no such device any more" },
		{ ENODATA, "it is not tracked; 'blksnap tracker_collect' lists what is" },
		{ EBUSY, "it is in a snapshot; end that with 'blksnap snapshot_destroy' first" },
		{ 0, NULL },
	};
	int ret = blksnap_tracker_remove(fd, args->devs[0]);

	return ret ? plumb_failed(args->dev_words[0], ret, advice, -1) : DONE;
}

int plumb_tracker_remove(int argc, char **argv)
{
	static const struct option options[] = {
		DEVICE_OPTION, PLUMB_OPTION_HELP, PLUMB_OPTIONS_END,
	};
	static const struct plumb_command command = {
		.usage = "Usage: blksnap tracker_remove -d DEVICE\n"
			 "\n"
			 "Stops tracking a device and forgets what changed. Prints nothing.\n"
			 "\n"
			 "  -d, --device=DEVICE    the device\n"
			 PLUMB_USAGE_HELP,
		.options = options,
		.required = "d",
		.lists = "",
		.run = run_remove,
	};

	return plumb_main(&command, argc, argv);
}

static enum status run_collect(int fd, const struct plumb_args *args)
{
	struct blk_snap_cbt_info *infos;
	size_t count;
	int ret = blksnap_tracker_collect(fd, &infos, &count);

	(void)args;
	if (ret)
		return plumb_failed("tracked devices", ret, NULL, -1);
	printf("count=%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		const struct blk_snap_cbt_info *info = &infos[i];
		char generation[BLKSNAP_UUID_STRING_SIZE];

		blksnap_uuid_unparse(&info->generation_id, generation);
		printf(",\n"
		       "device=%u:%u\n"
		       "blk_size=%u\n"
		       "device_capacity=%" PRIu64 "\n"
		       "blk_count=%u\n"
		       "generationId=%s\n"
		       "snap_number=%u\n",
		       info->dev_id.mj, info->dev_id.mn, info->blk_size,
		       (uint64_t)info->device_capacity, info->blk_count,
		       generation, info->snap_number);
	}
	puts(".");
	free(infos);
	return DONE;
}

int plumb_tracker_collect(int argc, char **argv)
{
	static const struct option options[] = {
		PLUMB_OPTION_HELP, PLUMB_OPTIONS_END,
	};
	static const struct plumb_command command = {
		.usage = "Usage: blksnap tracker_collect\n"
			 "\n"
			 "Prints the tracked devices: their count, then for each a line ',' and\n"
			 "its properties, sizes in bytes; at the end a line '.'.\n"
			 "\n"
			 PLUMB_USAGE_HELP,
		.options = options,
		.required = "",
		.lists = "",
		.run = run_collect,
	};

	return plumb_main(&command, argc, argv);
}

/* The whole map in one call, so that no take comes in between. */
static int read_map(int fd, struct blk_snap_dev dev, uint8_t **map,
		    size_t *bytes)
{
	struct blk_snap_cbt_info info;
	ssize_t got = blksnap_tracker_find(fd, dev, &info);

	*map = NULL;
	if (got)
		return (int)got;
	*map = malloc(info.blk_count);
	if (!*map)
		return -ENOMEM;
	got = blksnap_tracker_read_cbt_map(fd, dev, 0, info.blk_count, *map);
	if (got < 0)
		return (int)got;
	*bytes = (size_t)got;
	return *bytes == info.blk_count ? 0 : -EAGAIN;
}

static enum status write_file(const char *path, const uint8_t *data,
			      size_t bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	bool is_written = fd >= 0;
	ssize_t wrote;

	while (is_written && bytes) {
		wrote = write(fd, data, bytes);
		is_written = wrote >= 0 || errno == EINTR;
		if (wrote > 0) {
			data += wrote;
			bytes -= (size_t)wrote;
		}
	}
	/* Some file systems only say here that it could not be kept. */
	if (is_written && !close(fd))
		return DONE;
	say_error("%s: %s", path, strerror(errno));
	if (fd >= 0 && !is_written)
		close(fd);
	return FAILED;
}

static enum status run_readcbtmap(int fd, const struct plumb_args *args)
{
	static const struct plumb_advice advice[] = {
		{ ENODEV, "it is not tracked; 'blksnap tracker_collect' lists what is" },
		{ EPERM, "its map can be read while a snapshot of it is held; take one with 'blksnap snapshot_take'" },
		{ EAGAIN, "its map was made anew meanwhile; try again" },
		{ 0, NULL },
	};
	enum status status;
	size_t bytes = 0;
	uint8_t *map;
	int ret = read_map(fd, args->devs[0], &map, &bytes);

	status = ret ? plumb_failed(args->dev_words[0], ret, advice, -1) :
		       write_file(args->file, map, bytes);
	free(map);
	return status;
}

int plumb_tracker_readcbtmap(int argc, char **argv)
{
	static const struct option options[] = {
		DEVICE_OPTION, FILE_OPTION, PLUMB_OPTION_HELP,
		PLUMB_OPTIONS_END,
	};
	static const struct plumb_command command = {
		.usage = "Usage: blksnap tracker_readcbtmap -d DEVICE -f FILE\n"
			 "\n"
			 "Writes the map of changes as of the last take to a file, one byte a\n"
			 "block: 0, or the number of the snapshot before which it was written last.\n"
			 "The device must be in a snapshot that was taken. Prints nothing.\n"
			 "\n"
			 "  -d, --device=DEVICE    the device\n"
			 "  -f, --file=FILE        the file to write; it is overwritten\n"
			 PLUMB_USAGE_HELP,
		.options = options,
		.required = "df",
		.lists = "",
		.run = run_readcbtmap,
	};

	return plumb_main(&command, argc, argv);
}

static enum status mark(int fd, struct blk_snap_dev dev, const char *what,
			const struct blk_snap_block_range *ranges,
			uint32_t count)
{
	static const struct plumb_advice advice[] = {
		{ ENODEV, "the device is not tracked; tracking starts with its first snapshot" },
		{ EINVAL, "a range reaches past the end of the device; nothing was marked" },
		{ 0, NULL },
	};
	int ret = blksnap_tracker_mark_dirty_blocks(fd, dev, ranges, count);

	return ret ? plumb_failed(what, ret, advice, -1) : DONE;
}

static enum status run_markdirtyblock(int fd, const struct plumb_args *args)
{
	struct blk_snap_block_range *ranges;
	struct blk_snap_dev dev;
	enum status status;
	uint32_t count;

	if (!args->file)
		return mark(fd, args->devs[0], args->dev_words[0],
			    args->ranges, args->range_count);
	status = file_map(args->file, &dev, &ranges, &count);
	if (status != DONE)
		return status;
	plumb_print_ranges(ranges, count);
	status = mark(fd, dev, args->file, ranges, count);
	free(ranges);
	return status;
}

int plumb_tracker_markdirtyblock(int argc, char **argv)
{
	static const struct option options[] = {
		FILE_OPTION, DEVICE_OPTION,
		{ "ranges", required_argument, NULL, 'r' },
		PLUMB_OPTION_HELP, PLUMB_OPTIONS_END,
	};
	static const struct plumb_command command = {
		.usage = "Usage: blksnap tracker_markdirtyblock -f FILE\n"
			 "       blksnap tracker_markdirtyblock -d DEVICE -r OFFSET:COUNT...\n"
			 "\n"
			 "Declares blocks changed: where a file lies, and a line is printed for each\n"
			 "extent; or ranges of a device. All in sectors of 512 bytes.\n"
			 "\n"
			 "  -f, --file=FILE        the file\n"
			 "  -d, --device=DEVICE    the device, or a snapshot's image of it\n"
			 "  -r, --ranges=OFFSET:COUNT...\n"
			 "                         the ranges; may be given again\n"
			 PLUMB_USAGE_HELP,
		.options = options,
		.required = "",
		.lists = "r",
		.wants_place = true,
		.run = run_markdirtyblock,
	};

	return plumb_main(&command, argc, argv);
}
