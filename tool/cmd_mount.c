// SPDX-License-Identifier: GPL-2.0-only
/* blksnap mount and umount: a snapshot's image, or a device of a backup. */
#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <libmount/libmount.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"
#include "nbd_device.h"
#include "view.h"

static const char mount_usage[] =
	"Usage: blksnap mount [OPTION]... IMAGE|DIR[@POINT][:DEVICE] TARGET\n"
	"\n"
	"Mounts a snapshot's image (/dev/blksnap-imageN), or a device of a backup\n"
	"point, read-only. What the file system needs to be mounted beside its\n"
	"original is added. DEVICE is needed if the point holds several.\n"
	"\n"
	"  -o, --options LIST     more mount options\n"
	"  -p, --partition N      mount this partition of a whole disk\n"
	"  -w, --writable         an image can be written: the snapshot changes, the\n"
	"                         device does not; what is written to a backup's\n"
	"                         mount is lost at umount\n"
	"  -h, --help             print this\n";

static const char umount_usage[] =
	"Usage: blksnap umount TARGET...\n"
	"\n"
	"Unmounts what 'blksnap mount' mounted.\n"
	"\n"
	"  -h, --help             print this\n";

/**
 * struct mount - what is to be mounted.
 * @offset: where its file system starts on @source.
 * @size: its length, 0 for all of @source.
 */
struct mount {
	const char *what;
	const char *target;
	const char *options;
	unsigned int partition;
	bool is_writable;
	char source[PATH_MAX];
	uint64_t offset;
	uint64_t size;
	char fs_type[32];
};

static enum status find_partition(struct mount *mount, int fd)
{
	blkid_probe probe = blkid_new_probe();
	blkid_partition partition = NULL;
	blkid_partlist list = NULL;

	if (probe && !blkid_probe_set_device(probe, fd, 0, 0))
		list = blkid_probe_get_partitions(probe);
	if (list)
		partition = blkid_partlist_get_partition_by_partno(list,
						(int)mount->partition);
	if (partition) {
		mount->offset = (uint64_t)blkid_partition_get_start(partition) * 512;
		mount->size = (uint64_t)blkid_partition_get_size(partition) * 512;
	}
	blkid_free_probe(probe);
	if (partition)
		return DONE;
	say_error("%s has no partition %u", mount->what, mount->partition);
	return FAILED;
}

static enum status find_file_system(struct mount *mount, int fd)
{
	blkid_probe probe = blkid_new_probe();
	const char *type = NULL;

	if (probe && !blkid_probe_set_device(probe, fd, (blkid_loff_t)mount->offset,
					     (blkid_loff_t)mount->size)) {
		blkid_probe_enable_superblocks(probe, 1);
		blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE);
		if (!blkid_do_safeprobe(probe))
			blkid_probe_lookup_value(probe, "TYPE", &type, NULL);
	}
	if (type)
		snprintf(mount->fs_type, sizeof(mount->fs_type), "%s", type);
	blkid_free_probe(probe);
	if (type)
		return DONE;
	say_error("%s holds no file system that libblkid knows; for a whole disk name a --partition",
		  mount->what);
	return FAILED;
}

static enum status probe_source(struct mount *mount)
{
	int fd = open(mount->source, O_RDONLY | O_CLOEXEC);
	enum status status = DONE;

	if (fd < 0) {
		say_error("%s: %s", mount->source, strerror(errno));
		return FAILED;
	}
	if (mount->partition)
		status = find_partition(mount, fd);
	if (status == DONE)
		status = find_file_system(mount, fd);
	close(fd);
	if (status == DONE && (!strcmp(mount->fs_type, "LVM2_member") ||
			       !strcmp(mount->fs_type, "linux_raid_member") ||
			       !strcmp(mount->fs_type, "crypto_LUKS"))) {
		say_error("%s holds %s, no file system; back up the devices above it to mount them",
			  mount->what, mount->fs_type);
		status = FAILED;
	}
	return status;
}

/* XFS and btrfs tell file systems apart by their UUID: this is a second one. */
static char *make_options(const struct mount *mount)
{
	char *options = NULL;

	mnt_optstr_append_option(&options, mount->is_writable ? "rw" : "ro",
				 NULL);
	if (!strcmp(mount->fs_type, "xfs"))
		mnt_optstr_append_option(&options, "nouuid", NULL);
	if (mount->offset || mount->size) {
		char number[32];

		mnt_optstr_append_option(&options, "loop", NULL);
		snprintf(number, sizeof(number), "%" PRIu64, mount->offset);
		mnt_optstr_append_option(&options, "offset", number);
		snprintf(number, sizeof(number), "%" PRIu64, mount->size);
		mnt_optstr_append_option(&options, "sizelimit", number);
	}
	if (mount->options && options) {
		char *all;

		if (asprintf(&all, "%s,%s", options, mount->options) < 0)
			all = NULL;
		free(options);
		options = all;
	}
	return options;
}

static enum status do_mount(const struct mount *mount)
{
	struct libmnt_context *context = mnt_new_context();
	char *options = make_options(mount), message[256] = "";
	int ret = -ENOMEM;

	if (context && options) {
		mnt_context_set_source(context, mount->source);
		mnt_context_set_target(context, mount->target);
		mnt_context_set_fstype(context, mount->fs_type);
		mnt_context_set_options(context, options);
		ret = mnt_context_mount(context);
		ret = mnt_context_get_excode(context, ret, message,
					     sizeof(message));
	}
	if (ret) {
		say_error("%s could not be mounted on %s: %s", mount->what,
			  mount->target, *message ? message : "no memory");
		if (!strcmp(mount->fs_type, "btrfs"))
			say_hint("the kernel refuses a second btrfs of one UUID while the original is mounted");
	}
	free(options);
	mnt_free_context(context);
	return ret ? FAILED : DONE;
}

static const struct device_entry *choose_device(const struct manifest *point,
						const char *word)
{
	if (*word)
		return manifest_find(point, word);
	if (point->count == 1)
		return &point->devices[0];
	say_error("the point %s holds several devices; add :NAME of one",
		  point->id);
	for (size_t i = 0; i < point->count; i++)
		say_hint("%s  %s %s", point->devices[i].name,
			 point->devices[i].path, point->devices[i].mount_point);
	return NULL;
}

/* The path of the image that shows what @name means. */
static enum status find_image(const struct point_name *name,
			      char path[PATH_MAX])
{
	const struct device_entry *device = NULL;
	const struct manifest *point;
	struct repo repo;
	struct view view;
	enum status status = repo_open(&repo, name->dir, false);

	if (status != DONE)
		return status;
	point = repo_find(&repo, name->point);
	if (point)
		device = choose_device(point, name->device);
	status = device ? view_check(&view, &repo, point, device) : FAILED;
	if (status == DONE) {
		repo_data_path(&repo, device->image, path);
		view_close(&view);
	}
	repo_close(&repo);
	return status;
}

static enum status mount_backup(struct mount *mount)
{
	char image[PATH_MAX], device[NBD_PATH_SIZE];
	struct point_name name;
	enum status status;

	if (point_name_parse(mount->what, &name)) {
		say_error("%s is neither a device nor a backup", mount->what);
		return FAILED;
	}
	status = find_image(&name, image);
	if (status == DONE)
		status = nbd_device_connect(image, device);
	if (status != DONE)
		return status;
	strcpy(mount->source, device);
	status = nbd_device_record(device, mount->target);
	if (status == DONE)
		status = probe_source(mount);
	if (status == DONE)
		status = do_mount(mount);
	if (status != DONE)
		nbd_device_disconnect(device);
	return status;
}

static enum status run_mount(struct mount *mount)
{
	enum status status;
	struct stat st;

	if (stat(mount->what, &st) || !S_ISBLK(st.st_mode))
		return mount_backup(mount);
	snprintf(mount->source, sizeof(mount->source), "%s", mount->what);
	status = probe_source(mount);
	return status == DONE ? do_mount(mount) : status;
}

static bool parse_partition(const char *text, unsigned int *number)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	*number = (unsigned int)value;
	return *text >= '0' && *text <= '9' && !*end && value &&
	       value <= INT_MAX;
}

int cmd_mount(int argc, char **argv)
{
	static const struct option options[] = {
		{ "options", required_argument, NULL, 'o' },
		{ "partition", required_argument, NULL, 'p' },
		{ "writable", no_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static char target[PATH_MAX];
	struct mount mount = { .what = NULL };
	int option;

	while ((option = getopt_long(argc, argv, "o:p:wh", options, NULL)) != -1) {
		switch (option) {
		case 'o':
			mount.options = optarg;
			break;
		case 'p':
			if (!parse_partition(optarg, &mount.partition))
				return usage_wrong(argv[0], "'%s' is no partition's number",
						   optarg);
			break;
		case 'w':
			mount.is_writable = true;
			break;
		case 'h':
			return usage_help(mount_usage);
		default:
			return usage_wrong(argv[0], NULL);
		}
	}
	if (optind + 2 != argc)
		return usage_wrong(argv[0], "name what to mount, and where");
	mount.what = argv[optind];
	if (!realpath(argv[optind + 1], target)) {
		say_error("%s: %s", argv[optind + 1], strerror(errno));
		return FAILED;
	}
	mount.target = target;
	return run_mount(&mount);
}

/* A partition is mounted through a loop device upon the device. */
static void device_beneath(const char *source, char device[PATH_MAX])
{
	struct stat st;

	if (stat(source, &st) || !S_ISBLK(st.st_mode) ||
	    !device_attribute(st.st_rdev, "loop/backing_file", device, PATH_MAX))
		snprintf(device, PATH_MAX, "%s", source);
}

/* The device that is mounted there; false if nothing is. */
static bool mounted_on(const char *target, char device[PATH_MAX])
{
	struct libmnt_table *table = mnt_new_table_from_file("/proc/self/mountinfo");
	struct libmnt_fs *fs = table ? mnt_table_find_target(table, target,
							MNT_ITER_BACKWARD) :
				       NULL;
	const char *source = fs ? mnt_fs_get_source(fs) : NULL;

	device[0] = '\0';
	if (source)
		device_beneath(source, device);
	mnt_unref_table(table);
	return fs;
}

static enum status do_umount(const char *target)
{
	struct libmnt_context *context = mnt_new_context();
	char message[256] = "";
	int ret = -ENOMEM;

	if (context) {
		mnt_context_set_target(context, target);
		ret = mnt_context_umount(context);
		ret = mnt_context_get_excode(context, ret, message,
					     sizeof(message));
	}
	if (ret)
		say_error("%s could not be unmounted: %s", target,
			  *message ? message : "no memory");
	mnt_free_context(context);
	return ret ? FAILED : DONE;
}

static enum status umount_one(const char *word)
{
	char target[PATH_MAX], source[PATH_MAX], device[NBD_PATH_SIZE];
	bool is_mounted, is_backup;
	enum status status = DONE;

	if (!realpath(word, target)) {
		say_error("%s: %s", word, strerror(errno));
		return FAILED;
	}
	is_mounted = mounted_on(target, source);
	is_backup = nbd_device_of_target(target, is_mounted ? source : NULL,
					 device);
	/* Unmounted by hand, perhaps: then the device is what is left. */
	if (!is_backup || is_mounted)
		status = do_umount(target);
	if (status == DONE && is_backup)
		status = nbd_device_disconnect(device);
	return status;
}

int cmd_umount(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	enum status status = DONE;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
		return option == 'h' ? usage_help(umount_usage) :
				       usage_wrong(argv[0], NULL);
	if (optind == argc)
		return usage_wrong(argv[0], "name a mount point");
	for (int i = optind; i < argc; i++) {
		enum status one = umount_one(argv[i]);

		if (one != DONE)
			status = one;
	}
	return status;
}
