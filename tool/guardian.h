/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process that outlives us if we are killed, and undoes what must not stay:
 * file systems that we froze, and a snapshot that nobody would delete. It is
 * started before there is anything to undo.
 */
#ifndef GUARDIAN_H
#define GUARDIAN_H

#include "libblksnap.h"
#include "tool.h"

#define FREEZE_MAX 64

/**
 * struct guardian - letters: S in memory that both processes share.
 * @create: the call that makes the snapshot: the kernel writes the id into it, so
 *	that the guardian has it whenever we are killed. Zeros while there is none; S
 * @must_destroy: it shall not outlive us; S
 * @is_frozen: file systems that we froze, or are about to; S
 * @was_too_slow: the guardian thawed them because it took too long; S
 */
struct guardian {
	struct guardian_shared {
		struct blk_snap_snapshot_create create;
		bool must_destroy;
		bool is_frozen[FREEZE_MAX];
		bool was_too_slow;
	} *shared;
	int pipe_fd;
	int pid;
};

/**
 * guardian_start - starts it.
 * @control_fd: to destroy by.
 * @freeze_fds: a descriptor on each file system that may be frozen.
 */
enum status guardian_start(struct guardian *guardian, int control_fd,
			   const int *freeze_fds, unsigned int freeze_count);

/* From here on the file systems must thaw soon; from there on, no more. */
void guardian_watch_freeze(struct guardian *guardian);
void guardian_end_freeze(struct guardian *guardian);

/* Lets it go; it destroys the snapshot if @must_destroy still says so. */
void guardian_stop(struct guardian *guardian);

#endif /* GUARDIAN_H */
