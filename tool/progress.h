/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How far a long job is: a bar on a terminal, lines or JSON elsewhere, always
 * on stderr. progress_add() may be called by any thread, the rest by one.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum progress_mode {
	PROGRESS_AUTO,
	PROGRESS_BAR,
	PROGRESS_LINES,
	PROGRESS_JSON,
	PROGRESS_NONE,
};

/**
 * struct progress - a job's progress, zeros are one that is not shown.
 * @mode: never AUTO after the start.
 * @label: what is being done, as in "backup".
 * @total: bytes to do.
 * @done: bytes done.
 * @started_ms: when it started.
 * @shown_ms: when it was shown last.
 */
struct progress {
	enum progress_mode mode;
	const char *label;
	uint64_t total;
	atomic_uint_fast64_t done;
	uint64_t started_ms;
	uint64_t shown_ms;
};

/* The options of all verbs that show it; those with them have 'q' among the letters. */
enum { OPT_PROGRESS = 768 };
#define PROGRESS_LONG_OPTIONS \
	{ "progress", required_argument, NULL, OPT_PROGRESS }, \
	{ "quiet", no_argument, NULL, 'q' }

/*
 * True if it took the option, which switches off all but errors if it is 'q'.
 * -EINVAL in @error: @argument is not one of auto, bar, lines, json, none.
 */
bool progress_take_option(enum progress_mode *mode, int option,
			  const char *argument, int *error);
void progress_start(struct progress *progress, enum progress_mode mode,
		    const char *label, uint64_t total);
void progress_add(struct progress *progress, uint64_t bytes);
void progress_show(struct progress *progress);
/* Shows the last state; the line stays. */
void progress_end(struct progress *progress);

/* Milliseconds of the monotonic clock. */
uint64_t now_ms(void);

#endif /* PROGRESS_H */
