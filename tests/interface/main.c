// SPDX-License-Identifier: GPL-2.0-only
/*
 * interface: does the module keep what its interface promises?
 *
 *	interface NAME=VALUE... [only=GROUP]
 *
 * Names are those of struct setting, values the paths of devices made for this,
 * whose contents are lost. As root, with the module loaded, no snapshot and no
 * tracked device. Prints a line a fact, and "N passed, N failed"; at the end the
 * module is unloaded. A group is a row of the table below.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "calls.h"
#include "facts.h"
#include "groups.h"

static const struct {
	const char *name;
	struct device *device;
} devices[] = {
	{ "a", &on.a }, { "b", &on.b }, { "plain", &on.plain },
	{ "storage", &on.storage }, { "large", &on.large },
	{ "above", &on.above }, { "striped", &on.striped }, { "slow", &on.slow },
	{ "going0", &on.going[0] }, { "going1", &on.going[1] },
	{ "zoned", &on.zoned }, { "zram", &on.zram }, { "kept", &on.kept },
};

static const struct {
	const char *name;
	const char **path;
} places[] = {
	{ "ext4", &on.ext4 }, { "xfs", &on.xfs }, { "memory", &on.memory },
};

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* What follows "NAME=", or NULL. */
static const char *value_of(const char *name, char **words)
{
	size_t length = strlen(name);

	for (; *words; words++)
		if (!strncmp(*words, name, length) && (*words)[length] == '=')
			return *words + length + 1;
	return NULL;
}

static void find_device(struct device *device, const char *path)
{
	struct stat st;
	uint64_t bytes;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	need(fd >= 0 && !fstat(fd, &st) && S_ISBLK(st.st_mode) &&
	     !ioctl(fd, BLKGETSIZE64, &bytes), "the device %s", path);
	close(fd);
	device->path = path;
	device->dev = (struct abi_dev){ major(st.st_rdev), minor(st.st_rdev) };
	device->sectors = bytes / 512;
}

static void find_setting(char **words)
{
	const char *path;
	size_t i;

	for (i = 0; i < COUNT(devices); i++) {
		path = value_of(devices[i].name, words);
		need(path, "the argument %s=DEVICE", devices[i].name);
		find_device(devices[i].device, path);
	}
	for (i = 0; i < COUNT(places); i++) {
		*places[i].path = value_of(places[i].name, words);
		need(*places[i].path, "the argument %s=DIRECTORY", places[i].name);
	}
}

static const struct {
	const char *name;
	void (*tell)(void);
} groups[] = {
	{ "header", facts_of_header },
	{ "names", facts_of_names },
	{ "parameters", facts_of_parameters },
	{ "trackers", facts_of_trackers },
	{ "", keep_hooks },
	{ "numbers", facts_of_numbers },
	{ "arguments", facts_of_arguments },
	{ "marking", facts_of_marking },
	{ "snapshots", facts_of_snapshots },
	{ "refused", facts_of_refused_devices },
	{ "lists", facts_of_lists },
	{ "storage", facts_of_storage },
	{ "files", facts_of_files },
	{ "info", facts_of_info },
	{ "limits", facts_of_limits },
	{ "changes", facts_of_changes },
	{ "details", facts_of_details },
	{ "events", facts_of_events },
	{ "overflow", facts_of_overflow },
	{ "tracking", facts_of_tracking },
	{ "images", facts_of_images },
	{ "life", facts_of_life },
};

int main(int argc, char **argv)
{
	const char *only;
	size_t i;

	find_setting(argv + (argc > 0));
	only = value_of("only", argv + (argc > 0));
	node = open("/dev/blksnap", O_RDONLY | O_CLOEXEC);
	need(node >= 0, "the control node");
	for (i = 0; i < COUNT(groups); i++) {
		if (only && *groups[i].name && strcmp(only, groups[i].name))
			continue;
		groups[i].tell();
		if (groups[i].tell != facts_of_life)
			need(!snapshot_count() && !tracker_count(),
			     "nothing left of the group %s", groups[i].name);
	}
	return sum_up();
}
