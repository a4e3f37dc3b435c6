/* SPDX-License-Identifier: GPL-2.0-only */
/* Time stands still until shim_advance_clock(). */
#ifndef SHIM_LINUX_KTIME_H
#define SHIM_LINUX_KTIME_H

#include <linux/kernel.h>

ktime_t ktime_get(void);
void shim_advance_clock(u64 ms);

static inline ktime_t ktime_add_ms(ktime_t time, u64 ms)
{
	return time + (s64)(ms * 1000000);
}

static inline int ktime_compare(ktime_t a, ktime_t b)
{
	return (a > b) - (a < b);
}

#endif
