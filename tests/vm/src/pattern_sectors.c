// SPDX-License-Identifier: GPL-2.0-only
/* pattern: sectors, made and checked; devices, read and written */
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

void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("pattern: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	_exit(1);
}

void die_errno(const char *what, int error)
{
	const char *name = strerrorname_np(error);

	die("%s: %s", what, name ? name : "unknown error");
}

/* --- numbers --- */

uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

uint64_t draw(uint64_t *state, uint64_t below)
{
	*state += 0x9e3779b97f4a7c15ull;
	return below ? mix(*state) % below : 0;
}

uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* --- sectors --- */

static void make_sector(struct sector *s, uint64_t number, uint64_t gen, uint64_t writer)
{
	uint64_t x = mix(number ^ mix(gen ^ mix(writer)));
	int i;

	s->magic = MAGIC;
	s->number = number;
	s->gen = gen;
	s->writer = writer;
	for (i = 0; i < 60; i++)
		s->rest[i] = x = x * 6364136223846793005ull + 1442695040888963407ull;
}

void make_sectors(void *buf, uint64_t start, uint64_t count, uint64_t gen,
			 uint64_t writer)
{
	struct sector *s = buf;
	uint64_t i;

	for (i = 0; i < count; i++)
		make_sector(&s[i], start + i, gen, writer);
}

/* Dies of a sector that is not as it must be. */
void check_sector(const char *name, const struct sector *s, uint64_t number,
			 uint64_t low, uint64_t high)
{
	struct sector wanted;

	if (s->magic != MAGIC)
		die("%s: sector %" PRIu64 " holds alien data (%016" PRIx64 "), not generation %" PRIu64,
		    name, number, s->magic, low);
	make_sector(&wanted, s->number, s->gen, s->writer);
	if (memcmp(&wanted, s, sizeof(wanted)))
		die("%s: sector %" PRIu64 " is torn", name, number);
	if (s->number != number)
		die("%s: sector %" PRIu64 " holds sector %" PRIu64 " of generation %" PRIu64,
		    name, number, s->number, s->gen);
	if (s->gen < low || s->gen > high)
		die("%s: sector %" PRIu64 " holds generation %" PRIu64 " of writer %" PRIu64
		    ", wanted is %" PRIu64 " to %" PRIu64,
		    name, number, s->gen, s->writer, low, high);
}

/* --- devices --- */

void *buffer(size_t bytes)
{
	void *buf = NULL;

	if (posix_memalign(&buf, 4096, bytes))
		die("no memory");
	return buf;
}

int open_device(const char *name, int flags)
{
	int fd = open(name, flags);

	/* A copy of a device, on a file system that has no direct I/O. */
	if (fd < 0 && errno == EINVAL && flags & O_DIRECT)
		fd = open(name, flags & ~O_DIRECT);
	if (fd < 0)
		die_errno(name, errno);
	return fd;
}

uint64_t sectors_of(int fd)
{
	uint64_t bytes;

	if (ioctl(fd, BLKGETSIZE64, &bytes)) {
		off_t end = lseek(fd, 0, SEEK_END);

		if (end < 0)
			die_errno("size", errno);
		bytes = end;
	}
	return bytes / SECTOR;
}

void read_all(const char *name, int fd, void *buf, uint64_t start, uint64_t count)
{
	ssize_t got = pread(fd, buf, count * SECTOR, start * SECTOR);

	if (got < 0)
		die("%s: reading %" PRIu64 ":%" PRIu64 ": %s", name, start, count,
		    strerrorname_np(errno));
	if ((uint64_t)got != count * SECTOR)
		die("%s: reading %" PRIu64 ":%" PRIu64 " gave %zd bytes", name, start,
		    count, got);
}

void write_all(const char *name, int fd, const void *buf, uint64_t start,
		      uint64_t count, int flags)
{
	struct iovec iov = { (void *)buf, count * SECTOR };
	ssize_t done = pwritev2(fd, &iov, 1, start * SECTOR, flags);

	if (done < 0)
		die("%s: writing %" PRIu64 ":%" PRIu64 ": %s", name, start, count,
		    strerrorname_np(errno));
	if ((uint64_t)done != count * SECTOR)
		die("%s: writing %" PRIu64 ":%" PRIu64 " did %zd bytes", name, start,
		    count, done);
}

bool is_excepted(uint64_t sector)
{
	int i;

	for (i = 0; i < opt.except_count; i++)
		if (sector >= opt.except[i].start &&
		    sector - opt.except[i].start < opt.except[i].count)
			return true;
	return false;
}

struct range part_of(int fd)
{
	uint64_t all = sectors_of(fd);

	if (!opt.only.count)
		return (struct range){ 0, all };
	if (opt.only.start + opt.only.count > all)
		die("the device has %" PRIu64 " sectors only", all);
	return opt.only;
}
