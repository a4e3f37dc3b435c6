// SPDX-License-Identifier: GPL-2.0-only
/*
 * memory: addresses that a program may hand over by mistake or malice.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "facts.h"
#include "memory.h"

/* @pages pages, followed by one that cannot be touched. */
static char *map_pages(size_t pages)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *at = mmap(NULL, (pages + 1) * page, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	need(at != MAP_FAILED, "memory");
	need(!mprotect(at + pages * page, page, PROT_NONE), "a guard page");
	return at;
}

void *no_access(void)
{
	static char *at;

	if (!at)
		at = map_pages(0);
	return at + 64;
}

void *read_only(const void *bytes, size_t count)
{
	size_t room = 2 * sysconf(_SC_PAGESIZE);
	static char *at;

	need(count <= room, "a read-only copy of so much");
	if (!at)
		at = map_pages(2);
	need(!mprotect(at, room, PROT_READ | PROT_WRITE), "to write a copy");
	memcpy(at, bytes, count);
	need(!mprotect(at, room, PROT_READ), "to protect a copy");
	return at;
}

void *straddling(const void *bytes, size_t count, size_t there)
{
	size_t room = 2 * sysconf(_SC_PAGESIZE);
	static char *at;

	need(there < count && there <= room, "a straddling copy of so much");
	if (!at)
		at = map_pages(2);
	if (there)
		memcpy(at + room - there, bytes, there);
	return at + room - there;
}

void *nowhere(unsigned int index)
{
	uintptr_t top = ~(uintptr_t)0;

	switch (index) {
	case 0:		return NULL;
	case 1:		return (void *)8;
	case 2:		return (void *)(top - 4095);	/* the kernel's, if anybody's */
	default:	return no_access();
	}
}
