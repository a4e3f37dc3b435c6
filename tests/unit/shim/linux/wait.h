/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_WAIT_H
#define SHIM_LINUX_WAIT_H

#include <linux/list.h>
#include <linux/sched/signal.h>

typedef struct {
	struct list_head waiters;
} wait_queue_head_t;

struct wait_queue_entry {
	struct list_head entry;
	struct task_struct *task;
};

#define DEFINE_WAIT(name) \
	struct wait_queue_entry name = { { &(name).entry, &(name).entry }, current }

void init_waitqueue_head(wait_queue_head_t *queue);
void prepare_to_wait_exclusive(wait_queue_head_t *queue,
			       struct wait_queue_entry *wait, int state);
void finish_wait(wait_queue_head_t *queue, struct wait_queue_entry *wait);
void wake_up(wait_queue_head_t *queue);
void wake_up_all(wait_queue_head_t *queue);

/* Returns as soon as exactly @count threads sleep. */
void shim_await_sleepers(int count);

/*
 * Called once: before the wait list is joined; when a sleep has ended, before
 * the wait list is left.
 */
extern void (*shim_before_wait)(void);
extern void (*shim_after_sleep)(void);

#endif
