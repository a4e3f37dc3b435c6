// SPDX-License-Identifier: GPL-2.0-only
/* Plumbing: blksnap snapshot_appendstorage. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file_map.h"
#include "klog.h"
#include "plumb.h"

static enum status append_ranges(int fd, const struct plumb_args *args)
{
	static const struct plumb_advice advice[] = {
		{ ESRCH, "there is no such snapshot; 'blksnap snapshot_collect' lists all" },
		{ EINVAL, "the ranges cannot be used: they must lie inside the device, be aligned to its blocks and to 4 KiB, and not be storage already; nothing was appended" },
		{ 0, NULL },
	};
	int log = klog_mark(), ret;

	ret = blksnap_snapshot_append_storage(fd, &args->id, args->devs[0],
					      args->ranges, args->range_count);
	if (ret)
		return plumb_failed(ret == -ESRCH ? args->id_text :
						    args->dev_words[0],
				    ret, advice, log);
	klog_close(log);
	plumb_print_ranges(args->ranges, args->range_count);
	return DONE;
}

/*
 * The file is given as such, so that the module holds it. Where it lies is
 * asked for after that, when it can no longer move.
 */
static enum status append_file(int fd, const struct plumb_args *args)
{
	static const struct plumb_advice advice[] = {
		{ ESRCH, "there is no such snapshot; 'blksnap snapshot_collect' lists all" },
		{ EINVAL, "the file cannot be used; make one with fallocate, of 1 MiB or more" },
		{ EOPNOTSUPP, "the module can hold files on ext4 and XFS only; put it there, or give ranges of a device" },
		{ EBUSY, "it is in use, as storage, as swap or mapped into memory; give another one" },
		{ 0, NULL },
	};
	int file_fd = open(args->file, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct blk_snap_block_range *ranges;
	struct blk_snap_dev dev;
	enum status status;
	uint32_t count;
	int log, ret;

	if (file_fd < 0)
		return plumb_failed(args->file, -errno, NULL, -1);
	log = klog_mark();
	ret = blksnap_snapshot_append_file(fd, &args->id, file_fd, NULL);
	close(file_fd);
	if (ret)
		return plumb_failed(ret == -ESRCH ? args->id_text : args->file,
				    ret, advice, log);
	klog_close(log);
	status = file_map(args->file, &dev, &ranges, &count);
	if (status != DONE)
		return status;
	plumb_print_ranges(ranges, count);
	free(ranges);
	return DONE;
}

static enum status run_appendstorage(int fd, const struct plumb_args *args)
{
	return args->file ? append_file(fd, args) : append_ranges(fd, args);
}

int plumb_snapshot_appendstorage(int argc, char **argv)
{
	static const struct option options[] = {
		{ "id", required_argument, NULL, 'i' },
		{ "file", required_argument, NULL, 'f' },
		{ "device", required_argument, NULL, 'd' },
		{ "range", required_argument, NULL, 'r' },
		PLUMB_OPTION_HELP, PLUMB_OPTIONS_END,
	};
	static const struct plumb_command command = {
		.usage = "Usage: blksnap snapshot_appendstorage -i UUID -f FILE\n"
			 "       blksnap snapshot_appendstorage -i UUID -d DEVICE -r OFFSET:COUNT...\n"
			 "\n"
			 "Gives a snapshot room for overwritten data: a file on ext4 or XFS made by\n"
			 "fallocate, which nobody can change or remove while the snapshot lives; or\n"
			 "ranges of a device, in sectors of 512 bytes, which nothing else may use.\n"
			 "What was in them is lost. A file on a file system of the snapshot must have\n"
			 "been made before the take. Prints a line for each extent.\n"
			 "\n"
			 "  -i, --id=UUID          the snapshot\n"
			 "  -f, --file=FILE        the file\n"
			 "  -d, --device=DEVICE    the device\n"
			 "  -r, --range=OFFSET:COUNT...\n"
			 "                         the ranges; may be given again\n"
			 PLUMB_USAGE_HELP,
		.options = options,
		.required = "i",
		.lists = "r",
		.wants_place = true,
		.run = run_appendstorage,
	};

	return plumb_main(&command, argc, argv);
}
