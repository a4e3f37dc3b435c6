// SPDX-License-Identifier: GPL-2.0-only
/*
 * pattern: data that knows where it belongs.
 *
 *	pattern fill DEV GEN [--only O:C]	every sector, generation GEN
 *	pattern check DEV LOW[-HIGH] [--only O:C] [--except O:C]...
 *						every sector holds its own number and
 *						a generation from LOW to HIGH
 *	pattern watch DEV LOW[-HIGH] [--readers N] [--except O:C]...
 *						checks random pieces all the time, in
 *						several sizes at once, until SIGTERM
 *	pattern write DEV [options]		random writers, see below
 *	pattern twin-write A B [--threads N]	row n on A, and when that is done
 *						row n on B, until SIGTERM
 *	pattern twins A B [--threads N]		no row on B that A has not
 *	pattern blocks BYTES			sectors O:C on stdin to the numbers of
 *						the blocks they touch
 *	pattern changed N			a map on stdin to the numbers of the
 *						blocks with a byte above N
 *
 * A sector is made from its number, a generation and a writer, all 512 bytes
 * of it: one that is torn, alien or in the wrong place is found out. Ranges are
 * in sectors, offset:count.
 *
 * Options of write:
 *	--ops N		writes of each thread; without it, until SIGTERM
 *	--threads N	each has its own part of the device, knows what it wrote
 *			and, at the end, reads whether it is there
 *	--shared	all write everywhere, and nobody checks
 *	--bs MIN[-MAX]	bytes of a write (4096)
 *	--align BYTES	of offsets and sizes (as MIN)
 *	--seq		one after another, not at random
 *	--only O:C	this part of the device
 *	--direct --buffered --nowait --uring	how; direct if nothing is said.
 *			nowait is direct with RWF_NOWAIT, and EAGAIN an error
 *	--depth N	writes in flight, with --uring (16)
 *	--fsync N	after every so many writes
 *	--gen GEN	of the first write (2); each has one more
 *	--seed N	same seed, same writes
 *	--log FILE	the ranges written, a line each, in any order
 *	--no-check	no reading at the end
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <liburing.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "pattern.h"

volatile sig_atomic_t is_stopped;

struct options opt = {
	.threads = 1, .readers = 4, .bs_min = 4096, .bs_max = 4096, .gen = 2,
	.seed = 1, .depth = 16,
};

/* --- fill, check, watch --- */

static void fill(const char *name, const char *gen)
{
	int fd = open_device(name, O_WRONLY | O_DIRECT);
	struct range part = part_of(fd);
	uint64_t at, end = part.start + part.count;
	void *buf = buffer(PIECE);

	for (at = part.start; at < end; at += PIECE / SECTOR) {
		uint64_t count = min_u64(PIECE / SECTOR, end - at);

		make_sectors(buf, at, count, strtoull(gen, NULL, 0), 0);
		write_all(name, fd, buf, at, count, 0);
	}
	if (fsync(fd))
		die_errno(name, errno);
}

static void parse_gens(const char *text, uint64_t *low, uint64_t *high)
{
	char *rest;

	*low = *high = strtoull(text, &rest, 0);
	if (*rest == '-')
		*high = strtoull(rest + 1, NULL, 0);
}

static void check_run(const char *name, const struct sector *s, uint64_t start,
		      uint64_t count, uint64_t low, uint64_t high)
{
	uint64_t i;

	for (i = 0; i < count; i++)
		if (!is_excepted(start + i))
			check_sector(name, &s[i], start + i, low, high);
}

static void check(const char *name, const char *gens)
{
	int fd = open_device(name, O_RDONLY | O_DIRECT);
	struct range part = part_of(fd);
	uint64_t at, end = part.start + part.count, low, high;
	void *buf = buffer(PIECE);

	parse_gens(gens, &low, &high);
	for (at = part.start; at < end; at += PIECE / SECTOR) {
		uint64_t count = min_u64(PIECE / SECTOR, end - at);

		read_all(name, fd, buf, at, count);
		check_run(name, buf, at, count, low, high);
	}
}

struct reader {
	pthread_t thread;
	const char *name;
	unsigned int number;
	uint64_t low, high;
	uint64_t reads;
};

static void *watch_one(void *arg)
{
	struct reader *reader = arg;
	int fd = open_device(reader->name, O_RDONLY | O_DIRECT);
	struct range part = part_of(fd);
	uint64_t state = mix(opt.seed) + reader->number;
	uint64_t align = opt.align ? opt.align / SECTOR : 1;
	uint64_t most = PIECE / SECTOR >> (reader->number % 4 * 3);
	void *buf = buffer(PIECE);

	/* At most 1 MiB, 128 KiB, 16 KiB or 2 KiB, and any number of sectors. */
	if (most < align)
		most = align;
	while (!is_stopped) {
		uint64_t at = draw(&state, part.count) / align * align;
		uint64_t count = (1 + draw(&state, most)) / align * align;

		if (!count)
			count = align;
		count = min_u64(count, part.count - at);
		read_all(reader->name, fd, buf, part.start + at, count);
		check_run(reader->name, buf, part.start + at, count, reader->low,
			  reader->high);
		reader->reads++;
	}
	return NULL;
}

static void watch(const char *name, const char *gens)
{
	struct reader *readers = calloc(opt.readers, sizeof(*readers));
	unsigned int i;

	for (i = 0; i < opt.readers; i++) {
		readers[i].name = name;
		readers[i].number = i;
		parse_gens(gens, &readers[i].low, &readers[i].high);
		if (pthread_create(&readers[i].thread, NULL, watch_one, &readers[i]))
			die("no thread");
	}
	for (i = 0; i < opt.readers; i++) {
		pthread_join(readers[i].thread, NULL);
		if (!readers[i].reads)
			die("reader %u read nothing", i);
	}
}

/* --- maps --- */

static void blocks(const char *bytes)
{
	uint64_t sectors = strtoull(bytes, NULL, 0) / SECTOR, size = 0, i;
	uint8_t *is_touched = NULL;
	struct range range;

	if (!sectors)
		die("%s is no size of a block", bytes);
	while (scanf("%" SCNu64 ":%" SCNu64, &range.start, &range.count) == 2) {
		uint64_t last = (range.start + range.count - 1) / sectors;

		if (last >= size) {
			is_touched = realloc(is_touched, last + 1);
			if (!is_touched)
				die("no memory");
			memset(is_touched + size, 0, last + 1 - size);
			size = last + 1;
		}
		for (i = range.start / sectors; i <= last; i++)
			is_touched[i] = 1;
	}
	for (i = 0; i < size; i++)
		if (is_touched[i])
			printf("%" PRIu64 "\n", i);
}

static void changed(const char *number)
{
	uint64_t i;
	int byte;

	for (i = 0; (byte = getchar()) != EOF; i++)
		if (byte > atoi(number))
			printf("%" PRIu64 "\n", i);
}

/* --- the command line --- */

static void stop(int signal)
{
	(void)signal;
	is_stopped = 1;
}

static struct range parse_range(const char *text)
{
	struct range range;

	if (sscanf(text, "%" SCNu64 ":%" SCNu64, &range.start, &range.count) != 2)
		die("%s is no range", text);
	return range;
}

static uint64_t parse_size(const char *text, char **rest)
{
	uint64_t size = strtoull(text, rest, 0);

	switch (**rest) {
	case 'k':	size <<= 10; (*rest)++; break;
	case 'M':	size <<= 20; (*rest)++; break;
	}
	return size;
}

static const char *value_of(char ***args)
{
	if (!(*args)[1])
		die("%s wants a value", (*args)[0]);
	return *++*args;
}

static void parse_options(char **args)
{
	char *rest;

	for (; *args; args++) {
		const char *name = *args;

#define IS(text)	(!strcmp(name, text))
#define NUMBER()	strtoull(value_of(&args), NULL, 0)
		if (IS("--only"))
			opt.only = parse_range(value_of(&args));
		else if (IS("--except") && opt.except_count < RANGES_MAX)
			opt.except[opt.except_count++] = parse_range(value_of(&args));
		else if (IS("--threads"))
			opt.threads = NUMBER();
		else if (IS("--readers"))
			opt.readers = NUMBER();
		else if (IS("--ops"))
			opt.ops = NUMBER();
		else if (IS("--gen"))
			opt.gen = NUMBER();
		else if (IS("--seed"))
			opt.seed = NUMBER();
		else if (IS("--depth"))
			opt.depth = NUMBER();
		else if (IS("--fsync"))
			opt.fsync_every = NUMBER();
		else if (IS("--align"))
			opt.align = parse_size(value_of(&args), &rest);
		else if (IS("--bs")) {
			opt.bs_min = opt.bs_max = parse_size(value_of(&args), &rest);
			if (*rest == '-')
				opt.bs_max = parse_size(rest + 1, &rest);
		} else if (IS("--log"))
			opt.log = value_of(&args);
		else if (IS("--seq"))
			opt.is_seq = true;
		else if (IS("--shared"))
			opt.is_shared = true;
		else if (IS("--direct"))
			opt.is_buffered = false;
		else if (IS("--buffered"))
			opt.is_buffered = true;
		else if (IS("--nowait"))
			opt.is_nowait = true;
		else if (IS("--uring"))
			opt.is_uring = true;
		else if (IS("--no-check"))
			opt.is_unchecked = true;
		else
			die("there is no option %s", name);
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = stop };
	const char *verb = argc > 1 ? argv[1] : "";
	int operands;

#undef IS
#define IS(text)	(!strcmp(verb, text))
	operands = IS("write") || IS("blocks") || IS("changed") ? 1 : 2;
	if (argc < 2 + operands)
		die("operands are missing; see the top of pattern.c");
	parse_options(argv + 2 + operands);
	sigaction(SIGTERM, &action, NULL);

	if (IS("fill"))
		fill(argv[2], argv[3]);
	else if (IS("check"))
		check(argv[2], argv[3]);
	else if (IS("watch"))
		watch(argv[2], argv[3]);
	else if (IS("write"))
		write_some(argv[2]);
	else if (IS("twin-write"))
		twin_write(argv[2], argv[3]);
	else if (IS("twins"))
		twins(argv[2], argv[3]);
	else if (IS("blocks"))
		blocks(argv[2]);
	else if (IS("changed"))
		changed(argv[2]);
	else
		die("there is no verb %s", verb);
	return fflush(stdout) ? 1 : 0;
}
