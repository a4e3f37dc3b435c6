/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memory: addresses that a program may hand over by mistake or malice.
 *
 * Each function uses the same pages again, so what it returned before is gone.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>

/* Can be neither read nor written. */
void *no_access(void);

/* @count bytes that can be read, but not written; at most two pages. */
void *read_only(const void *bytes, size_t count);

/* @count bytes of which @there can be read and written, the others not at all. */
void *straddling(const void *bytes, size_t count, size_t there);

/* Addresses that no program has memory at: NULL, and others. */
void *nowhere(unsigned int index);
#define NOWHERE_COUNT	4

#endif /* MEMORY_H */
