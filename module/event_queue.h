/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * event_queue: what a snapshot has to tell its user, first in, first out.
 */
#ifndef _BLKSNAP_EVENT_QUEUE_H
#define _BLKSNAP_EVENT_QUEUE_H

#include <linux/types.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#define EVENT_DATA_BYTES	16

struct event {
	struct list_head link;
	ktime_t time;		/* monotonic */
	u32 code;
	u32 data_bytes;
	u8 data[EVENT_DATA_BYTES];
};

struct event_queue {
	spinlock_t lock;	/* protects all below; taken with irqs off */
	struct list_head events;
	bool is_closed;
	wait_queue_head_t wait;
};

void blksnap_event_queue_init(struct event_queue *queue);

/* Frees what is left. No waiter and no sender may be left. */
void blksnap_event_queue_destroy(struct event_queue *queue);

/*
 * An event that can be sent later without allocating. May sleep if @gfp may.
 * Owned by the caller until sent; freed with blksnap_event_free(), which takes NULL.
 */
struct event *blksnap_event_alloc(gfp_t gfp);
void blksnap_event_free(struct event *event);

/*
 * Sends @event, which the queue takes over, with the code and up to
 * EVENT_DATA_BYTES of data. Any context that may take a spinlock (so on -rt not
 * below a raw one). Sent to a closed queue it is freed.
 */
void blksnap_event_queue_send(struct event_queue *queue, struct event *event, u32 code,
			      const void *data, u32 data_bytes);

/*
 * The oldest event, which the caller then owns. Sleeps up to @timeout_ms.
 * ERR_PTR: -ENOENT none in time, -EINTR a signal, -ESRCH the queue was closed.
 */
struct event *blksnap_event_queue_wait(struct event_queue *queue, u32 timeout_ms);

/* No event is delivered any more; wakes all waiters. Context as for send. */
void blksnap_event_queue_close(struct event_queue *queue);

#endif /* _BLKSNAP_EVENT_QUEUE_H */
