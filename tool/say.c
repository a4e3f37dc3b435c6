// SPDX-License-Identifier: GPL-2.0-only
/* Words, sizes and signals: what the tool and the person say to each other. */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

static bool is_quiet;
static void (*interrupt)(void);
static volatile sig_atomic_t interrupted;

static void __attribute__((format(printf, 2, 0)))
say(const char *lead, const char *format, va_list args)
{
	if (interrupt)
		interrupt();
	fputs(lead, stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void say_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("blksnap: ", format, args);
	va_end(args);
}

void say_note(const char *format, ...)
{
	va_list args;

	if (is_quiet)
		return;
	va_start(args, format);
	say("", format, args);
	va_end(args);
}

void say_hint(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("  ", format, args);
	va_end(args);
}

void say_be_quiet(bool quiet)
{
	is_quiet = quiet;
}

bool say_is_quiet(void)
{
	return is_quiet;
}

void say_set_interrupt(void (*make_way)(void))
{
	interrupt = make_way;
}

int usage_help(const char *text)
{
	fputs(text, stdout);
	return DONE;
}

int usage_wrong(const char *verb, const char *format, ...)
{
	va_list args;

	if (format) {
		fprintf(stderr, "%s: ", verb);
		va_start(args, format);
		vfprintf(stderr, format, args);
		va_end(args);
		fputc('\n', stderr);
	}
	fprintf(stderr, "Try '%s --help'.\n", verb);
	return WRONG_USAGE;
}

static const char units[] = "BKMGTPE";

int parse_size(const char *text, uint64_t *bytes)
{
	unsigned long long value;
	const char *unit;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno)
		return -ERANGE;
	*bytes = value;
	if (!*end)
		return 0;

	unit = strchr(units, toupper((unsigned char)*end));
	if (!unit)
		return -EINVAL;
	for (const char *u = units; u < unit; u++) {
		if (*bytes > UINT64_MAX >> 10)
			return -ERANGE;
		*bytes <<= 10;
	}
	end++;
	return !*end || !strcasecmp(end, "iB") ? 0 : -EINVAL;
}

const char *format_size(uint64_t bytes, char text[16])
{
	double value = (double)bytes;
	unsigned int unit = 0;

	while (value >= 1023.95 && unit < 6) {
		value /= 1024;
		unit++;
	}
	if (unit)
		snprintf(text, 16, "%.1f %ciB", value, units[unit]);
	else
		snprintf(text, 16, "%llu B", (unsigned long long)bytes);
	return text;
}

static void note_signal(int number)
{
	(void)number;
	interrupted = 1;
}

void signals_catch(void)
{
	struct sigaction action = { .sa_handler = note_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool is_interrupted(void)
{
	return interrupted;
}
