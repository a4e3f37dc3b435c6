// SPDX-License-Identifier: GPL-2.0-only
/* The table of verbs, and nothing else: each has a file of its own. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "plumb.h"

static const char usage[] =
	"Usage: blksnap VERB [OPTION]... [ARGUMENT]...\n"
	"\n"
	"Freezes block devices at one instant while they go on being written,\n"
	"and makes backups of what changed.\n"
	"\n"
	"'blksnap VERB --help' tells a verb's options, blksnap(8) everything.\n";

static const struct verb verbs[] = {
	{ "Verbs", NULL, NULL },
	{ "backup",   cmd_backup,   "back up devices: a full, then what changed" },
	{ "restore",  cmd_restore,  "write a backup to devices or files" },
	{ "verify",   cmd_verify,   "prove that backups are whole" },
	{ "mount",    cmd_mount,    "mount a snapshot's image or a backup" },
	{ "umount",   cmd_umount,   "undo a mount" },
	{ "snapshot", cmd_snapshot, "create, list and delete snapshots" },
	{ "status",   cmd_status,   "tracked devices, snapshots, their storage" },
	{ "diff",     cmd_diff,     "what changed in a device since a backup" },

	{ "Plumbing, one call of the module each, for scripts", NULL, NULL },
	{ "version", plumb_version, "print the kernel module's version" },
	{ "tracker_remove", plumb_tracker_remove, "stop tracking a device" },
	{ "tracker_collect", plumb_tracker_collect, "print the tracked devices" },
	{ "tracker_readcbtmap", plumb_tracker_readcbtmap, "write a map of changes to a file" },
	{ "tracker_markdirtyblock", plumb_tracker_markdirtyblock, "declare blocks changed" },
	{ "snapshot_create", plumb_snapshot_create, "make a snapshot, not yet taken" },
	{ "snapshot_destroy", plumb_snapshot_destroy, "end a snapshot" },
	{ "snapshot_appendstorage", plumb_snapshot_appendstorage, "give a snapshot storage" },
	{ "snapshot_take", plumb_snapshot_take, "take a snapshot" },
	{ "snapshot_waitevent", plumb_snapshot_waitevent, "wait for an event of a snapshot" },
	{ "snapshot_collect", plumb_snapshot_collect, "print the snapshots and images" },
	{ "stretch_snapshot", plumb_stretch_snapshot, "give files as storage when it runs low" },
	{ NULL, NULL, NULL },
};

/* Where one is closed, the next file opened would get our messages. */
static bool fill_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* What was printed in part, or not at all, must not look like success. */
static int end_output(int status)
{
	bool has_failed = ferror(stdout);

	if (!fclose(stdout) && !has_failed)
		return status;
	say_error("standard output: %s", strerror(errno ? errno : EIO));
	return status == DONE ? FAILED : status;
}

int main(int argc, char **argv)
{
	static char name[] = "blksnap";

	if (!fill_standard_fds())
		return FAILED;
	/* Ignored, as we may inherit it, nothing is learnt of a child's end. */
	signal(SIGCHLD, SIG_DFL);
	if (argc > 1 && !strcmp(argv[1], "--version")) {
		puts("blksnap " BLKSNAP_VERSION);
		return end_output(DONE);
	}
	if (argc > 0)
		argv[0] = name;
	return end_output(verb_dispatch(verbs, usage, argc, argv));
}
