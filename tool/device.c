// SPDX-License-Identifier: GPL-2.0-only
#include <blkid/blkid.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmount/libmount.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device.h"

#define DEPTH_MAX 16

dev_t device_number(struct blk_snap_dev dev)
{
	return makedev(dev.mj, dev.mn);
}

enum status device_of_word(const char *word, struct blk_snap_dev *dev)
{
	int ret = blksnap_device_of_path(word, dev);

	if (!ret)
		return DONE;
	if (ret == -ENOTBLK)
		say_error("%s is neither a block device nor the mount point of one; name the device", word);
	else
		say_error("%s: %s", word, strerror(-ret));
	return FAILED;
}

bool device_attribute(dev_t dev, const char *attribute, char *text, size_t size)
{
	char path[512];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major(dev),
		 minor(dev), attribute);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, text, size - 1);
	if (fd >= 0)
		close(fd);
	while (got > 0 && (text[got - 1] == '\n' || text[got - 1] == ' '))
		got--;
	text[got > 0 ? got : 0] = '\0';
	return got > 0;
}

static bool parse_number(const char *text, dev_t *dev)
{
	unsigned int mj, mn;

	if (sscanf(text, "%u:%u", &mj, &mn) != 2)
		return false;
	*dev = makedev(mj, mn);
	return true;
}

dev_t device_disk(dev_t dev, uint64_t *start_bytes)
{
	char text[64];
	dev_t disk = dev;

	*start_bytes = 0;
	if (!device_attribute(dev, "partition", text, sizeof(text)))
		return dev;
	if (device_attribute(dev, "start", text, sizeof(text)))
		*start_bytes = strtoull(text, NULL, 10) * 512;
	if (device_attribute(dev, "../dev", text, sizeof(text)))
		parse_number(text, &disk);
	return disk;
}

void device_name(dev_t dev, char *name, size_t size)
{
	char path[64], link[512];
	ssize_t got;

	if (device_attribute(dev, "dm/name", link, sizeof(link))) {
		snprintf(name, size, "mapper/%s", link);
		return;
	}
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(dev),
		 minor(dev));
	got = readlink(path, link, sizeof(link) - 1);
	if (got <= 0) {
		snprintf(name, size, "%u:%u", major(dev), minor(dev));
		return;
	}
	link[got] = '\0';
	snprintf(name, size, "%s", strrchr(link, '/') + 1);
	/* sysfs spells the directories of cciss/c0d0 and the like with a '!'. */
	for (char *c = name; *c; c++)
		if (*c == '!')
			*c = '/';
}

/* The device that holds a loop device's file, 0 if it is none. */
static dev_t device_under_loop(dev_t dev)
{
	char file[4096];
	struct stat st;

	if (!device_attribute(dev, "loop/backing_file", file, sizeof(file)) ||
	    stat(file, &st))
		return 0;
	return S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
}

/* Calls @visit for each device directly beneath; true if one call was. */
static bool any_slave(dev_t dev, bool (*visit)(dev_t slave, void *context),
		      void *context)
{
	dev_t under = device_under_loop(dev);
	struct dirent *entry;
	bool found = under && visit(under, context);
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/slaves", major(dev),
		 minor(dev));
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		char attribute[300], text[64];
		dev_t slave;

		snprintf(attribute, sizeof(attribute), "slaves/%s/dev",
			 entry->d_name);
		if (entry->d_name[0] != '.' &&
		    device_attribute(dev, attribute, text, sizeof(text)) &&
		    parse_number(text, &slave))
			found = visit(slave, context);
	}
	if (dir)
		closedir(dir);
	return found;
}

struct search {
	dev_t lower;
	unsigned int depth;
};

static bool lies_on(dev_t upper, void *context)
{
	struct search *search = context;
	uint64_t start;
	dev_t disk = device_disk(upper, &start);
	bool found;

	if (upper == search->lower || disk == search->lower)
		return true;
	if (search->depth == DEPTH_MAX)
		return false;
	search->depth++;
	found = any_slave(disk, lies_on, search);
	search->depth--;
	return found;
}

bool device_lies_on(dev_t upper, dev_t lower)
{
	struct search search = { .lower = lower };

	return lies_on(upper, &search);
}

struct height {
	unsigned int depth;
	unsigned int deepest;
};

static bool measure(dev_t dev, void *context)
{
	struct height *height = context;
	uint64_t start;

	if (height->depth > height->deepest)
		height->deepest = height->depth;
	if (height->depth < DEPTH_MAX) {
		height->depth++;
		any_slave(device_disk(dev, &start), measure, height);
		height->depth--;
	}
	return false;
}

unsigned int device_height(dev_t dev)
{
	struct height height = { .depth = 0 };

	measure(dev, &height);
	return height.deepest;
}

static void copy_value(blkid_probe probe, const char *key, char *text,
		       size_t size)
{
	const char *value;

	if (!blkid_probe_lookup_value(probe, key, &value, NULL))
		snprintf(text, size, "%s", value);
}

static void probe_content(int fd, struct device_entry *entry)
{
	blkid_probe probe = blkid_new_probe();

	if (probe && !blkid_probe_set_device(probe, fd, 0, 0)) {
		blkid_probe_enable_superblocks(probe, 1);
		blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE |
						  BLKID_SUBLKS_UUID |
						  BLKID_SUBLKS_LABEL);
		blkid_probe_enable_partitions(probe, 1);
		blkid_probe_set_partitions_flags(probe,
						 BLKID_PARTS_ENTRY_DETAILS);
		if (blkid_do_safeprobe(probe) >= 0) {
			copy_value(probe, "TYPE", entry->fs_type,
				   sizeof(entry->fs_type));
			copy_value(probe, "UUID", entry->fs_uuid,
				   sizeof(entry->fs_uuid));
			copy_value(probe, "LABEL", entry->fs_label,
				   sizeof(entry->fs_label));
			copy_value(probe, "PART_ENTRY_UUID", entry->part_uuid,
				   sizeof(entry->part_uuid));
		}
	}
	blkid_free_probe(probe);
}

/*
 * One finding at a time: a safe probe would say nothing at all of a device with
 * signatures of two file systems.
 */
const char *device_content(int fd, char text[64])
{
	blkid_probe probe = blkid_new_probe();
	const char *value = NULL;
	int ret = -1;

	if (probe && !blkid_probe_set_device(probe, fd, 0, 0)) {
		blkid_probe_enable_superblocks(probe, 1);
		blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE);
		blkid_probe_enable_partitions(probe, 1);
		while (!value && !(ret = blkid_do_probe(probe)))
			if (blkid_probe_lookup_value(probe, "TYPE", &value, NULL))
				blkid_probe_lookup_value(probe, "PTTYPE", &value,
							 NULL);
	}
	if (value)
		snprintf(text, 64, "%s", value);
	else if (ret < 0)
		strcpy(text, "something that cannot be read");
	blkid_free_probe(probe);
	return value || ret < 0 ? text : NULL;
}

static void find_mount_point(dev_t dev, struct device_entry *entry)
{
	struct libmnt_table *table = mnt_new_table_from_file("/proc/self/mountinfo");
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;

	while (table && iter && !*entry->mount_point &&
	       !mnt_table_next_fs(table, iter, &fs))
		if (mnt_fs_get_devno(fs) == dev)
			snprintf(entry->mount_point, sizeof(entry->mount_point),
				 "%s", mnt_fs_get_target(fs));
	mnt_free_iter(iter);
	mnt_unref_table(table);
}

/* What stays the same across reboots, from the surest to the weakest. */
static void identify(dev_t dev, struct device_entry *entry)
{
	char text[200];
	uint64_t start;
	dev_t disk = device_disk(dev, &start);

	if (!device_attribute(disk, "serial", entry->serial,
			      sizeof(entry->serial)) &&
	    !device_attribute(disk, "device/serial", entry->serial,
			      sizeof(entry->serial)))
		device_attribute(disk, "wwid", entry->serial,
				 sizeof(entry->serial));
	if (device_attribute(dev, "dm/uuid", text, sizeof(text)))
		snprintf(entry->identity, sizeof(entry->identity), "dm-uuid:%s",
			 text);
	else if (*entry->part_uuid)
		snprintf(entry->identity, sizeof(entry->identity),
			 "part-uuid:%s", entry->part_uuid);
	else if (*entry->serial && disk == dev)
		snprintf(entry->identity, sizeof(entry->identity), "serial:%s",
			 entry->serial);
	else
		snprintf(entry->identity, sizeof(entry->identity), "path:%s",
			 entry->path);
}

/* The last part of the path, with what may stand in a file name. */
static void make_name(struct device_entry *entry)
{
	const char *from = strncmp(entry->path, "/dev/mapper/", 12) ?
			   entry->path + strlen("/dev/") : entry->path + 12;
	size_t i;

	for (i = 0; from[i] && i < sizeof(entry->name) - 1; i++) {
		bool is_fine = strchr("+-._", from[i]) ||
			       (from[i] >= '0' && from[i] <= '9') ||
			       (from[i] >= 'A' && from[i] <= 'Z') ||
			       (from[i] >= 'a' && from[i] <= 'z');

		entry->name[i] = is_fine ? from[i] : '_';
	}
	entry->name[i] = '\0';
}

enum status device_describe(struct blk_snap_dev dev, struct device_entry *entry)
{
	dev_t number = device_number(dev);
	int block_size = 0, fd;
	char name[200];

	memset(entry, 0, sizeof(*entry));
	entry->major = dev.mj;
	entry->minor = dev.mn;
	device_name(number, name, sizeof(name));
	snprintf(entry->path, sizeof(entry->path), "/dev/%s", name);
	make_name(entry);

	fd = open(entry->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &entry->capacity) ||
	    ioctl(fd, BLKSSZGET, &block_size)) {
		say_error("%s: %s", entry->path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return FAILED;
	}
	entry->logical_block_size = (uint64_t)block_size;
	probe_content(fd, entry);
	close(fd);
	find_mount_point(number, entry);
	identify(number, entry);
	return DONE;
}

static int by_offset(const void *a, const void *b)
{
	const struct blksnap_extent *left = a, *right = b;

	return left->offset < right->offset ? -1 : left->offset > right->offset;
}

int device_storage(const struct blksnap_info *info, struct blk_snap_dev dev,
		   uint64_t capacity, struct blksnap_extents *extents)
{
	size_t count = info->fixed.range_count, kept = 0;
	struct blksnap_extent *found = calloc(count + 1, sizeof(*found));
	uint64_t start, own_start;
	dev_t disk = device_disk(device_number(dev), &own_start);
	int ret = 0;

	if (!found)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct blk_snap_info_range *range = &info->ranges[i];
		uint64_t from = range->sector_offset * 512;
		uint64_t to = from + range->sector_count * 512;

		if (device_disk(device_number(range->dev_id), &start) != disk)
			continue;
		/* From its own device's bytes to this one's. */
		from += start;
		to += start;
		if (to <= own_start || from >= own_start + capacity)
			continue;
		from = from > own_start ? from - own_start : 0;
		to = to - own_start < capacity ? to - own_start : capacity;
		found[kept++] = (struct blksnap_extent){ from, to - from };
	}
	qsort(found, kept, sizeof(*found), by_offset);
	for (size_t i = 0; !ret && i < kept; i++)
		ret = blksnap_extents_add(extents, found[i].offset,
					  found[i].length);
	free(found);
	return ret;
}
