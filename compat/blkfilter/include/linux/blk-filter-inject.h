/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Delays where a race would have to happen, in builds for tests only
 * (-DBLKFILTER_INJECT_DELAYS). The interesting ones are too short otherwise.
 */
#ifndef _LINUX_BLK_FILTER_INJECT_H
#define _LINUX_BLK_FILTER_INJECT_H

#ifdef BLKFILTER_INJECT_DELAYS
#include <linux/delay.h>
#include <linux/random.h>

/* Any context: one time in four up to @most microseconds. */
static inline void inject_delay(unsigned int most)
{
	u32 random = get_random_u32();

	if (!(random & 3))
		udelay((random >> 2) % most);
}

/* Where one may sleep: one time in four up to @most milliseconds. */
static inline void inject_sleep(unsigned int most)
{
	u32 random = get_random_u32();

	if (!(random & 3))
		msleep((random >> 2) % most);
}
#else
static inline void inject_delay(unsigned int most) { }
static inline void inject_sleep(unsigned int most) { }
#endif

#endif /* _LINUX_BLK_FILTER_INJECT_H */
