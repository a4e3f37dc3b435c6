// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zeros on a device with blocks of 4096 bytes. The device is a file: what the C
 * library would ask the kernel is answered here as such a device does.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cases.h"
#include "blkio.h"

#define BLOCK	4096
#define SIZE	(1 << 20)

static bool is_device;

int fstat(int fd, struct stat *st)
{
	if (syscall(SYS_fstat, fd, st))
		return -1;
	if (is_device)
		st->st_mode = (st->st_mode & ~(mode_t)S_IFMT) | S_IFBLK;
	return 0;
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
	(void)fd;
	(void)mode;
	(void)offset;
	(void)length;
	errno = EOPNOTSUPP;
	return -1;
}

/* Zeros only whole blocks, and tells how it was asked by the bytes: ones. */
int ioctl(int fd, unsigned long request, ...)
{
	static char ones[SIZE];
	uint64_t *range;
	va_list args;

	va_start(args, request);
	range = va_arg(args, uint64_t *);
	va_end(args);
	if (request != BLKZEROOUT || range[0] % BLOCK || range[1] % BLOCK) {
		errno = EINVAL;
		return -1;
	}
	memset(ones, 1, sizeof(ones));
	return pwrite(fd, ones, range[1], (off_t)range[0]) < 0 ? -1 : 0;
}

static struct blkio *open_disk(void)
{
	char path[] = "/tmp/blksnap-zero-XXXXXX";
	char *data = malloc(SIZE);
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_non_null(data);
	memset(data, 0xaa, SIZE);
	assert_int_equal(write(fd, data, SIZE), SIZE);
	free(data);
	return blkio_of_fd(fd);
}

static void assert_bytes(struct blkio *io, uint64_t from, uint64_t to, int byte)
{
	char *data = malloc(SIZE);

	assert_non_null(data);
	assert_int_equal(io->ops->read(io, 0, data, to - from, from), 0);
	for (size_t i = 0; i < to - from; i++)
		assert_int_equal((unsigned char)data[i], byte);
	free(data);
}

static void whole_blocks_are_left_to_the_device(void **state)
{
	struct blkio *io;

	(void)state;
	is_device = true;
	io = open_disk();
	assert_int_equal(io->ops->zero(io, 0, 4 * BLOCK, BLOCK), 0);
	assert_bytes(io, 0, BLOCK, 0xaa);
	assert_bytes(io, BLOCK, 5 * BLOCK, 1);
	assert_bytes(io, 5 * BLOCK, SIZE, 0xaa);
	blkio_close(io);
}

static void what_ends_within_a_block_is_written(void **state)
{
	uint64_t end = SIZE - BLOCK + 512;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct blkio *io;

		is_device = !i;
		io = open_disk();
		assert_int_equal(io->ops->zero(io, 0, end - 4 * BLOCK, 4 * BLOCK),
				 0);
		assert_bytes(io, 0, 4 * BLOCK, 0xaa);
		assert_bytes(io, 4 * BLOCK, end, 0);
		assert_bytes(io, end, SIZE, 0xaa);
		blkio_close(io);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_blocks_are_left_to_the_device),
		cmocka_unit_test(what_ends_within_a_block_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
