/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_RCUPDATE_H
#define SHIM_LINUX_RCUPDATE_H

#include <linux/kernel.h>

#define rcu_dereference_raw(p)	READ_ONCE(p)

#endif
