// SPDX-License-Identifier: GPL-2.0-only
/* pattern: rows that are written twice, and never the second first */
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

/*
 * Each thread has a part of its own on both devices, where row n lies in slot
 * n modulo the number of slots. A row is 4 KiB of generation n.
 */
struct twin_writer {
	pthread_t thread;
	const char *names[2];
	unsigned int number;
	uint64_t start, slots;
};

static uint64_t slots_each(int a, int b)
{
	return min_u64(sectors_of(a), sectors_of(b)) / (ROW / SECTOR) / opt.threads;
}

static void *write_twins(void *arg)
{
	struct twin_writer *w = arg;
	int fd[2], i;
	void *buf = buffer(ROW);
	uint64_t row;

	for (i = 0; i < 2; i++)
		fd[i] = open_device(w->names[i], O_WRONLY | O_DIRECT);
	for (row = 1; !is_stopped; row++) {
		uint64_t at = w->start + row % w->slots * (ROW / SECTOR);

		make_sectors(buf, at, ROW / SECTOR, row, w->number);
		for (i = 0; i < 2; i++)
			write_all(w->names[i], fd[i], buf, at, ROW / SECTOR, 0);
	}
	return NULL;
}

void twin_write(const char *a, const char *b)
{
	struct twin_writer *writers = calloc(opt.threads, sizeof(*writers));
	int fd_a = open_device(a, O_RDONLY), fd_b = open_device(b, O_RDONLY);
	uint64_t slots = slots_each(fd_a, fd_b);
	unsigned int i;

	close(fd_a);
	close(fd_b);
	for (i = 0; i < opt.threads; i++) {
		struct twin_writer *w = &writers[i];

		w->names[0] = a;
		w->names[1] = b;
		w->number = i + 1;
		w->slots = slots;
		w->start = i * slots * (ROW / SECTOR);
		if (pthread_create(&w->thread, NULL, write_twins, w))
			die("no thread");
	}
	for (i = 0; i < opt.threads; i++)
		pthread_join(writers[i].thread, NULL);
}

/* The row in each slot of one thread's part; 0 if there is none. */
static uint64_t *rows_of(const char *name, int fd, unsigned int number, uint64_t slots,
			 uint64_t *last)
{
	uint64_t *rows = calloc(slots, sizeof(*rows));
	struct sector *buf = buffer(ROW);
	uint64_t slot, i;

	*last = 0;
	for (slot = 0; slot < slots; slot++) {
		uint64_t at = (number * slots + slot) * (ROW / SECTOR);

		read_all(name, fd, buf, at, ROW / SECTOR);
		if (buf->magic != MAGIC)
			continue;
		for (i = 0; i < ROW / SECTOR; i++)
			check_sector(name, &buf[i], at + i, buf->gen, buf->gen);
		rows[slot] = buf->gen;
		if (buf->gen > *last)
			*last = buf->gen;
	}
	free(buf);
	return rows;
}

void twins(const char *a, const char *b)
{
	int fd_a = open_device(a, O_RDONLY | O_DIRECT);
	int fd_b = open_device(b, O_RDONLY | O_DIRECT);
	uint64_t slots = slots_each(fd_a, fd_b), all = 0;
	unsigned int i;

	for (i = 0; i < opt.threads; i++) {
		uint64_t last_a, last_b, row;
		uint64_t *rows_a = rows_of(a, fd_a, i, slots, &last_a);
		uint64_t *rows_b = rows_of(b, fd_b, i, slots, &last_b);

		if (last_a != last_b && last_a != last_b + 1)
			die("thread %u: the last row of %s is %" PRIu64 ", that of %s %" PRIu64,
			    i + 1, a, last_a, b, last_b);
		/* Each of the last rows is where it belongs, on both. */
		for (row = last_a; row && row + slots > last_a; row--)
			if (rows_a[row % slots] != row)
				die("thread %u: %s lacks row %" PRIu64 " of %" PRIu64, i + 1,
				    a, row, last_a);
		for (row = last_b; row && row + slots > last_b; row--)
			if (rows_b[row % slots] != row)
				die("thread %u: %s lacks row %" PRIu64 " of %" PRIu64, i + 1,
				    b, row, last_b);
		all += last_b;
		free(rows_a);
		free(rows_b);
	}
	if (!all)
		die("there is no row at all");
}
