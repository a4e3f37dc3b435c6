// SPDX-License-Identifier: GPL-2.0-only
/* The table of verbs, and nothing else: each has a file of its own. */
#include <stdio.h>
#include <string.h>

#include "tool.h"

static const char usage[] =
	"Usage: blksnap VERB [OPTION]... [ARGUMENT]...\n"
	"\n"
	"Freezes block devices at one instant while they go on being written,\n"
	"and makes backups of what changed.\n"
	"\n"
	"'blksnap VERB --help' tells a verb's options, blksnap(8) everything.\n";

static const struct verb verbs[] = {
	{ "backup",   cmd_backup,   "back up devices: a full, then what changed" },
	{ "restore",  cmd_restore,  "write a backup to devices or files" },
	{ "verify",   cmd_verify,   "prove that backups are whole" },
	{ "mount",    cmd_mount,    "mount a snapshot's image or a backup" },
	{ "umount",   cmd_umount,   "undo a mount" },
	{ "snapshot", cmd_snapshot, "create, list and delete snapshots" },
	{ "status",   cmd_status,   "tracked devices, snapshots, their storage" },
	{ "diff",     cmd_diff,     "what changed in a device since a backup" },
	{ "version",  cmd_version,  "print the kernel module's version" },
	{ NULL, NULL, NULL },
};

int main(int argc, char **argv)
{
	static char name[] = "blksnap";

	if (argc > 1 && !strcmp(argv[1], "--version")) {
		puts("blksnap " BLKSNAP_VERSION);
		return DONE;
	}
	if (argc > 0)
		argv[0] = name;
	return verb_dispatch(verbs, usage, argc, argv);
}
