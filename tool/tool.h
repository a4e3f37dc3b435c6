/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every file of the tool shares: verbs, exit codes, messages.
 *
 * A function that can fail in a way a person must hear of returns an enum
 * status and has said why, once, at the place that knew. A function that
 * returns a negative errno has said nothing.
 */
#ifndef TOOL_H
#define TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The exit codes, as blksnap(8) lists them. */
enum status {
	DONE = 0,
	FAILED = 1,
	WRONG_USAGE = 2,
	NO_VALID_BASE = 10,
	OVERFLOWED = 11,
	IN_USE = 12,
	MISMATCH = 13,
	HOOK_FAILED = 14,
	NO_MODULE = 15,
	NO_ROOM = 16,
};

/**
 * struct verb - a word of the command line.
 * @name: the word.
 * @run: does it; argv[0] is the whole name, as in "blksnap snapshot list".
 * @brief: one line for the help.
 *
 * Without @run it is a heading of the help.
 */
struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *brief;
};

int verb_dispatch(const struct verb *verbs, const char *usage,
		  int argc, char **argv);

int cmd_backup(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_mount(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_umount(int argc, char **argv);
int cmd_verify(int argc, char **argv);

/*
 * Messages: all go to stderr. A message is a sentence; what to do next is the
 * text after the last semicolon or a say_hint().
 */
void say_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_be_quiet(bool quiet);
bool say_is_quiet(void);
/* Called before each message, so that a progress bar can make way. */
void say_set_interrupt(void (*make_way)(void));

/* Help asked for: to stdout, DONE. Wrong usage: a pointer to it, code 2. */
int usage_help(const char *text);
int usage_wrong(const char *verb, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Sizes: "64M" and "10GiB" are read, "1.5 GiB" is written. */
int parse_size(const char *text, uint64_t *bytes);
const char *format_size(uint64_t bytes, char text[16]);

/* True once SIGINT, SIGTERM or SIGHUP came, after signals_catch(). */
void signals_catch(void);
bool is_interrupted(void);

#endif /* TOOL_H */
