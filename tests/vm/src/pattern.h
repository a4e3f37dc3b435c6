/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pattern: what its files share: sectors that know where they belong, the
 * devices they are on, and the options.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#define SECTOR		512
#define MAGIC		0x6e72657474617062ull	/* "bpattern" */
#define PIECE		(1024 * 1024)
#define RANGES_MAX	256
#define ROW		4096

struct range {
	uint64_t start;
	uint64_t count;
};

extern volatile sig_atomic_t is_stopped;

/* As given on the command line. */
struct options {
	struct range only;
	struct range except[RANGES_MAX];
	int except_count;
	unsigned int threads;
	unsigned int readers;
	uint64_t ops;
	uint64_t bs_min, bs_max, align;
	uint64_t gen;
	uint64_t seed;
	unsigned int depth;
	unsigned int fsync_every;
	bool is_seq, is_shared, is_buffered, is_nowait, is_uring, is_unchecked;
	const char *log;
};

extern struct options opt;

struct sector {
	uint64_t magic;
	uint64_t number;
	uint64_t gen;
	uint64_t writer;
	uint64_t rest[60];
};

void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...);
void die_errno(const char *what, int error);
uint64_t mix(uint64_t x);
uint64_t draw(uint64_t *state, uint64_t below);
uint64_t min_u64(uint64_t a, uint64_t b);
void make_sectors(void *buf, uint64_t start, uint64_t count, uint64_t gen,
			 uint64_t writer);
void check_sector(const char *name, const struct sector *s, uint64_t number,
			 uint64_t low, uint64_t high);
void *buffer(size_t bytes);
int open_device(const char *name, int flags);
uint64_t sectors_of(int fd);
void read_all(const char *name, int fd, void *buf, uint64_t start, uint64_t count);
void write_all(const char *name, int fd, const void *buf, uint64_t start,
		      uint64_t count, int flags);
bool is_excepted(uint64_t sector);
struct range part_of(int fd);

/* The commands that have a file of their own. */
void write_some(const char *name);
void twin_write(const char *a, const char *b);
void twins(const char *a, const char *b);

#endif /* PATTERN_H */
