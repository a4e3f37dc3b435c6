// SPDX-License-Identifier: GPL-2.0-only
/*
 * events: waiting for them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "facts.h"
#include "groups.h"

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void first_event(void)
{
	struct abi_low_free_space low;
	struct abi_event event;
	struct abi_uuid id;
	int64_t before, after;

	before = now_ns();
	id = new_snapshot(&on.a);
	after = now_ns();
	answers(wait_event(id, 0, &event), 0, "a new snapshot has an event at once");
	fact(event.code == EVENT_LOW_FREE_SPACE, "which asks for storage");
	memcpy(&low, event.data, sizeof(low));
	answers(low.requested, parameter("diff_storage_minimum"), "as much as the parameter says");
	fact(is_zero(event.data + sizeof(low), sizeof(event.data) - sizeof(low)),
	     "the rest of the data is zero");
	fact(event.time_label >= before && event.time_label <= after,
	     "its time is in monotonic nanoseconds, of when it happened");
	fact(same_id(&event.id, &id) && !event.timeout_ms, "id and timeout stay");
	answers(wait_event(id, 0, &event), -ENOENT, "there is no second");
	fact(is_all(&event.code, 0xaa, sizeof(event) - offsetof(struct abi_event, code)),
	     "and then nothing is written");
	before = now_ns();
	answers(wait_event(id, 400, NULL), -ENOENT, "none in 400 ms");
	fact(now_ns() - before >= 400000000, "which are waited for");
	end_snapshot(id, &on.a);
	answers(wait_event(id, 0, NULL), -ESRCH, "after the snapshot was destroyed");
}

static void do_nothing(int number)
{
	(void)number;
}

static void signals(struct abi_uuid id)
{
	struct sigaction action = { .sa_handler = do_nothing, .sa_flags = SA_RESTART };

	need(!sigaction(SIGALRM, &action, NULL), "a signal handler");
	alarm(1);
	answers(wait_event(id, FOR_EVER, NULL), -EINTR, "a signal ends it, restart or not");
}

struct waiter {
	pthread_t thread;
	struct abi_uuid id;
	uint32_t ms;
	long ret;
	struct abi_event event;
};

static void *wait_beside(void *arg)
{
	struct waiter *waiter = arg;

	waiter->ret = wait_event(waiter->id, waiter->ms, &waiter->event);
	return NULL;
}

static void start(struct waiter *waiters, int count, struct abi_uuid id, uint32_t ms)
{
	int i;

	for (i = 0; i < count; i++) {
		waiters[i].id = id;
		waiters[i].ms = ms;
		need(!pthread_create(&waiters[i].thread, NULL, wait_beside, &waiters[i]),
		     "a thread");
	}
	sleep_ms(200);
}

static void join(struct waiter *waiters, int count)
{
	int i;

	for (i = 0; i < count; i++)
		need(!pthread_join(waiters[i].thread, NULL), "the end of a thread");
}

/* Storage of 16 MiB, of which a portion of 1 MiB asks for more when half is left. */
static void one_for_two(void)
{
	static struct waiter waiters[2];
	struct abi_uuid id;
	int winner;

	set_parameter("diff_storage_minimum", 2048);
	id = new_snapshot(&on.a);
	set_parameter("diff_storage_minimum", 2097152);
	need(!append_range(id, on.storage.dev, 0, 2048) && !take(id) &&
	     !wait_event(id, 0, NULL), "a take, and the first event");
	start(waiters, 2, id, 2500);
	need(!write_blocks(&on.a, 0, 200, 3), "writes");
	join(waiters, 2);
	winner = waiters[0].ret ? 1 : 0;
	fact(!waiters[winner].ret && waiters[winner].event.code == EVENT_LOW_FREE_SPACE,
	     "an event wakes one of two waiters");
	answers(waiters[!winner].ret, -ENOENT, "the other one waits until its time is over");
	end_snapshot(id, &on.a);
}

static void destroyed(void)
{
	static struct waiter waiters[2];
	struct abi_uuid id = new_snapshot(&on.a);

	need(!wait_event(id, 0, NULL), "the first event");
	signals(id);
	start(waiters, 2, id, FOR_EVER);
	answers(destroy(id), 0, "a snapshot is destroyed while two wait for 2^32-1 ms");
	join(waiters, 2);
	fact(waiters[0].ret == -ESRCH && waiters[1].ret == -ESRCH, "which wakes both, ESRCH");
	need(!tracker_remove(on.a.dev), "the end of tracking");
}

void facts_of_events(void)
{
	about("SNAPSHOT_WAIT_EVENT");
	answers(wait_event(NO_SNAPSHOT, FOR_EVER, NULL), -ESRCH, "no snapshot");
	first_event();
	one_for_two();
	destroyed();
}
