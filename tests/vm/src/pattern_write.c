// SPDX-License-Identifier: GPL-2.0-only
/* pattern: random writers */
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

struct writer {
	pthread_t thread;
	const char *name;
	unsigned int number;
	struct range part;
	uint64_t *written;		/* generation of each sector, 0: not by us */
	uint64_t state;
	uint64_t at;			/* for --seq */
	uint64_t gen;
};

static FILE *log_file;

/* Where the next write goes. */
static struct range next_range(struct writer *w)
{
	uint64_t align = opt.align / SECTOR;
	uint64_t steps = (opt.bs_max - opt.bs_min) / opt.align;
	uint64_t count = opt.bs_min / SECTOR + draw(&w->state, steps + 1) * align;
	struct range range;

	count = min_u64(count, w->part.count / align * align);
	if (opt.is_seq) {
		if (w->at == w->part.count)
			w->at = 0;
		count = min_u64(count, w->part.count - w->at);
		range.start = w->at;
		w->at += count;
	} else {
		range.start = draw(&w->state, (w->part.count - count) / align + 1) * align;
	}
	range.start += w->part.start;
	range.count = count;
	return range;
}

static void note(struct writer *w, struct range range, uint64_t gen)
{
	uint64_t i;

	for (i = 0; w->written && i < range.count; i++)
		w->written[range.start - w->part.start + i] = gen;
	if (log_file)
		fprintf(log_file, "%" PRIu64 ":%" PRIu64 "\n", range.start, range.count);
}

static void write_plain(struct writer *w, int fd)
{
	int flags = opt.is_nowait ? RWF_NOWAIT : 0;
	void *buf = buffer(opt.bs_max);
	uint64_t op;

	for (op = 0; (!opt.ops || op < opt.ops) && !is_stopped; op++) {
		struct range range = next_range(w);

		make_sectors(buf, range.start, range.count, w->gen, w->number);
		note(w, range, w->gen++);
		write_all(w->name, fd, buf, range.start, range.count, flags);
		if (opt.fsync_every && (op + 1) % opt.fsync_every == 0 && fsync(fd))
			die_errno("fsync", errno);
	}
	free(buf);
}

struct slot {
	void *buf;
	struct range range;		/* empty: free */
};

static bool meets_another(const struct slot *slots, struct range range)
{
	unsigned int i;

	for (i = 0; i < opt.depth; i++)
		if (slots[i].range.count &&
		    range.start < slots[i].range.start + slots[i].range.count &&
		    slots[i].range.start < range.start + range.count)
			return true;
	return false;
}

static void reap_one(struct writer *w, struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	struct slot *slot;
	int ret;

	do
		ret = io_uring_wait_cqe(ring, &cqe);
	while (ret == -EINTR);
	if (ret)
		die_errno("io_uring", -ret);
	slot = io_uring_cqe_get_data(cqe);
	if (cqe->res < 0)
		die("%s: writing %" PRIu64 ":%" PRIu64 " by io_uring: %s", w->name,
		    slot->range.start, slot->range.count, strerrorname_np(-cqe->res));
	if ((uint64_t)cqe->res != slot->range.count * SECTOR)
		die("%s: writing %" PRIu64 ":%" PRIu64 " by io_uring did %d bytes", w->name,
		    slot->range.start, slot->range.count, cqe->res);
	slot->range.count = 0;
	io_uring_cqe_seen(ring, cqe);
}

static void write_uring(struct writer *w, int fd)
{
	struct slot *slots = calloc(opt.depth, sizeof(*slots));
	unsigned int i, busy = 0;
	struct io_uring ring;
	uint64_t op;
	int ret;

	ret = io_uring_queue_init(opt.depth, &ring, 0);
	if (ret)
		die_errno("io_uring_queue_init", -ret);
	for (i = 0; i < opt.depth; i++)
		slots[i].buf = buffer(opt.bs_max);
	for (op = 0; (!opt.ops || op < opt.ops) && !is_stopped; op++) {
		struct io_uring_sqe *sqe;
		struct range range;

		if (busy == opt.depth) {
			reap_one(w, &ring);
			busy--;
		}
		range = next_range(w);
		/* Of two at once on one place nobody knows which is the last. */
		while (!opt.is_shared && meets_another(slots, range)) {
			reap_one(w, &ring);
			busy--;
		}
		for (i = 0; slots[i].range.count; i++)
			;
		slots[i].range = range;
		make_sectors(slots[i].buf, range.start, range.count, w->gen, w->number);
		note(w, range, w->gen++);
		sqe = io_uring_get_sqe(&ring);
		io_uring_prep_write(sqe, fd, slots[i].buf, range.count * SECTOR,
				    range.start * SECTOR);
		io_uring_sqe_set_data(sqe, &slots[i]);
		ret = io_uring_submit(&ring);
		if (ret < 0)
			die_errno("io_uring_submit", -ret);
		busy++;
	}
	for (; busy; busy--)
		reap_one(w, &ring);
	io_uring_queue_exit(&ring);
}

/* Reads whether all that this writer wrote is there, and nothing older. */
static void check_written(struct writer *w)
{
	int fd = open_device(w->name, O_RDONLY | O_DIRECT);
	struct sector *buf = buffer(PIECE);
	uint64_t at, i;

	for (at = 0; at < w->part.count; at += PIECE / SECTOR) {
		uint64_t count = min_u64(PIECE / SECTOR, w->part.count - at);

		read_all(w->name, fd, buf, w->part.start + at, count);
		for (i = 0; i < count; i++) {
			uint64_t gen = w->written[at + i];

			if (gen)
				check_sector(w->name, &buf[i], w->part.start + at + i,
					     gen, gen);
		}
	}
	free(buf);
	close(fd);
}

static void *write_one(void *arg)
{
	struct writer *w = arg;
	int fd = open_device(w->name, O_RDWR | (opt.is_buffered ? 0 : O_DIRECT));

	if (opt.is_uring)
		write_uring(w, fd);
	else
		write_plain(w, fd);
	if (opt.is_buffered && fsync(fd))
		die_errno("fsync", errno);
	close(fd);
	if (w->written)
		check_written(w);
	return NULL;
}

void write_some(const char *name)
{
	struct writer *writers = calloc(opt.threads, sizeof(*writers));
	int fd = open_device(name, O_RDONLY);
	struct range part = part_of(fd);
	uint64_t align, each;
	unsigned int i;

	close(fd);
	if (!opt.align)
		opt.align = opt.bs_min;
	align = opt.align / SECTOR;
	each = part.count / opt.threads / align * align;
	if (opt.log) {
		log_file = fopen(opt.log, "w");
		if (!log_file)
			die_errno(opt.log, errno);
	}
	for (i = 0; i < opt.threads; i++) {
		struct writer *w = &writers[i];

		w->name = name;
		w->number = i + 1;
		w->part = part;
		w->state = mix(opt.seed * 1000 + i);
		w->gen = opt.gen;
		if (!opt.is_shared) {
			w->part.start += i * each;
			/* The last one has the device's odd end as well. */
			w->part.count = i + 1 < opt.threads ? each : part.count - i * each;
			if (!opt.is_unchecked)
				w->written = calloc(w->part.count, sizeof(*w->written));
		}
		if (pthread_create(&w->thread, NULL, write_one, w))
			die("no thread");
	}
	for (i = 0; i < opt.threads; i++)
		pthread_join(writers[i].thread, NULL);
	if (log_file && fclose(log_file))
		die_errno(opt.log, errno);
}
