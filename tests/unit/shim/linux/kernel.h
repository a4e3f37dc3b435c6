/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every kernel source takes for granted.
 *
 * READ_ONCE and WRITE_ONCE are places where another CPU could step in. A test
 * does so, in its own thread, with shim_on_read and shim_on_write: so it can
 * try every such place, which no number of threads can promise.
 */
#ifndef SHIM_LINUX_KERNEL_H
#define SHIM_LINUX_KERNEL_H

#include <errno.h>
#include <linux/types.h>

#define BITS_PER_LONG		(8 * (int)sizeof(long))
#define U8_MAX			((u8)~0u)
#define INT_MAX			__INT_MAX__

#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)

#define static_assert(x)	_Static_assert(x, #x)

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#define offsetofend(type, member) \
	(offsetof(type, member) + sizeof(((type *)0)->member))

#define min(a, b)	({ typeof(a) a_ = (a); typeof(b) b_ = (b); \
			   (void)(&a_ == &b_); a_ < b_ ? a_ : b_; })
#define max(a, b)	({ typeof(a) a_ = (a); typeof(b) b_ = (b); \
			   (void)(&a_ == &b_); a_ > b_ ? a_ : b_; })
#define min_t(type, a, b)	min((type)(a), (type)(b))

/* Called after each read and after each write, but not within themselves. */
extern __thread void (*shim_on_read)(void);
extern __thread void (*shim_on_write)(void);
void shim_call(void (*hook)(void));

#define READ_ONCE(x) \
	({ typeof(x) read_ = *(const volatile typeof(x) *)&(x); \
	   shim_call(shim_on_read); read_; })
#define WRITE_ONCE(x, value) \
	({ *(volatile typeof(x) *)&(x) = (value); shim_call(shim_on_write); })

#define smp_wmb()	__atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_rmb()	__atomic_thread_fence(__ATOMIC_ACQUIRE)

/* How often a WARN has fired; a test that expects none looks here. */
extern int shim_warnings;
#define WARN_ON_ONCE(x) \
	({ bool warn_ = (x); shim_warnings += warn_; unlikely(warn_); })

#endif
