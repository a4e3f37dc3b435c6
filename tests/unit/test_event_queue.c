// SPDX-License-Identifier: GPL-2.0-only
/*
 * event_queue: what a snapshot has to tell its user, first in, first out.
 *
 * Time is the shim's, so no test waits for any and none depends on the machine.
 */
#include <pthread.h>
#include <string.h>

#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/slab.h>

#include "unit.h"
#include "event_queue.h"

static struct event_queue queue;

static int set_up(void **state)
{
	(void)state;
	blksnap_event_queue_init(&queue);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	blksnap_event_queue_destroy(&queue);
	return 0;
}

static void send(u32 number)
{
	blksnap_event_queue_send(&queue, blksnap_event_alloc(GFP_KERNEL),
				 number, &number, sizeof(number));
}

static void assert_event(struct event *event, u32 number)
{
	assert_false(IS_ERR_OR_NULL(event));
	assert_int_equal(event->code, number);
	assert_int_equal(event->data_bytes, sizeof(number));
	assert_memory_equal(event->data, &number, sizeof(number));
	blksnap_event_free(event);
}

/* Someone who waits for one event, in a thread of his own. */
struct waiter {
	pthread_t thread;
	struct task_struct *task;
	u32 timeout_ms;
	struct event *answer;
	ktime_t answered;
};

static void *run_waiter(void *data)
{
	struct waiter *waiter = data;

	__atomic_store_n(&waiter->task, current, __ATOMIC_SEQ_CST);
	waiter->answer = blksnap_event_queue_wait(&queue, waiter->timeout_ms);
	waiter->answered = ktime_get();
	return NULL;
}

/* Returns when the waiter, who is number @sleepers, sleeps. */
static void start(struct waiter *waiter, u32 timeout_ms, int sleepers)
{
	waiter->timeout_ms = timeout_ms;
	pthread_create(&waiter->thread, NULL, run_waiter, waiter);
	shim_await_sleepers(sleepers);
}

static struct event *answer_of(struct waiter *waiter)
{
	pthread_join(waiter->thread, NULL);
	return waiter->answer;
}

/* -- events ---------------------------------------------------------------------- */

static void test_order(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 100; i++)
		send(i);
	for (i = 0; i < 100; i++)
		assert_event(blksnap_event_queue_wait(&queue, 0), i);
	assert_int_equal(PTR_ERR(blksnap_event_queue_wait(&queue, 0)), -ENOENT);
}

static void test_time(void **state)
{
	struct event *first, *second;
	ktime_t before = ktime_get();

	(void)state;
	send(1);
	shim_advance_clock(5);
	send(2);
	shim_advance_clock(5);
	first = blksnap_event_queue_wait(&queue, 0);
	second = blksnap_event_queue_wait(&queue, 0);
	assert_int_equal(first->time, before);
	assert_int_equal(second->time, before + 5000000);
	blksnap_event_free(first);
	blksnap_event_free(second);
}

static void test_data(void **state)
{
	static const u32 sizes[] = { 0, 1, 12, 15, 16, 17, 4064 };
	static u8 data[4064];
	struct event *event;
	size_t i;

	(void)state;
	memset(data, 0x5a, sizeof(data));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u32 wanted = sizes[i] < EVENT_DATA_BYTES ? sizes[i]
							 : EVENT_DATA_BYTES;
		u32 at;

		blksnap_event_queue_send(&queue,
					 blksnap_event_alloc(GFP_KERNEL), 1,
					 data, sizes[i]);
		event = blksnap_event_queue_wait(&queue, 0);
		assert_int_equal(event->data_bytes, wanted);
		for (at = 0; at < EVENT_DATA_BYTES; at++)
			assert_int_equal(event->data[at], at < wanted ? 0x5a : 0);
		blksnap_event_free(event);
	}
}

static void test_no_memory(void **state)
{
	(void)state;
	shim_allocations_until_failure = 0;
	assert_null(blksnap_event_alloc(GFP_ATOMIC));
	blksnap_event_free(NULL);
}

static void test_destroy(void **state)
{
	(void)state;
	send(1);
	send(2);		/* the leak sanitizer would tell */
}

/* -- waiting ----------------------------------------------------------------------- */

static void test_wait(void **state)
{
	struct waiter waiter;

	(void)state;
	start(&waiter, 1000, 1);
	send(7);
	assert_event(answer_of(&waiter), 7);
}

static void test_timeouts(void **state)
{
	static const u32 table[] = {
		1, 10, 1000, 0x7fffffff, 0x80000000, 0xffffffff,
	};
	struct waiter waiter;
	ktime_t deadline;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		deadline = ktime_add_ms(ktime_get(), table[i]);
		start(&waiter, table[i], 1);
		shim_advance_clock(table[i] - 1);
		shim_await_sleepers(1);
		shim_advance_clock(1);
		assert_int_equal(PTR_ERR(answer_of(&waiter)), -ENOENT);
		assert_int_equal(waiter.answered, deadline);
	}
}

static void test_signal(void **state)
{
	struct waiter waiter;

	(void)state;
	start(&waiter, 1000, 1);
	shim_set_signal(waiter.task, true);
	assert_int_equal(PTR_ERR(answer_of(&waiter)), -EINTR);
}

static void test_signal_pending(void **state)
{
	(void)state;
	shim_set_signal(current, true);
	send(7);
	assert_event(blksnap_event_queue_wait(&queue, 1000), 7);
	assert_int_equal(PTR_ERR(blksnap_event_queue_wait(&queue, 1000)), -EINTR);
	assert_int_equal(PTR_ERR(blksnap_event_queue_wait(&queue, 0)), -ENOENT);
	shim_set_signal(current, false);
}

static void test_one_event_for_each(void **state)
{
	struct waiter waiters[3];
	u32 i;

	(void)state;
	for (i = 0; i < 3; i++)
		start(&waiters[i], 1000, i + 1);
	for (i = 0; i < 3; i++) {
		send(i);
		shim_await_sleepers(2 - i);
		assert_event(answer_of(&waiters[i]), i);
	}
}

/* -- closing ----------------------------------------------------------------------- */

static void test_close_wakes_all(void **state)
{
	struct waiter waiters[3];
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		start(&waiters[i], 0xffffffff, i + 1);
	blksnap_event_queue_close(&queue);
	for (i = 0; i < 3; i++)
		assert_int_equal(PTR_ERR(answer_of(&waiters[i])), -ESRCH);
}

static void test_closed(void **state)
{
	(void)state;
	send(1);
	blksnap_event_queue_close(&queue);
	send(2);
	assert_int_equal(PTR_ERR(blksnap_event_queue_wait(&queue, 0)), -ESRCH);
	assert_int_equal(PTR_ERR(blksnap_event_queue_wait(&queue, 1000)), -ESRCH);
	blksnap_event_queue_close(&queue);
	assert_int_equal(PTR_ERR(blksnap_event_queue_wait(&queue, 0)), -ESRCH);
}

/* -- beside one another --------------------------------------------------------------- */

static void close_queue(void)
{
	blksnap_event_queue_close(&queue);
}

static void send_an_early_event(void)
{
	send(40);
}

static void test_event_before_the_sleep(void **state)
{
	(void)state;
	shim_before_wait = send_an_early_event;
	assert_event(blksnap_event_queue_wait(&queue, 1000), 40);
	shim_before_wait = close_queue;
	assert_int_equal(PTR_ERR(blksnap_event_queue_wait(&queue, 1000)), -ESRCH);
}

static void send_two_late_events(void)
{
	send(50);
	send(51);
}

/*
 * Events come while the first waiter has stopped sleeping for another reason
 * but still stands first on the wait list: he has used up the wake-up.
 */
static void test_wake_up_of_one_who_leaves(void **state)
{
	struct waiter leaving, staying;

	(void)state;
	start(&leaving, 10, 1);
	start(&staying, 1000, 2);
	shim_after_sleep = send_two_late_events;
	shim_advance_clock(10);
	assert_event(answer_of(&leaving), 50);
	assert_event(answer_of(&staying), 51);

	start(&leaving, 1000, 1);
	start(&staying, 1000, 2);
	shim_after_sleep = send_two_late_events;
	shim_set_signal(leaving.task, true);
	assert_event(answer_of(&leaving), 50);
	assert_event(answer_of(&staying), 51);
}

static struct event *snatched;

static void snatch(void)
{
	snatched = blksnap_event_queue_wait(&queue, 0);
}

static void test_newcomer(void **state)
{
	struct waiter waiter;

	(void)state;
	start(&waiter, 1000, 1);
	shim_after_sleep = snatch;
	send(1);
	shim_await_sleepers(1);
	assert_event(snatched, 1);
	send(2);
	assert_event(answer_of(&waiter), 2);
}

#define SENDERS		3
#define RECEIVERS	3
#define EACH		4000

static u8 received[SENDERS * EACH];

static void *run_sender(void *data)
{
	u32 i, first = (uintptr_t)data * EACH;

	for (i = 0; i < EACH; i++)
		send(first + i);
	return NULL;
}

/* Sees the events of each sender in the order they were sent. */
static void *run_receiver(void *data)
{
	u32 last[SENDERS] = { 0 };
	struct event *event;

	(void)data;
	while (!IS_ERR(event = blksnap_event_queue_wait(&queue, 1000))) {
		u32 number = event->code, sender = number / EACH;

		blksnap_event_free(event);
		if (sender == SENDERS)		/* the end */
			return NULL;
		if (number % EACH && number <= last[sender])
			return "out of order";
		last[sender] = number;
		__atomic_add_fetch(&received[number], 1, __ATOMIC_RELAXED);
	}
	return "no event";
}

static void test_threads(void **state)
{
	pthread_t senders[SENDERS], receivers[RECEIVERS];
	uintptr_t i;
	void *complaint;

	(void)state;
	for (i = 0; i < RECEIVERS; i++)
		pthread_create(&receivers[i], NULL, run_receiver, NULL);
	for (i = 0; i < SENDERS; i++)
		pthread_create(&senders[i], NULL, run_sender, (void *)i);
	for (i = 0; i < SENDERS; i++)
		pthread_join(senders[i], NULL);
	for (i = 0; i < RECEIVERS; i++)
		send(SENDERS * EACH);
	for (i = 0; i < RECEIVERS; i++) {
		pthread_join(receivers[i], &complaint);
		assert_null(complaint);
	}
	for (i = 0; i < SENDERS * EACH; i++)
		assert_int_equal(received[i], 1);
}

#undef SENTENCE
#define SENTENCE(text, function) \
	{ .name = text, .test_func = function, \
	  .setup_func = set_up, .teardown_func = tear_down }

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SENTENCE("events come out in the order they went in", test_order),
		SENTENCE("an event carries the time when it was sent", test_time),
		SENTENCE("an event carries up to 16 bytes of data", test_data),
		SENTENCE("without memory there is no event", test_no_memory),
		SENTENCE("destroy frees what is left", test_destroy),
		SENTENCE("a waiter sleeps until an event comes", test_wait),
		SENTENCE("a waiter sleeps for its time-out, to the millisecond, up to 49 days",
			 test_timeouts),
		SENTENCE("a signal ends the wait with EINTR", test_signal),
		SENTENCE("a pending signal does not keep back an event",
			 test_signal_pending),
		SENTENCE("each event goes to one waiter, who came first is served first",
			 test_one_event_for_each),
		SENTENCE("close wakes all waiters with ESRCH", test_close_wakes_all),
		SENTENCE("a closed queue delivers nothing and frees what it is sent",
			 test_closed),
		SENTENCE("no waiter falls asleep beside an event, or when all is over",
			 test_event_before_the_sleep),
		SENTENCE("who leaves takes an event along, not a wake-up",
			 test_wake_up_of_one_who_leaves),
		SENTENCE("a waiter whose event was taken by a newcomer waits on",
			 test_newcomer),
		SENTENCE("12000 events of three senders reach three receivers once each",
			 test_threads),
	};

	return cmocka_run_group_tests_name("event_queue", tests, NULL, NULL);
}
