// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"

#define ZERO_UNIT (64u << 10) /* a cluster of the image */

/*
 * struct job - a list being worked off. Letters: I set before the workers
 * start, A atomic, L under @lock.
 */
struct job {
	struct piece *items;			/* I */
	size_t count;				/* I */
	int (*work)(struct job *job, unsigned int worker,
		    struct piece *piece, char *buffer);	/* I */
	struct blkio *from;			/* I */
	struct blkio *to;			/* I, NULL: prove only */
	struct progress *progress;		/* I */
	atomic_size_t next;			/* A */
	atomic_uint_fast64_t stored;		/* A */
	atomic_bool must_stop;			/* A */
	pthread_mutex_t lock;
	pthread_cond_t done;
	unsigned int running;			/* L */
	int error;				/* L, the first one */
	struct copy_failure failure;		/* L, goes with @error */
};

struct worker {
	struct job *job;
	unsigned int number;
	pthread_t thread;
};

static int failed_at(struct job *job, bool is_reading, uint64_t offset, int error)
{
	pthread_mutex_lock(&job->lock);
	if (!job->error) {
		job->error = error;
		job->failure.is_reading = is_reading;
		job->failure.offset = offset;
	}
	pthread_mutex_unlock(&job->lock);
	atomic_store(&job->must_stop, true);
	return error;
}

/* The part of a piece that starts at @offset and fits into a buffer. */
static size_t part_length(const struct piece *piece, uint64_t offset)
{
	uint64_t left = piece->offset + piece->length - offset;

	return left < PIECE_BYTES_MAX ? (size_t)left : PIECE_BYTES_MAX;
}

static int write_zeros(struct job *job, unsigned int worker, uint64_t offset,
		       uint64_t length)
{
	int ret;

	if (job->to->is_new)
		return 0;
	ret = job->to->ops->zero(job->to, worker, length, offset);
	return ret ? failed_at(job, false, offset, ret) : 0;
}

static int write_data(struct job *job, unsigned int worker, uint64_t offset,
		      const char *buffer, size_t length)
{
	int ret = job->to->ops->write(job->to, worker, buffer, length, offset);

	if (ret)
		return failed_at(job, false, offset, ret);
	atomic_fetch_add(&job->stored, length);
	return 0;
}

/* How much of the buffer, from its start on, is zeros, or is not, by clusters. */
static size_t run_of(const char *buffer, size_t length, bool *is_zero)
{
	size_t run = length < ZERO_UNIT ? length : ZERO_UNIT;

	*is_zero = memory_is_zero(buffer, run);
	while (run < length) {
		size_t next = length - run < ZERO_UNIT ? length - run : ZERO_UNIT;

		if (memory_is_zero(buffer + run, next) != *is_zero)
			break;
		run += next;
	}
	return run;
}

/* Clusters of zeros in the middle of data take no room in the image. */
static int write_runs(struct job *job, unsigned int worker, uint64_t offset,
		      const char *buffer, size_t length)
{
	int ret = 0;

	while (!ret && length) {
		bool is_zero;
		size_t run = run_of(buffer, length, &is_zero);

		if (is_zero)
			ret = write_zeros(job, worker, offset, run);
		else
			ret = write_data(job, worker, offset, buffer, run);
		offset += run;
		buffer += run;
		length -= run;
	}
	return ret;
}

static int copy_piece(struct job *job, unsigned int worker,
		      struct piece *piece, char *buffer)
{
	size_t length = (size_t)piece->length;
	int ret = job->from->ops->read(job->from, worker, buffer, length,
				       piece->offset);

	if (ret)
		return failed_at(job, true, piece->offset, ret);
	progress_add(job->progress, length);
	if (memory_is_zero(buffer, length)) {
		piece->kind = PIECE_ZERO;
		return write_zeros(job, worker, piece->offset, length);
	}
	hash_memory(buffer, length, piece->hash);
	piece->kind = PIECE_DATA;
	return write_runs(job, worker, piece->offset, buffer, length);
}

/*
 * Zeros may come as one long piece. What the image knows to be zeros need not
 * be read; else it is read in parts.
 */
static int check_zero_piece(struct job *job, unsigned int worker,
			    struct piece *piece, char *buffer)
{
	int is_zero = job->from->ops->is_zero(job->from, worker, piece->length,
					      piece->offset);
	uint64_t offset = piece->offset;

	if (is_zero < 0)
		return failed_at(job, true, offset, is_zero);
	while (!is_zero && offset < piece->offset + piece->length) {
		size_t length = part_length(piece, offset);
		int ret;

		if (atomic_load(&job->must_stop))
			return 0;
		ret = job->from->ops->read(job->from, worker, buffer, length,
					   offset);
		if (!ret && !memory_is_zero(buffer, length))
			ret = -EBADMSG;
		if (ret)
			return failed_at(job, true, offset, ret);
		offset += length;
	}
	progress_add(job->progress, piece->length);
	return job->to ? write_zeros(job, worker, piece->offset,
				     piece->length) : 0;
}

static int check_piece(struct job *job, unsigned int worker,
		       struct piece *piece, char *buffer)
{
	size_t length = (size_t)piece->length;
	uint8_t hash[16];
	int ret;

	if (piece->kind == PIECE_ZERO)
		return check_zero_piece(job, worker, piece, buffer);

	ret = job->from->ops->read(job->from, worker, buffer, length,
				   piece->offset);
	if (!ret && piece->kind == PIECE_DATA) {
		hash_memory(buffer, length, hash);
		if (memcmp(hash, piece->hash, sizeof(hash)))
			ret = -EBADMSG;
	}
	if (ret)
		return failed_at(job, true, piece->offset, ret);
	progress_add(job->progress, length);
	if (!job->to)
		return 0;
	return write_runs(job, worker, piece->offset, buffer, length);
}

/* @buffer has room for a piece of either side. */
static int compare_piece(struct job *job, unsigned int worker,
			 struct piece *piece, char *buffer)
{
	size_t length = (size_t)piece->length, same = 0;
	char *other = buffer + PIECE_BYTES_MAX;
	int ret;

	ret = job->from->ops->read(job->from, worker, buffer, length,
				   piece->offset);
	if (ret)
		return failed_at(job, true, piece->offset, ret);
	ret = job->to->ops->read(job->to, worker, other, length,
				 piece->offset);
	if (ret)
		return failed_at(job, false, piece->offset, ret);
	progress_add(job->progress, length);
	if (!memcmp(buffer, other, length))
		return 0;
	while (buffer[same] == other[same])
		same++;
	return failed_at(job, true, piece->offset + same, -EBADMSG);
}

static void *work_off(void *argument)
{
	struct worker *worker = argument;
	struct job *job = worker->job;
	char *buffer = NULL;

	/* Two pieces of room: a comparison holds both sides. */
	if (posix_memalign((void **)&buffer, 4096, 2 * PIECE_BYTES_MAX))
		failed_at(job, true, 0, -ENOMEM);
	while (!atomic_load(&job->must_stop)) {
		size_t i = atomic_fetch_add(&job->next, 1);

		if (i >= job->count)
			break;
		if (is_interrupted())
			failed_at(job, true, job->items[i].offset, -ECANCELED);
		else
			job->work(job, worker->number, &job->items[i], buffer);
	}
	free(buffer);
	pthread_mutex_lock(&job->lock);
	job->running--;
	pthread_cond_signal(&job->done);
	pthread_mutex_unlock(&job->lock);
	return NULL;
}

/* Signals are for the main thread, so that none of the workers' calls is cut. */
static void start_workers(struct job *job, struct worker workers[])
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	job->running = BLKIO_WORKERS;
	for (unsigned int i = 0; i < BLKIO_WORKERS; i++) {
		workers[i].job = job;
		workers[i].number = i;
		if (pthread_create(&workers[i].thread, NULL, work_off,
				   &workers[i])) {
			workers[i].job = NULL;
			failed_at(job, true, 0, -EAGAIN);
			pthread_mutex_lock(&job->lock);
			job->running--;
			pthread_mutex_unlock(&job->lock);
		}
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void show_progress_until_done(struct job *job)
{
	pthread_mutex_lock(&job->lock);
	while (job->running) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 200 * 1000 * 1000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&job->done, &job->lock, &until);
		pthread_mutex_unlock(&job->lock);
		progress_show(job->progress);
		pthread_mutex_lock(&job->lock);
	}
	pthread_mutex_unlock(&job->lock);
}

static int run(struct job *job, struct copy_failure *failure)
{
	struct worker workers[BLKIO_WORKERS];

	pthread_mutex_init(&job->lock, NULL);
	pthread_cond_init(&job->done, NULL);
	start_workers(job, workers);
	show_progress_until_done(job);
	for (unsigned int i = 0; i < BLKIO_WORKERS; i++)
		if (workers[i].job)
			pthread_join(workers[i].thread, NULL);
	pthread_cond_destroy(&job->done);
	pthread_mutex_destroy(&job->lock);
	*failure = job->failure;
	return job->error;
}

int copy_layer(struct pieces *pieces, struct blkio *from, struct blkio *to,
	       struct progress *progress, uint64_t *stored,
	       struct copy_failure *failure)
{
	struct job job = {
		.items = pieces->items, .count = pieces->count,
		.work = copy_piece,
		.from = from, .to = to, .progress = progress,
	};
	int ret = run(&job, failure);

	*stored = atomic_load(&job.stored);
	return ret;
}

int copy_checked(struct pieces *pieces, struct blkio *from, struct blkio *to,
		 struct progress *progress, struct copy_failure *failure)
{
	struct job job = {
		.items = pieces->items, .count = pieces->count,
		.work = check_piece,
		.from = from, .to = to, .progress = progress,
	};

	return run(&job, failure);
}

int copy_compare(struct pieces *pieces, struct blkio *left,
		 struct blkio *right, struct progress *progress,
		 struct copy_failure *failure)
{
	struct job job = {
		.items = pieces->items, .count = pieces->count,
		.work = compare_piece,
		.from = left, .to = right, .progress = progress,
	};

	return run(&job, failure);
}
