/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_SCHED_SIGNAL_H
#define SHIM_LINUX_SCHED_SIGNAL_H

#include <linux/kernel.h>

#define TASK_INTERRUPTIBLE	1

struct task_struct;
struct task_struct *shim_current(void);
#define current			shim_current()

bool signal_pending(struct task_struct *task);

/* A signal that stays pending until it is taken back. */
void shim_set_signal(struct task_struct *task, bool is_pending);

#endif
