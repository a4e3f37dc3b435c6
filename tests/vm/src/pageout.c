// SPDX-License-Identifier: GPL-2.0-only
/*
 * pageout MB: has as much memory swapped out, reads it again, and fails if it is
 * not what it was.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

int main(int argc, char **argv)
{
	size_t bytes = (argc > 1 ? strtoul(argv[1], NULL, 0) : 8) << 20;
	size_t words = bytes / sizeof(uint64_t), i;
	uint64_t *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return perror("mmap"), 1;
	for (i = 0; i < words; i++)
		memory[i] = i * 0x9e3779b97f4a7c15ull;
	if (madvise(memory, bytes, MADV_PAGEOUT))
		return perror("madvise"), 1;
	for (i = 0; i < words; i++)
		if (memory[i] != i * 0x9e3779b97f4a7c15ull)
			return fprintf(stderr, "pageout: memory was damaged\n"), 1;
	return 0;
}
