/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process that removes named files of storage when the module lets go of
 * them. Until then they cannot be removed by anybody, so it outlives us, and
 * works also if we are killed. It is started before there is any file.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include <sys/types.h>

#include "tool.h"

struct keeper {
	int pipe_fd;
	pid_t pid;
};

/*
 * Starts it, for files of the directory @dir_fd whose names are @stem and a
 * number. FAILED, and it has said why: there is no process.
 */
enum status keeper_start(struct keeper *keeper, int dir_fd, const char *stem);

/*
 * To be called before the file gets its name. Another file of that name is
 * never removed. Returns 0 or -errno.
 */
int keeper_remember(const struct keeper *keeper, unsigned int number,
		    ino_t inode);

/* Has it remove the files, as soon as that is possible, and leaves it to that. */
void keeper_leave(struct keeper *keeper);

/* The same, but returns when all are removed, or when @is_impatient says so. */
void keeper_wait(struct keeper *keeper, bool (*is_impatient)(void));

#endif /* KEEPER_H */
