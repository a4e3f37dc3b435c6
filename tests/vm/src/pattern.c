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

#define SECTOR		512
#define MAGIC		0x6e72657474617062ull	/* "bpattern" */
#define PIECE		(1024 * 1024)
#define RANGES_MAX	256
#define ROW		4096

struct range {
	uint64_t start;
	uint64_t count;
};

static volatile sig_atomic_t is_stopped;

/* Options, as given. */
static struct {
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
} opt = {
	.threads = 1, .readers = 4, .bs_min = 4096, .bs_max = 4096, .gen = 2,
	.seed = 1, .depth = 16,
};

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("pattern: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	_exit(1);
}

static void die_errno(const char *what, int error)
{
	const char *name = strerrorname_np(error);

	die("%s: %s", what, name ? name : "unknown error");
}

/* --- numbers --- */

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

static uint64_t draw(uint64_t *state, uint64_t below)
{
	*state += 0x9e3779b97f4a7c15ull;
	return below ? mix(*state) % below : 0;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* --- sectors --- */

struct sector {
	uint64_t magic;
	uint64_t number;
	uint64_t gen;
	uint64_t writer;
	uint64_t rest[60];
};

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

static void make_sectors(void *buf, uint64_t start, uint64_t count, uint64_t gen,
			 uint64_t writer)
{
	struct sector *s = buf;
	uint64_t i;

	for (i = 0; i < count; i++)
		make_sector(&s[i], start + i, gen, writer);
}

/* Dies of a sector that is not as it must be. */
static void check_sector(const char *name, const struct sector *s, uint64_t number,
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

static void *buffer(size_t bytes)
{
	void *buf = NULL;

	if (posix_memalign(&buf, 4096, bytes))
		die("no memory");
	return buf;
}

static int open_device(const char *name, int flags)
{
	int fd = open(name, flags);

	/* A copy of a device, on a file system that has no direct I/O. */
	if (fd < 0 && errno == EINVAL && flags & O_DIRECT)
		fd = open(name, flags & ~O_DIRECT);
	if (fd < 0)
		die_errno(name, errno);
	return fd;
}

static uint64_t sectors_of(int fd)
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

static void read_all(const char *name, int fd, void *buf, uint64_t start, uint64_t count)
{
	ssize_t got = pread(fd, buf, count * SECTOR, start * SECTOR);

	if (got < 0)
		die("%s: reading %" PRIu64 ":%" PRIu64 ": %s", name, start, count,
		    strerrorname_np(errno));
	if ((uint64_t)got != count * SECTOR)
		die("%s: reading %" PRIu64 ":%" PRIu64 " gave %zd bytes", name, start,
		    count, got);
}

static void write_all(const char *name, int fd, const void *buf, uint64_t start,
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

static bool is_excepted(uint64_t sector)
{
	int i;

	for (i = 0; i < opt.except_count; i++)
		if (sector >= opt.except[i].start &&
		    sector - opt.except[i].start < opt.except[i].count)
			return true;
	return false;
}

static struct range part_of(int fd)
{
	uint64_t all = sectors_of(fd);

	if (!opt.only.count)
		return (struct range){ 0, all };
	if (opt.only.start + opt.only.count > all)
		die("the device has %" PRIu64 " sectors only", all);
	return opt.only;
}

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

/* --- write --- */

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

static void write_some(const char *name)
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

/* --- twins --- */

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

static void twin_write(const char *a, const char *b)
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

static void twins(const char *a, const char *b)
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
