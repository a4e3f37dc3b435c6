/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_HRTIMER_H
#define SHIM_LINUX_HRTIMER_H

#include <linux/ktime.h>

enum hrtimer_mode { HRTIMER_MODE_ABS };

int schedule_hrtimeout(ktime_t *deadline, enum hrtimer_mode mode);

#endif
