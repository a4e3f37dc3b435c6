// SPDX-License-Identifier: GPL-2.0-only
/*
 * settle_tasks: waiting for those who are in the middle of a submission.
 *
 * A bio that is submitted from inside a submission (the remainder of a split, a
 * clone for the device below) meets the hook at once, but only joins a list on
 * the submitter's stack. It goes on when the submitter comes to it: maybe much
 * later, since before that the submitter may sleep for a tag, a throttle or a
 * frozen queue, and it does not meet the hook again. No queue, count or
 * statistics knows of it meanwhile.
 *
 * What is known is that current->bio_list points to that list for as long as the
 * submission lasts. The caller has waited for RCU-tasks: whoever was between the
 * hook and setting bio_list has come to it, or to its end. So every task is looked
 * at, kernel threads too, and those found with a list are waited for until each was
 * seen without one, once: the submission that began before the filter is over then.
 * New ones meet the filter. That a busy task is always met inside its next
 * submission is possible, but the looks are many; at the deadline we give up.
 *
 * A task in the middle of a submission to a device above may wait for a write to
 * this one. So this must be done with the gate open.
 *
 * The load of bio_list is not ordered against what the task did before. What is
 * counted next is counted behind a grace period (the freezing of the queue).
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "blk-filter.h"

#define ROOM_AT_FIRST	64

/* Returns how many there are; the first @room of them are referenced. */
static size_t find_submitters(struct task_struct **tasks, size_t room)
{
	struct task_struct *process, *task;
	size_t count = 0;

	rcu_read_lock();
	for_each_process_thread(process, task) {
		if (!READ_ONCE(task->bio_list))
			continue;
		if (count < room)
			tasks[count] = get_task_struct(task);
		count++;
	}
	rcu_read_unlock();
	return count;
}

static void put_tasks(struct task_struct **tasks, size_t count)
{
	while (count)
		put_task_struct(tasks[--count]);
}

/* Those that are still at it come to the front; returns how many. */
static size_t drop_finished(struct task_struct **tasks, size_t count)
{
	size_t i = 0;

	while (i < count) {
		if (READ_ONCE(tasks[i]->bio_list)) {
			i++;
			continue;
		}
		put_task_struct(tasks[i]);
		tasks[i] = tasks[--count];
	}
	return count;
}

/* An array to be freed with kvfree(), and how many tasks are in it. */
static struct task_struct **submitters(size_t *count)
{
	struct task_struct **tasks;
	size_t room = ROOM_AT_FIRST;

	for (;;) {
		tasks = kvmalloc_array(room, sizeof(*tasks), GFP_KERNEL);
		if (!tasks)
			return NULL;
		*count = find_submitters(tasks, room);
		if (*count <= room)
			return tasks;
		/* Whoever comes now has met the filter, but cannot be told apart. */
		put_tasks(tasks, room);
		kvfree(tasks);
		room = *count + *count / 2;
	}
}

int settle_tasks(const struct gendisk *disk, unsigned long deadline)
{
	struct task_struct **tasks;
	size_t count;
	int ret = 0;

	tasks = submitters(&count);
	if (!tasks)
		return -ENOMEM;
	while ((count = drop_finished(tasks, count))) {
		if (time_after(jiffies, deadline)) {
			pr_warn("%s: %s (%d) has not come back from submitting I/O, which may be for this device\n",
				disk->disk_name, tasks[0]->comm, task_pid_nr(tasks[0]));
			ret = -ETIMEDOUT;
			break;
		}
		usleep_range(200, 1000);
	}
	put_tasks(tasks, count);
	kvfree(tasks);
	return ret;
}
