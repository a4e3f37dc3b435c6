/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The plumbing: one command for each call of the module, with the options and
 * the output that scripts written against the older tool rely on. Neither may
 * change. A plumbing command ends with 0, or with 1 and a reason on stderr.
 */
#ifndef PLUMB_H
#define PLUMB_H

#include <getopt.h>

#include "control.h"

/**
 * struct plumb_args - what was given, checked but for the module's word.
 * @is_given: by the option's letter.
 * @id: -i
 * @id_text: the same as it was written.
 * @devs: -d, all of them.
 * @dev_words: as they were written.
 * @dev_count: how many.
 * @ranges: -r, in sectors, none of them empty.
 * @range_count: how many.
 * @file: -f
 * @path: -p
 * @timeout_ms: -t
 * @limit_bytes: -l, 0 without one.
 */
struct plumb_args {
	bool is_given[128];
	struct blk_snap_uuid id;
	const char *id_text;
	struct blk_snap_dev *devs;
	const char **dev_words;
	uint32_t dev_count;
	struct blk_snap_block_range *ranges;
	uint32_t range_count;
	const char *file;
	const char *path;
	uint32_t timeout_ms;
	uint64_t limit_bytes;
};

/**
 * struct plumb_command - a command.
 * @usage: what --help prints.
 * @options: its options; each of them has the letter of struct plumb_args.
 * @required: letters of those that must be given.
 * @lists: letters of those that may be given again, and take several words.
 * @wants_place: --file, or the others of file, device and range.
 * @run: does it; the control node is open.
 */
struct plumb_command {
	const char *usage;
	const struct option *options;
	const char *required;
	const char *lists;
	bool wants_place;
	enum status (*run)(int fd, const struct plumb_args *args);
};

/* The whole of a command, from its words to its exit status. */
int plumb_main(const struct plumb_command *command, int argc, char **argv);

#define PLUMB_OPTION_HELP	{ "help", no_argument, NULL, 'h' }
#define PLUMB_OPTIONS_END	{ NULL, 0, NULL, 0 }
#define PLUMB_USAGE_HELP	"  -h, --help             print this\n"

/**
 * struct plumb_advice - what an error means for a call, and what to do.
 * @error: positive errno; 0 ends a table.
 * @text: a sentence, for behind "WHAT: ".
 */
struct plumb_advice {
	int error;
	const char *text;
};

/*
 * Says why a call failed: by the table, else by the errno, and what the kernel
 * said since klog_mark(). Closes @log. Returns FAILED.
 */
enum status plumb_failed(const char *what, int ret,
			 const struct plumb_advice *advice, int log);

extern const struct plumb_advice plumb_no_snapshot[];

/* "allocate range: ofs=... cnt=..." lines, in sectors. */
void plumb_print_ranges(const struct blk_snap_block_range *ranges,
			uint32_t count);

/*
 * From here on SIGINT, SIGTERM and SIGHUP end a wait for an event with -EINTR,
 * also if they come just before it begins.
 */
void plumb_catch_signals(void);
bool plumb_is_interrupted(void);

int plumb_tracker_remove(int argc, char **argv);
int plumb_tracker_collect(int argc, char **argv);
int plumb_tracker_readcbtmap(int argc, char **argv);
int plumb_tracker_markdirtyblock(int argc, char **argv);
int plumb_snapshot_create(int argc, char **argv);
int plumb_snapshot_destroy(int argc, char **argv);
int plumb_snapshot_appendstorage(int argc, char **argv);
int plumb_snapshot_take(int argc, char **argv);
int plumb_snapshot_waitevent(int argc, char **argv);
int plumb_snapshot_collect(int argc, char **argv);
int plumb_stretch_snapshot(int argc, char **argv);
int plumb_version(int argc, char **argv);

#endif /* PLUMB_H */
