// SPDX-License-Identifier: GPL-2.0-only
/*
 * facts: how a fact is told, and counted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "facts.h"

static const char *subject;
static unsigned int passed, failed;

void about(const char *what)
{
	subject = what;
}

static void tell(bool holds, const char *words, va_list args)
{
	printf("%s%s: ", holds ? "ok    " : "FAIL  ", subject);
	vprintf(words, args);
	*(holds ? &passed : &failed) += 1;
}

bool fact(bool holds, const char *words, ...)
{
	va_list args;

	va_start(args, words);
	tell(holds, words, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	return holds;
}

/* Into one of two buffers, so that a line can hold two. */
static const char *name_of(long result)
{
	static char texts[2][24];
	static int next;
	char *text = texts[next ^= 1];

	if (result < 0 && strerrorname_np(-result))
		return strerrorname_np(-result);
	snprintf(text, sizeof(texts[0]), "%ld", result);
	return text;
}

bool answers(long got, long wanted, const char *words, ...)
{
	va_list args;

	va_start(args, words);
	tell(got == wanted, words, args);
	va_end(args);
	if (got != wanted)
		printf(" (%s, not %s)", name_of(got), name_of(wanted));
	putchar('\n');
	fflush(stdout);
	return got == wanted;
}

void need(bool holds, const char *words, ...)
{
	int error = errno;
	va_list args;

	if (holds)
		return;
	fflush(stdout);
	fprintf(stderr, "interface: near '%s': needed, but not had: ",
		subject ? subject : "the start");
	va_start(args, words);
	vfprintf(stderr, words, args);
	va_end(args);
	fprintf(stderr, " (errno %s)\n", name_of(-error));
	exit(2);
}

int sum_up(void)
{
	printf("%u passed, %u failed\n", passed, failed);
	return fflush(stdout) || failed || !passed;
}

bool is_all(const void *bytes, unsigned char value, size_t count)
{
	const unsigned char *byte = bytes;

	while (count--)
		if (*byte++ != value)
			return false;
	return true;
}

bool is_zero(const void *bytes, size_t count)
{
	return is_all(bytes, 0, count);
}
