// SPDX-License-Identifier: GPL-2.0-only
/*
 * uncached FILE MB BYTE: writes as much of one byte over a file, in pieces which the
 * kernel is told to drop from its cache when they have been written; ends with 2 if
 * it cannot.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x80
#endif

static char piece[256 << 10];

int main(int argc, char **argv)
{
	struct iovec vec = { piece, sizeof(piece) };
	off_t at = 0, end;
	ssize_t done;
	int fd;

	if (argc != 4)
		return fprintf(stderr, "uncached FILE MB BYTE\n"), 1;
	end = (off_t)strtoul(argv[2], NULL, 0) << 20;
	memset(piece, atoi(argv[3]), sizeof(piece));
	fd = open(argv[1], O_WRONLY | O_CREAT, 0600);
	if (fd < 0)
		return perror(argv[1]), 1;
	for (; at < end; at += done) {
		done = pwritev2(fd, &vec, 1, at, RWF_DONTCACHE);
		if (done <= 0)
			return perror("pwritev2"), errno == EOPNOTSUPP ? 2 : 1;
	}
	if (fsync(fd))
		return perror("fsync"), 1;
	return 0;
}
