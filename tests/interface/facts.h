/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * facts: how a fact is told, and counted.
 *
 * A fact is one line: "ok    CALL: words", or "FAIL  CALL: words (what was
 * there instead)". Words say what must hold, for whom reads only them.
 */
#ifndef FACTS_H
#define FACTS_H

#include <stdbool.h>
#include <stddef.h>

/* What the facts that follow are about, e.g. the name of a call. */
void about(const char *what);

/* It holds, or not. Returns whether it does. */
bool fact(bool holds, const char *words, ...)
	__attribute__((format(printf, 2, 3)));

/* Two results of a call, each 0 or more, or a negative errno, must be the same. */
bool answers(long got, long wanted, const char *words, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * For what the facts are built on, and no fact itself: ends the program if it
 * does not hold, with errno's name. The totals then miss, which counts as a
 * failure.
 */
void need(bool holds, const char *words, ...)
	__attribute__((format(printf, 2, 3)));

/* The last line. Returns the exit status. */
int sum_up(void);

/* Is every byte of these 0? */
bool is_zero(const void *bytes, size_t count);

/* Is every byte of these @value? */
bool is_all(const void *bytes, unsigned char value, size_t count);

#endif /* FACTS_H */
