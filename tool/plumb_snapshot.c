// SPDX-License-Identifier: GPL-2.0-only
/* Plumbing for snapshots: blksnap snapshot_*, but for events and storage. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "klog.h"
#include "plumb.h"

#define ID_OPTION	{ "id", required_argument, NULL, 'i' }
#define ID_USAGE	"  -i, --id=UUID          the snapshot\n"

static enum status run_create(int fd, const struct plumb_args *args)
{
	static const struct plumb_advice advice[] = {
		{ EINVAL, "a device is named twice; name each once" },
		{ EALREADY, "one of the devices is in another snapshot; end that with 'blksnap snapshot_destroy' first" },
		{ EOPNOTSUPP, "one of the devices cannot be snapshotted; the kernel log says why" },
		{ 0, NULL },
	};
	int log = klog_mark(), ret;
	char text[BLKSNAP_UUID_STRING_SIZE];
	struct blk_snap_uuid id;

	ret = blksnap_snapshot_create(fd, args->devs, args->dev_count, &id);
	if (ret)
		return plumb_failed("no snapshot", ret, advice, log);
	klog_close(log);
	blksnap_uuid_unparse(&id, text);
	puts(text);
	return DONE;
}

int plumb_snapshot_create(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		PLUMB_OPTION_HELP, PLUMB_OPTIONS_END,
	};
	static const struct plumb_command command = {
		.usage = "Usage: blksnap snapshot_create -d DEVICE [-d DEVICE]...\n"
			 "\n"
			 "Makes a snapshot that is not taken yet, and prints its id. It needs storage\n"
			 "before it can be taken: see snapshot_appendstorage and stretch_snapshot.\n"
			 "\n"
			 "  -d, --device=DEVICE    a device; may be given again\n"
			 PLUMB_USAGE_HELP,
		.options = options,
		.required = "d",
		.lists = "d",
		.run = run_create,
	};

	return plumb_main(&command, argc, argv);
}

static enum status run_destroy(int fd, const struct plumb_args *args)
{
	/* This call alone says it so. */
	static const struct plumb_advice advice[] = {
		{ ENODEV, "there is no such snapshot; 'blksnap snapshot_collect' lists all" },
		{ 0, NULL },
	};
	int ret = blksnap_snapshot_destroy(fd, &args->id);

	return ret ? plumb_failed(args->id_text, ret, advice, -1) : DONE;
}

int plumb_snapshot_destroy(int argc, char **argv)
{
	static const struct option options[] = {
		ID_OPTION, PLUMB_OPTION_HELP, PLUMB_OPTIONS_END,
	};
	static const struct plumb_command command = {
		.usage = "Usage: blksnap snapshot_destroy -i UUID\n"
			 "\n"
			 "Ends a snapshot. Its images go away even if they are mounted; unmount them\n"
			 "before. Tracking of changes goes on. Prints nothing.\n"
			 "\n"
			 ID_USAGE
			 PLUMB_USAGE_HELP,
		.options = options,
		.required = "i",
		.lists = "",
		.run = run_destroy,
	};

	return plumb_main(&command, argc, argv);
}

static enum status run_take(int fd, const struct plumb_args *args)
{
	static const struct plumb_advice advice[] = {
		{ ESRCH, "there is no such snapshot; 'blksnap snapshot_collect' lists all" },
		{ EALREADY, "it was taken already; make a new one with 'blksnap snapshot_create'" },
		{ EFAULT, "it has no storage; give it some with 'blksnap snapshot_appendstorage' or 'blksnap stretch_snapshot' first" },
		{ ENODEV, "a device has gone, and the snapshot with it; make a new one of the others" },
		{ ETIMEDOUT, "a file system did not freeze, or writes did not end, in time; the snapshot is destroyed, make a new one when there is less to write" },
		{ 0, NULL },
	};
	int log = klog_mark(), ret = blksnap_snapshot_take(fd, &args->id);

	if (ret)
		return plumb_failed(args->id_text, ret, advice, log);
	klog_close(log);
	return DONE;
}

int plumb_snapshot_take(int argc, char **argv)
{
	static const struct option options[] = {
		ID_OPTION, PLUMB_OPTION_HELP, PLUMB_OPTIONS_END,
	};
	static const struct plumb_command command = {
		.usage = "Usage: blksnap snapshot_take -i UUID\n"
			 "\n"
			 "Freezes the devices of a snapshot at one instant and shows their images.\n"
			 "File systems directly on the devices are frozen meanwhile; freeze those on\n"
			 "LVM, md or loop devices above them with fsfreeze(8), or use 'blksnap\n"
			 "snapshot create', which does all this by itself. Prints nothing.\n"
			 "\n"
			 ID_USAGE
			 PLUMB_USAGE_HELP,
		.options = options,
		.required = "i",
		.lists = "",
		.run = run_take,
	};

	return plumb_main(&command, argc, argv);
}

/* Returns 0 or -errno; a snapshot that is gone by now is left out. */
static int print_snapshot(int fd, const struct blk_snap_uuid *id)
{
	struct blk_snap_image_info *images = NULL;
	char text[BLKSNAP_UUID_STRING_SIZE];
	size_t count = 0;
	int ret = blksnap_snapshot_collect_images(fd, id, &images, &count);

	if (ret == -ESRCH)
		return 0;
	/* ENODEV: not taken, so it has no images yet. */
	if (ret && ret != -ENODEV)
		return ret;
	blksnap_uuid_unparse(id, text);
	printf("snapshot=%s\ncount=%zu\n", text, count);
	for (size_t i = 0; i < count; i++)
		printf(",\norig_dev_id=%u:%u\nimage_dev_id=%u:%u\n",
		       images[i].orig_dev_id.mj, images[i].orig_dev_id.mn,
		       images[i].image_dev_id.mj, images[i].image_dev_id.mn);
	free(images);
	return 0;
}

static enum status run_collect(int fd, const struct plumb_args *args)
{
	struct blk_snap_uuid *ids;
	size_t count;
	int ret = blksnap_snapshot_collect(fd, &ids, &count);

	(void)args;
	if (ret)
		return plumb_failed("snapshots", ret, NULL, -1);
	for (size_t i = 0; !ret && i < count; i++)
		ret = print_snapshot(fd, &ids[i]);
	free(ids);
	if (ret)
		return plumb_failed("images", ret, NULL, -1);
	puts(".");
	return DONE;
}

int plumb_snapshot_collect(int argc, char **argv)
{
	static const struct option options[] = {
		PLUMB_OPTION_HELP, PLUMB_OPTIONS_END,
	};
	static const struct plumb_command command = {
		.usage = "Usage: blksnap snapshot_collect\n"
			 "\n"
			 "Prints the snapshots: for each its id and the count of its images, which is\n"
			 "0 until it is taken, then for each image a line ',' and the device numbers\n"
			 "of the original and of the image; at the end a line '.'.\n"
			 "\n"
			 PLUMB_USAGE_HELP,
		.options = options,
		.required = "",
		.lists = "",
		.run = run_collect,
	};

	return plumb_main(&command, argc, argv);
}
