/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * unit: what all tests share. A test is a sentence about the room under test.
 */
#ifndef UNIT_H
#define UNIT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/types.h>

#define SENTENCE(text, function)	{ .name = text, .test_func = function }
#define ARRAY_SIZE(array)		(sizeof(array) / sizeof((array)[0]))

/* xorshift64*: the same numbers in every run. */
static inline u64 random_u64(u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static inline u32 random_below(u64 *state, u32 limit)
{
	return (random_u64(state) >> 32) % limit;
}

#endif
