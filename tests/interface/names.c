// SPDX-License-Identifier: GPL-2.0-only
/*
 * names: what a program finds the module by, and which calls there are.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "calls.h"
#include "facts.h"
#include "groups.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* Is there a line "NUMBER NAME" behind the line @heading of /proc/devices? */
static bool is_driver(const char *heading, const char *name, unsigned int *number)
{
	FILE *file = fopen("/proc/devices", "re");
	char line[128], word[128];
	bool is_below = false, found = false;

	need(file, "/proc/devices");
	while (!found && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, heading, strlen(heading)))
			is_below = true;
		else if (is_below && sscanf(line, "%u %127s", number, word) == 2)
			found = !strcmp(word, name);
	}
	fclose(file);
	return found;
}

void facts_of_names(void)
{
	struct abi_version version = { 0xffff, 0xffff, 0xffff, 0xffff };
	unsigned int number = 0, from_class = 0;
	struct stat st;
	FILE *file;

	about("names");
	need(!stat("/dev/blksnap", &st), "the control node");
	fact(S_ISCHR(st.st_mode), "/dev/blksnap is a character device");
	fact((st.st_mode & 07777) == 0600 && !st.st_uid && !st.st_gid,
	     "/dev/blksnap is root's alone, mode 0600");
	fact(is_driver("Character", "blksnap", &number) && number == major(st.st_rdev),
	     "its driver is called blksnap");
	file = fopen("/sys/class/blksnap/major", "re");
	fact(file && fscanf(file, "%u", &from_class) == 1 &&
	     from_class == major(st.st_rdev),
	     "/sys/class/blksnap/major has its major number, in decimal");
	if (file)
		fclose(file);
	fact(is_driver("Block", "blksnap-image", &number),
	     "the driver of images is called blksnap-image");
	fact(!access("/sys/module/blksnap", F_OK), "the module is called blksnap");

	about("VERSION");
	answers(call(ABI_VERSION, &version), 0, "it answers");
	fact(version.major >= 2 && version.major < 100 && version.minor < 0xffff &&
	     version.revision < 0xffff && version.build < 0xffff,
	     "it is 2.0.0.0 or later, and all four parts are written");
}

static bool is_ours(unsigned long number)
{
	static const unsigned long ours[] = {
		ABI_VERSION, ABI_TRACKER_REMOVE, ABI_TRACKER_COLLECT,
		ABI_READ_CBT_MAP, ABI_MARK_DIRTY, ABI_CREATE, ABI_DESTROY,
		ABI_APPEND_STORAGE, ABI_TAKE, ABI_COLLECT, ABI_COLLECT_IMAGES,
		ABI_WAIT_EVENT, ABI_APPEND_FILE, ABI_INFO,
		ABI_CHANGED_RANGES, ABI_SET_LIMITS, ABI_TRACKER_INFO,
	};
	size_t i;

	for (i = 0; i < COUNT(ours); i++)
		if (ours[i] == number)
			return true;
	return false;
}

/* How many numbers with this last byte do anything but ENOTTY, ours excepted. */
static unsigned int strangers(unsigned int type, unsigned int nr)
{
	static const unsigned int sizes[] = {
		0, 1, 4, 7, 8, 9, 12, 15, 16, 17, 20, 23, 24, 28, 32, 36, 40, 44,
		48, 64, 84, 88, 96, 196, 200, 208, 4088, 4095, 4096, 4097, 16383,
	};
	static char room[16384];
	unsigned int found = 0, direction;
	unsigned long number;
	size_t i;

	for (direction = 0; direction < 4; direction++) {
		for (i = 0; i < COUNT(sizes); i++) {
			number = (unsigned long)direction << 30 | sizes[i] << 16 | type << 8 | nr;
			if (!is_ours(number) && call(number, room) != -ENOTTY)
				found++;
		}
	}
	return found;
}

static void between(unsigned int first, unsigned int last, const char *words)
{
	unsigned int nr, found = 0;

	for (nr = first; nr <= last; nr++)
		found += strangers('V', nr);
	fact(!found, "numbers %u to %u are ENOTTY%s", first, last, words);
}

void facts_of_numbers(void)
{
	static const char *const names[] = {
		"VERSION", "TRACKER_REMOVE", "TRACKER_COLLECT", "TRACKER_READ_CBT_MAP",
		"TRACKER_MARK_DIRTY_BLOCKS", "SNAPSHOT_CREATE", "SNAPSHOT_DESTROY",
		"SNAPSHOT_APPEND_STORAGE", "SNAPSHOT_TAKE", "SNAPSHOT_COLLECT",
		"SNAPSHOT_COLLECT_IMAGES", "SNAPSHOT_WAIT_EVENT",
	};
	struct abi_uuid id = new_snapshot(&on.a);
	unsigned int nr;

	for (nr = 0; nr < COUNT(names); nr++) {
		about(names[nr]);
		fact(!strangers('V', nr),
		     "with another direction or size, also a 64- or 32-bit program's, it is ENOTTY");
	}
	about("numbers");
	for (nr = 64; nr <= 68; nr++)
		fact(!strangers('V', nr), "%u with another direction or size is ENOTTY", nr);
	between(12, 31, "");
	between(32, 34, ": taken by a relative of this interface");
	between(35, 63, "");
	between(69, 255, "");
	fact(!strangers('W', 0) && !strangers('W', 1) && !strangers('U', 6) && !strangers(0, 8),
	     "of another type they are ENOTTY");
	errno = 0;
	fact(!isatty(node) && errno == ENOTTY, "isatty() on the node is ENOTTY");
	fact(snapshot_count() == 1 && find_tracker(on.a.dev, NULL),
	     "after all this a snapshot and its tracker are still there");
	end_snapshot(id, &on.a);
}
