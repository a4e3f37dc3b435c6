/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs that work for us. A child is told to end when the thread that
 * started it dies, so start it from a thread that lives as long as it is
 * needed. It has a process group of its own: an interrupt from the terminal
 * reaches us, and we end it in order.
 */
#ifndef CHILD_H
#define CHILD_H

#include <sys/types.h>

/**
 * child_start - starts a program found in PATH.
 * @argv: its arguments, NULL at the end.
 * @listen_fd: a listening socket to hand over as systemd does, or -1.
 * @stdout_fd: its standard output, or -1 for our standard error.
 *
 * Returns its process id or -errno (-ENOENT: no such program).
 */
pid_t child_start(const char *const argv[], int listen_fd, int stdout_fd);

/* Waits for its end. Returns its exit status, 128 + n for signal n. */
int child_wait(pid_t pid);

/* Starts it and waits. Returns as child_wait(), or -errno. */
int child_run(const char *const argv[]);

/* The same, with its output in a new string that the caller frees. */
int child_output(const char *const argv[], char **output);

#endif /* CHILD_H */
