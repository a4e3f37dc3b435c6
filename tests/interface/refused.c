// SPDX-License-Identifier: GPL-2.0-only
/*
 * refused: devices that cannot be snapshotted, or no more, or not in time, or for
 * nobody.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "facts.h"
#include "groups.h"

/* A failed take destroys the snapshot; the tracker stays. */
static void failed_take(struct abi_uuid id, long error, const char *words)
{
	answers(take(id), error, "%s", words);
	answers(destroy(id), -ENODEV, "that destroys the snapshot");
}

static void by_kind(void)
{
	struct abi_dev devs[2] = { on.a.dev, on.zoned.dev };
	struct abi_uuid id;
	struct abi_dev image;

	about("SNAPSHOT_CREATE");
	answers(create(devs, 2, NULL), -EOPNOTSUPP, "a zoned device, behind one that is not");
	answers(tracker_count(), 0, "leaves no tracker");
	id = new_taken(&on.a);
	image = image_of(id);
	answers(create(&image, 1, NULL), -EOPNOTSUPP, "an image");
	end_snapshot(id, &on.a);

	id = new_with_storage(&on.zram);
	need(!swapon(on.zram.path, 0), "to swap to %s", on.zram.path);
	answers(create(&on.zram.dev, 1, NULL), -EALREADY, "zram that is in a snapshot, and swap");
	about("SNAPSHOT_TAKE");
	failed_take(id, -EOPNOTSUPP, "a device that can no longer be filtered");
	need(!tracker_remove(on.zram.dev), "the end of tracking");
	about("SNAPSHOT_CREATE");
	answers(create(&on.zram.dev, 1, NULL), -EOPNOTSUPP, "zram in use as swap");
	need(!swapoff(on.zram.path), "to swap no more");
}

static void by_storage(void)
{
	struct abi_uuid id = new_snapshot(&on.a);

	need(!append_range(id, on.above.dev, 0, 8192), "storage above a device");
	answers(create(&on.b.dev, 1, NULL), -EBUSY,
		"a device that storage of another snapshot lies above of");
	answers(tracker_count(), 1, "leaves no tracker");
	end_snapshot(id, &on.a);
}

/* Writes a block from another process, which will take three seconds. */
static pid_t write_slowly(void)
{
	pid_t child = fork();

	need(child >= 0, "a process");
	if (!child)
		_exit(write_blocks(&on.slow, 0, 1, 1) ? 1 : 0);
	sleep_ms(300);
	return child;
}

static void end_writer(pid_t child)
{
	int status = 1;

	fact(waitpid(child, &status, 0) == child && !status,
	     "the write that was under way ends well");
}

static void by_time(void)
{
	unsigned int usual = parameter("take_timeout_ms");
	struct abi_uuid id;
	pid_t child;

	about("SNAPSHOT_CREATE");
	set_parameter("take_timeout_ms", 200);
	child = write_slowly();
	answers(create(&on.slow.dev, 1, NULL), -ETIMEDOUT, "writes that are long under way");
	answers(tracker_count(), 0, "leaves no tracker");
	end_writer(child);
	about("SNAPSHOT_TAKE");
	set_parameter("take_timeout_ms", usual);
	id = new_with_storage(&on.slow);
	set_parameter("take_timeout_ms", 200);
	child = write_slowly();
	failed_take(id, -ETIMEDOUT, "writes that are long under way");
	end_writer(child);
	need(!tracker_remove(on.slow.dev), "the end of tracking");
	set_parameter("take_timeout_ms", usual);
}

/* The main thread sleeps: whatever it has called, it is in the midst of it. */
static bool is_main_asleep(void)
{
	char line[512] = "", *end, path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	need(fd >= 0 && read(fd, line, sizeof(line) - 1) > 0, "the state of a thread");
	close(fd);
	end = strrchr(line, ')');
	return end && (end[2] == 'D' || end[2] == 'S');
}

static void *protect_meanwhile(void *at)
{
	do
		sleep_ms(20);
	while (!is_main_asleep());
	need(!mprotect(at, sysconf(_SC_PAGESIZE), PROT_READ), "to protect a page");
	return NULL;
}

/* Tracking waits for the slow write, and meanwhile the caller's page is closed. */
static void by_nobody(void)
{
	struct abi_create arg = { 1, &on.slow.dev, NO_SNAPSHOT };
	void *at = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;
	pid_t child;

	about("SNAPSHOT_CREATE");
	need(at != MAP_FAILED, "memory");
	memcpy(at, &arg, sizeof(arg));
	child = write_slowly();
	need(!pthread_create(&thread, NULL, protect_meanwhile, at), "a thread");
	answers(call(ABI_CREATE, at), -ENODATA,
		"an answer that can no longer be written when there is one");
	pthread_join(thread, NULL);
	answers(snapshot_count(), 0, "leaves no snapshot of which nobody knows");
	answers(tracker_remove(on.slow.dev), -ENODATA, "nor a tracker");
	end_writer(child);
	need(!munmap(at, sysconf(_SC_PAGESIZE)), "to give memory back");
}

void facts_of_refused_devices(void)
{
	by_kind();
	by_storage();
	by_time();
	by_nobody();
}
