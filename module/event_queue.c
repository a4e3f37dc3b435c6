// SPDX-License-Identifier: GPL-2.0-only
/*
 * event_queue: what a snapshot has to tell its user, first in, first out.
 *
 * Waiters sleep exclusively, so an event wakes one of them. A newcomer may take
 * that event first; the woken one then goes back to sleep. No event is left
 * lying beside a sleeper: a waiter looks at the queue once more whenever it has
 * left the wait list, however its sleep ended, so the wake-up that it took away
 * from others is not lost.
 */
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "event_queue.h"

struct event *blksnap_event_alloc(gfp_t gfp)
{
	return kzalloc(sizeof(struct event), gfp);
}

void blksnap_event_free(struct event *event)
{
	kfree(event);
}

void blksnap_event_queue_init(struct event_queue *queue)
{
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->events);
	queue->is_closed = false;
	init_waitqueue_head(&queue->wait);
}

void blksnap_event_queue_destroy(struct event_queue *queue)
{
	struct event *event, *next;

	list_for_each_entry_safe(event, next, &queue->events, link)
		blksnap_event_free(event);
	INIT_LIST_HEAD(&queue->events);
}

void blksnap_event_queue_close(struct event_queue *queue)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	queue->is_closed = true;
	spin_unlock_irqrestore(&queue->lock, flags);

	wake_up_all(&queue->wait);
}

void blksnap_event_queue_send(struct event_queue *queue, struct event *event, u32 code,
			      const void *data, u32 data_bytes)
{
	unsigned long flags;

	event->code = code;
	event->data_bytes = min_t(u32, data_bytes, EVENT_DATA_BYTES);
	memcpy(event->data, data, event->data_bytes);

	spin_lock_irqsave(&queue->lock, flags);
	if (!queue->is_closed) {
		event->time = ktime_get();
		list_add_tail(&event->link, &queue->events);
		event = NULL;
	}
	spin_unlock_irqrestore(&queue->lock, flags);

	if (event)
		blksnap_event_free(event);
	else
		wake_up(&queue->wait);
}

static bool has_news(struct event_queue *queue)
{
	bool ret;

	spin_lock_irq(&queue->lock);
	ret = queue->is_closed || !list_empty(&queue->events);
	spin_unlock_irq(&queue->lock);
	return ret;
}

/* The oldest event, NULL if there is none, or -ESRCH. */
static struct event *take(struct event_queue *queue)
{
	struct event *event;

	spin_lock_irq(&queue->lock);
	event = list_first_entry_or_null(&queue->events, struct event, link);
	if (queue->is_closed)
		event = ERR_PTR(-ESRCH);
	else if (event)
		list_del(&event->link);
	spin_unlock_irq(&queue->lock);
	return event;
}

static void sleep_until_news(struct event_queue *queue, ktime_t deadline)
{
	DEFINE_WAIT(wait);

	prepare_to_wait_exclusive(&queue->wait, &wait, TASK_INTERRUPTIBLE);
	if (!has_news(queue))
		schedule_hrtimeout(&deadline, HRTIMER_MODE_ABS);
	finish_wait(&queue->wait, &wait);
}

struct event *blksnap_event_queue_wait(struct event_queue *queue, u32 timeout_ms)
{
	ktime_t deadline = ktime_add_ms(ktime_get(), timeout_ms);
	struct event *event;

	while (!(event = take(queue))) {
		if (ktime_compare(ktime_get(), deadline) >= 0)
			return ERR_PTR(-ENOENT);
		if (signal_pending(current))
			return ERR_PTR(-EINTR);
		sleep_until_news(queue, deadline);
	}
	return event;
}
