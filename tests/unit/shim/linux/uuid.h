/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_UUID_H
#define SHIM_LINUX_UUID_H

#include <string.h>
#include <linux/types.h>

typedef struct {
	u8 b[16];
} uuid_t;

void uuid_gen(uuid_t *uuid);

static inline bool uuid_equal(const uuid_t *a, const uuid_t *b)
{
	return !memcmp(a, b, sizeof(*a));
}

#endif
