// SPDX-License-Identifier: GPL-2.0-only
/* Devices and plain files. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blkio.h"

struct fd_io {
	struct blkio io;
	int fd;
	bool is_block;
};

static int fd_of(struct blkio *io)
{
	return ((struct fd_io *)io)->fd;
}

static int fd_read(struct blkio *io, unsigned int worker, void *buffer,
		   size_t length, uint64_t offset)
{
	char *to = buffer;

	(void)worker;
	while (length) {
		ssize_t got = pread(fd_of(io), to, length, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			return -ENODATA;
		to += got;
		offset += (uint64_t)got;
		length -= (size_t)got;
	}
	return 0;
}

static int fd_write(struct blkio *io, unsigned int worker, const void *buffer,
		    size_t length, uint64_t offset)
{
	const char *from = buffer;

	(void)worker;
	while (length) {
		ssize_t put = pwrite(fd_of(io), from, length, (off_t)offset);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		from += put;
		offset += (uint64_t)put;
		length -= (size_t)put;
	}
	return 0;
}

/*
 * A punched hole reads as zeros on a file and, if the kernel allows it at all,
 * on a device; else the device is asked to write zeros itself. That works in its
 * own blocks only, and the end of what is restored may lie within one.
 */
static int fd_zero(struct blkio *io, unsigned int worker, uint64_t length,
		   uint64_t offset)
{
	struct fd_io *fd_io = (struct fd_io *)io;
	uint64_t range[2] = { offset, length };
	int error;

	(void)worker;
	if (!fallocate(fd_io->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		       (off_t)offset, (off_t)length))
		return 0;
	error = errno;
	if (fd_io->is_block) {
		if (!ioctl(fd_io->fd, BLKZEROOUT, range))
			return 0;
		error = errno;
	}
	if (error != EOPNOTSUPP && (error != EINVAL || !fd_io->is_block))
		return -error;

	while (length) {
		static const char zeros[64 << 10] __attribute__((aligned(4096)));
		size_t part = length < sizeof(zeros) ? length : sizeof(zeros);
		int ret = fd_write(io, worker, zeros, part, offset);

		if (ret)
			return ret;
		offset += part;
		length -= part;
	}
	return 0;
}

static int fd_is_zero(struct blkio *io, unsigned int worker, uint64_t length,
		      uint64_t offset)
{
	struct fd_io *fd_io = (struct fd_io *)io;
	off_t data;

	(void)worker;
	if (fd_io->is_block)
		return 0;
	data = lseek(fd_io->fd, (off_t)offset, SEEK_DATA);
	if (data < 0)
		return errno == ENXIO;
	return (uint64_t)data >= offset + length;
}

static int fd_flush(struct blkio *io)
{
	return fsync(fd_of(io)) ? -errno : 0;
}

static int fd_close(struct blkio *io)
{
	int ret = close(fd_of(io)) ? -errno : 0;

	free(io);
	return ret;
}

static const struct blkio_ops fd_ops = {
	.read = fd_read,
	.write = fd_write,
	.zero = fd_zero,
	.is_zero = fd_is_zero,
	.flush = fd_flush,
	.close = fd_close,
};

struct blkio *blkio_of_fd(int fd)
{
	struct fd_io *fd_io = calloc(1, sizeof(*fd_io));
	struct stat st;

	if (!fd_io)
		return NULL;
	fd_io->io.ops = &fd_ops;
	fd_io->fd = fd;
	fd_io->is_block = !fstat(fd, &st) && S_ISBLK(st.st_mode);
	return &fd_io->io;
}

int blkio_close(struct blkio *io)
{
	return io ? io->ops->close(io) : 0;
}
