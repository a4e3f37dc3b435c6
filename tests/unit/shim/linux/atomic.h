/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_ATOMIC_H
#define SHIM_LINUX_ATOMIC_H

#include <linux/kernel.h>

#define cmpxchg(ptr, old, new) ({ \
	typeof(*(ptr)) old_ = (old); \
	__atomic_compare_exchange_n(ptr, &old_, new, false, \
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
	shim_call(shim_on_write); \
	old_; })

#endif
