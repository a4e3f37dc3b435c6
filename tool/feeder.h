/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Somebody who answers a snapshot's events while it lives: gives storage when
 * it runs low, and learns when the snapshot is corrupt. A thread of a backup,
 * or a process of its own for a snapshot that stays.
 */
#ifndef FEEDER_H
#define FEEDER_H

#include <pthread.h>
#include <stdatomic.h>

#include "storage.h"

/**
 * struct feeder - letters: I set before the start, F of the feeder only,
 * A atomic.
 * @fd: control node, I
 * @id: the snapshot, I
 * @storage: F
 * @does_grow: if not, events are only taken note of; I
 * @must_stop: A
 * @corrupt_error: positive errno once the snapshot is corrupt, A
 * @owed: bytes that were asked for and not given, F
 * @last_given: size of the last file, F
 * @last_ms: when, F
 * @haste: how many times the size asked for is given, F
 * @has_complained: F
 */
struct feeder {
	int fd;
	struct blk_snap_uuid id;
	struct storage storage;
	bool does_grow;
	atomic_bool must_stop;
	atomic_int corrupt_error;
	uint64_t owed;
	uint64_t last_given;
	uint64_t last_ms;
	unsigned int haste;
	bool has_complained;
	bool is_running;
	pthread_t thread;
};

/* Gives one more file of about @bytes. Returns 0 or -errno. */
int feeder_give(struct feeder *feeder, uint64_t bytes);

/*
 * Before the take: waits for the first event and tells what it asks for.
 * Returns 0 or -errno.
 */
int feeder_first_request(struct feeder *feeder, uint64_t *bytes);

/* Answers events until told to stop, the snapshot's end or its corruption. */
void feeder_loop(struct feeder *feeder);

/* The same in a thread. Returns 0 or -errno. */
int feeder_start(struct feeder *feeder);
/* Ends the thread, if there is one. */
void feeder_stop(struct feeder *feeder);

/* The same in a new process, which owns the storage from then on. */
enum status feeder_leave_behind(struct feeder *feeder);

#endif /* FEEDER_H */
