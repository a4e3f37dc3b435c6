// SPDX-License-Identifier: GPL-2.0-only
/*
 * qcow2 images, through a qemu-nbd child of our own: it knows the format, we
 * only speak NBD to it, one connection for each worker.
 *
 * The socket lives in a directory that only we may enter, and only until the
 * connections wait in its queue: both are gone before the child starts, so
 * that neither a stranger can connect nor a crash leave anything behind. The
 * child ends when the last connection closes.
 */
#include <errno.h>
#include <libnbd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "blkio.h"
#include "child.h"
#include "tool.h"

#define ZERO_LENGTH_MAX (1ull << 30)
/* Tells in how deep a layer a part lies: 1 is the image itself, 0 none. */
#define DEPTH_CONTEXT "qemu:allocation-depth"

struct qcow2_io {
	struct blkio io;
	struct nbd_handle *connections[BLKIO_WORKERS];
	pid_t server;
};

static struct nbd_handle *connection(struct blkio *io, unsigned int worker)
{
	return ((struct qcow2_io *)io)->connections[worker];
}

static int nbd_errno(void)
{
	int error = nbd_get_errno();

	return error ? -error : -EIO;
}

static int qcow2_read(struct blkio *io, unsigned int worker, void *buffer,
		      size_t length, uint64_t offset)
{
	if (nbd_pread(connection(io, worker), buffer, length, offset, 0))
		return nbd_errno();
	return 0;
}

static int qcow2_write(struct blkio *io, unsigned int worker,
		       const void *buffer, size_t length, uint64_t offset)
{
	if (nbd_pwrite(connection(io, worker), buffer, length, offset, 0))
		return nbd_errno();
	return 0;
}

/* NO_HOLE: a cluster that reads as zeros, whatever the base has there. */
static int qcow2_zero(struct blkio *io, unsigned int worker, uint64_t length,
		      uint64_t offset)
{
	while (length) {
		uint64_t part = length < ZERO_LENGTH_MAX ? length :
							   ZERO_LENGTH_MAX;

		if (nbd_zero(connection(io, worker), part, offset,
			     LIBNBD_CMD_FLAG_NO_HOLE))
			return nbd_errno();
		offset += part;
		length -= part;
	}
	return 0;
}

struct zero_scan {
	uint64_t length;
	bool found_data;
};

static int note_status(void *user_data, const char *context, uint64_t offset,
		       uint32_t *entries, size_t count, int *error)
{
	struct zero_scan *scan = user_data;

	(void)offset;
	(void)error;
	if (strcmp(context, LIBNBD_CONTEXT_BASE_ALLOCATION))
		return 0;
	for (size_t i = 0; i + 1 < count; i += 2) {
		scan->length += entries[i];
		if (!(entries[i + 1] & LIBNBD_STATE_ZERO)) {
			scan->found_data = true;
			break;
		}
	}
	return 0;
}

static int qcow2_is_zero(struct blkio *io, unsigned int worker,
			 uint64_t length, uint64_t offset)
{
	while (length) {
		uint64_t part = length < ZERO_LENGTH_MAX ? length :
							   ZERO_LENGTH_MAX;
		struct zero_scan scan = { .length = 0 };
		nbd_extent_callback callback = {
			.callback = note_status,
			.user_data = &scan,
		};

		if (nbd_block_status(connection(io, worker), part, offset,
				     callback, 0))
			return nbd_errno();
		if (scan.found_data || !scan.length)
			return 0;
		if (scan.length > part)
			scan.length = part;
		offset += scan.length;
		length -= scan.length;
	}
	return 1;
}

/* @end: where what was told ends. */
struct own_scan {
	struct blksnap_extents *own;
	uint64_t end;
};

static int note_own(void *user_data, const char *context, uint64_t offset,
		    uint32_t *entries, size_t count, int *error)
{
	struct own_scan *scan = user_data;

	if (strcmp(context, DEPTH_CONTEXT))
		return 0;
	for (size_t i = 0; i + 1 < count; i += 2) {
		int ret = entries[i + 1] == 1 ?
			  blksnap_extents_add(scan->own, offset, entries[i]) : 0;

		if (ret) {
			*error = -ret;
			return -1;
		}
		offset += entries[i];
	}
	scan->end = offset;
	return 0;
}

int blkio_qcow2_own(struct blkio *io, uint64_t length,
		    struct blksnap_extents *own)
{
	struct own_scan scan = { .own = own };
	nbd_extent_callback callback = {
		.callback = note_own, .user_data = &scan,
	};
	uint64_t offset = 0;
	int ret = 0;

	while (!ret && offset < length) {
		uint64_t part = length - offset < ZERO_LENGTH_MAX ?
				length - offset : ZERO_LENGTH_MAX;

		if (nbd_block_status(connection(io, 0), part, offset, callback,
				     0))
			ret = nbd_errno();
		else if (scan.end <= offset)
			ret = -EPROTO;
		offset = scan.end;
	}
	return ret;
}

static int qcow2_flush(struct blkio *io)
{
	if (nbd_flush(connection(io, 0), 0))
		return nbd_errno();
	return 0;
}

static int qcow2_close(struct blkio *io)
{
	struct qcow2_io *qcow2_io = (struct qcow2_io *)io;
	int ret = 0;

	for (unsigned int i = 0; i < BLKIO_WORKERS; i++) {
		if (!qcow2_io->connections[i])
			continue;
		nbd_shutdown(qcow2_io->connections[i], 0);
		nbd_close(qcow2_io->connections[i]);
	}
	if (qcow2_io->server > 0 && child_wait(qcow2_io->server))
		ret = -EIO;
	free(qcow2_io);
	return ret;
}

static const struct blkio_ops qcow2_ops = {
	.read = qcow2_read,
	.write = qcow2_write,
	.zero = qcow2_zero,
	.is_zero = qcow2_is_zero,
	.flush = qcow2_flush,
	.close = qcow2_close,
};

static int connect_all(const struct sockaddr_un *address, int fds[])
{
	for (unsigned int i = 0; i < BLKIO_WORKERS; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fds[i] < 0 ||
		    connect(fds[i], (const struct sockaddr *)address,
			    sizeof(*address)))
			return -errno;
	}
	return 0;
}

/* Returns a listening socket in whose queue all @fds wait. */
static int listen_with_clients(int fds[])
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char dir[] = "/tmp/blksnap-XXXXXX";
	int listener, ret = 0;

	if (!mkdtemp(dir))
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/nbd", dir);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 ||
	    bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(listener, BLKIO_WORKERS))
		ret = -errno;
	if (!ret)
		ret = connect_all(&address, fds);
	unlink(address.sun_path);
	rmdir(dir);
	if (ret && listener >= 0)
		close(listener);
	return ret ? ret : listener;
}

static int start_server(struct qcow2_io *qcow2_io, const char *path,
			bool is_writable, int listener)
{
	char shared[16];
	const char *argv[] = {
		"qemu-nbd", "--format=qcow2", "--discard=ignore",
		"--detect-zeroes=off", shared,
		is_writable ? "--cache=writeback" : "--read-only",
		is_writable ? "--" : "--allocation-depth",
		is_writable ? path : "--",
		is_writable ? NULL : path, NULL,
	};
	pid_t pid;

	snprintf(shared, sizeof(shared), "--shared=%d", BLKIO_WORKERS);
	pid = child_start(argv, listener, -1);
	if (pid < 0)
		return (int)pid;
	qcow2_io->server = pid;
	return 0;
}

static int negotiate(struct qcow2_io *qcow2_io, int fds[])
{
	for (unsigned int i = 0; i < BLKIO_WORKERS; i++) {
		struct nbd_handle *nbd = nbd_create();

		if (!nbd)
			return -ENOMEM;
		qcow2_io->connections[i] = nbd;
		if (nbd_add_meta_context(nbd, LIBNBD_CONTEXT_BASE_ALLOCATION))
			return nbd_errno();
		/* Of the first only, since it is told with every answer. */
		if (!i && nbd_add_meta_context(nbd, DEPTH_CONTEXT))
			return nbd_errno();
		/* The handle owns the socket from here on. */
		if (nbd_connect_socket(nbd, fds[i]))
			return nbd_errno();
		fds[i] = -1;
	}
	return 0;
}

int blkio_of_qcow2(struct blkio **io, const char *path, bool is_writable)
{
	struct qcow2_io *qcow2_io = calloc(1, sizeof(*qcow2_io));
	int fds[BLKIO_WORKERS];
	int listener, ret;

	if (!qcow2_io)
		return -ENOMEM;
	qcow2_io->io.ops = &qcow2_ops;
	for (unsigned int i = 0; i < BLKIO_WORKERS; i++)
		fds[i] = -1;
	listener = listen_with_clients(fds);
	ret = listener < 0 ? listener :
	      start_server(qcow2_io, path, is_writable, listener);
	if (listener >= 0)
		close(listener);
	if (ret == -ENOENT)
		say_error("qemu-nbd is not installed; install the package qemu-utils (or qemu-img)");
	if (!ret)
		ret = negotiate(qcow2_io, fds);
	for (unsigned int i = 0; i < BLKIO_WORKERS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (ret) {
		qcow2_close(&qcow2_io->io);
		return ret;
	}
	*io = &qcow2_io->io;
	return 0;
}
