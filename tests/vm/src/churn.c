// SPDX-License-Identifier: GPL-2.0-only
/*
 * churn: many threads make every call at once, on the same devices, snapshots
 * and storage, in no order.
 *
 *	churn SECONDS STORAGE DEVICE...
 *
 * A call may fail, as they get into each other's way, but only with an errno
 * that its description allows; another one ends the program. At the end all
 * snapshots are destroyed. Prints nothing if all is well; how often each call
 * succeeded goes to stderr.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libblksnap.h>

#define THREADS		8
#define DEVICES_MAX	8
#define RANGE_SECTORS	1024	/* pieces of storage, taken at random */

static int node;
static struct blk_snap_dev storage, devices[DEVICES_MAX];
static const char *paths[DEVICES_MAX];
static unsigned int device_count;
static uint64_t storage_ranges;
static time_t end;

struct thread {
	pthread_t id;
	unsigned int seed;
	struct blk_snap_uuid recent;
};

enum call { CREATE, APPEND, TAKE, DESTROY, INFO, WAIT, COLLECT, READ, WRITE, MAP, UNTRACK, CALLS };

static const struct {
	const char *name;
	int may_be[8];
} calls[CALLS] = {
	[CREATE] = { "create", { EALREADY } },
	[APPEND] = { "append", { ESRCH, EINVAL } },
	[TAKE] = { "take", { ESRCH, EALREADY, EFAULT } },
	[DESTROY] = { "destroy", { ENODEV } },
	[INFO] = { "info", { ESRCH } },
	[WAIT] = { "wait", { ESRCH, ENOENT } },
	[COLLECT] = { "collect", { ESRCH, ENODEV } },
	/* The node may lead to nothing, or to the next image already. */
	[READ] = { "read", { ENOENT, ENXIO, EIO, ENODEV } },
	[WRITE] = { "write", { 0 } },
	[MAP] = { "map", { ENODEV, EPERM } },
	[UNTRACK] = { "untrack", { EBUSY, ENODATA } },
};

static unsigned long succeeded[CALLS];

static int count(enum call call, long result)
{
	unsigned int i;

	if (result >= 0) {
		__atomic_add_fetch(&succeeded[call], 1, __ATOMIC_RELAXED);
		return 0;
	}
	for (i = 0; i < 8; i++)
		if (calls[call].may_be[i] == -result && result)
			return -1;
	printf("%s: %s\n", calls[call].name, strerrorname_np(-result));
	fflush(stdout);
	_exit(1);
}

static unsigned int any(struct thread *thread, unsigned int below)
{
	return rand_r(&thread->seed) % below;
}

/* One of those there are, most likely, or one that is gone. */
static struct blk_snap_uuid some_snapshot(struct thread *thread)
{
	struct blk_snap_uuid *ids, id = thread->recent;
	size_t n;

	if (count(COLLECT, blksnap_snapshot_collect(node, &ids, &n)))
		return id;
	if (n && any(thread, 8))
		id = ids[any(thread, n)];
	free(ids);
	return id;
}

static void create(struct thread *thread)
{
	unsigned int first = any(thread, device_count);
	unsigned int n = 1 + any(thread, device_count - first);

	count(CREATE, blksnap_snapshot_create(node, devices + first, n, &thread->recent));
}

static void append(struct thread *thread, const struct blk_snap_uuid *id)
{
	struct blk_snap_block_range range = {
		any(thread, storage_ranges) * (uint64_t)RANGE_SECTORS, RANGE_SECTORS };

	count(APPEND, blksnap_snapshot_append_storage(node, id, storage, &range, 1));
}

static void info(const struct blk_snap_uuid *id)
{
	struct blksnap_info *i = calloc(1, sizeof(*i));

	if (!count(INFO, blksnap_snapshot_info(node, id, i)))
		blksnap_info_free(i);
	free(i);
}

static void wait_event(struct thread *thread, const struct blk_snap_uuid *id)
{
	static __thread struct blk_snap_snapshot_event event;

	count(WAIT, blksnap_snapshot_wait_event(node, id, any(thread, 20), &event));
}

static void read_image(const struct blk_snap_uuid *id)
{
	static __thread char room[65536] __attribute__((aligned(4096)));
	struct blk_snap_image_info *images;
	char path[64];
	size_t n;
	int fd;

	if (count(COLLECT, blksnap_snapshot_collect_images(node, id, &images, &n)))
		return;
	snprintf(path, sizeof(path), "/dev/block/%u:%u", images->image_dev_id.mj,
		 images->image_dev_id.mn);
	free(images);
	fd = open(path, O_RDONLY | O_DIRECT);
	if (count(READ, fd < 0 ? -errno : 0))
		return;
	count(READ, pread(fd, room, sizeof(room), 0) < 0 ? -errno : 0);
	close(fd);
}

static void write_device(struct thread *thread)
{
	static __thread char room[16384] __attribute__((aligned(4096)));
	int fd = open(paths[any(thread, device_count)], O_RDWR | O_DIRECT);

	count(WRITE, fd < 0 ? -errno : 0);
	count(WRITE, pwrite(fd, room, sizeof(room), any(thread, 256) * 4096L) < 0 ?
		     -errno : 0);
	close(fd);
}

static void read_map(struct thread *thread)
{
	uint8_t byte;

	count(MAP, blksnap_tracker_read_cbt_map(node, devices[any(thread, device_count)],
						0, 1, &byte));
}

static void untrack(struct thread *thread)
{
	count(UNTRACK, blksnap_tracker_remove(node, devices[any(thread, device_count)]));
}

static void one_call(struct thread *thread)
{
	struct blk_snap_uuid id = some_snapshot(thread);

	switch (any(thread, 24)) {
	case 0 ... 3:	create(thread); break;
	case 4 ... 6:	append(thread, &id); break;
	case 7 ... 9:	count(TAKE, blksnap_snapshot_take(node, &id)); break;
	case 10:	count(DESTROY, blksnap_snapshot_destroy(node, &id)); break;
	case 11 ... 12:	info(&id); break;
	case 13 ... 14:	wait_event(thread, &id); break;
	case 15 ... 17:	read_image(&id); break;
	case 18 ... 21:	write_device(thread); break;
	case 22:	read_map(thread); break;
	default:	untrack(thread);
	}
}

static void *churn(void *arg)
{
	while (time(NULL) < end)
		one_call(arg);
	return NULL;
}

static void destroy_all(void)
{
	struct blk_snap_uuid *ids;
	size_t n;

	if (count(COLLECT, blksnap_snapshot_collect(node, &ids, &n)))
		return;
	while (n)
		count(DESTROY, blksnap_snapshot_destroy(node, &ids[--n]));
	free(ids);
}

static uint64_t ranges_of(const char *path)
{
	int fd = open(path, O_RDONLY);
	off_t bytes = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);

	if (fd >= 0)
		close(fd);
	return bytes / 512 / RANGE_SECTORS;
}

int main(int argc, char **argv)
{
	static struct thread threads[THREADS];
	unsigned int i;

	node = blksnap_open(NULL);
	if (node < 0 || argc < 4 || argc > 3 + DEVICES_MAX ||
	    blksnap_device_of_path(argv[2], &storage)) {
		fprintf(stderr, "usage: churn SECONDS STORAGE DEVICE...\n");
		return 2;
	}
	storage_ranges = ranges_of(argv[2]);
	for (i = 3; i < (unsigned int)argc; i++, device_count++) {
		paths[device_count] = argv[i];
		count(INFO, blksnap_device_of_path(argv[i], &devices[device_count]));
	}
	end = time(NULL) + atoi(argv[1]);
	for (i = 0; i < THREADS; i++) {
		threads[i].seed = i + 1;
		pthread_create(&threads[i].id, NULL, churn, &threads[i]);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i].id, NULL);
	destroy_all();
	for (i = 0; i < CALLS; i++)
		fprintf(stderr, "%s %lu\n", calls[i].name, succeeded[i]);
	return 0;
}
