// SPDX-License-Identifier: GPL-2.0-only
/*
 * snapshots: creating, taking and destroying them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "facts.h"
#include "groups.h"
#include "memory.h"

static bool is_random_uuid(const struct abi_uuid *id)
{
	return (id->b[6] & 0xf0) == 0x40 && (id->b[8] & 0xc0) == 0x80;
}

static void bad_arrays(void)
{
	struct abi_dev two[2] = { on.a.dev, on.b.dev };

	answers(create(two, 0, NULL), -EINVAL, "no device");
	answers(create(NULL, 0, NULL), -EINVAL, "no device, and no array");
	answers(create(NULL, 1, NULL), -ENODATA, "an array NULL");
	answers(create(no_access(), 1, NULL), -ENODATA, "an array without access");
	answers(create(straddling(two, 16, 15), 2, NULL), -ENODATA,
		"an array whose last byte is not there");
	answers(create(two, EVERYTHING, NULL), -ENOMEM, "2^32-1 devices");
	answers(create(two, 1u << 29, NULL), -ENOMEM, "2^29 devices, 4 GiB");
	answers(tracker_count(), 0, "no tracker is left of all these");
}

static void bad_devices(void)
{
	struct abi_dev devs[3] = { on.a.dev, on.b.dev, on.a.dev };
	struct abi_uuid id;

	answers(create(devs, 3, NULL), -EINVAL, "a device twice");
	answers(tracker_count(), 0, "leaves no tracker");
	devs[2] = NO_DEVICE;
	answers(create(devs, 3, NULL), -ENXIO, "a device that is not there, behind two that are");
	answers(tracker_count(), 0, "leaves no tracker");
	devs[0] = (struct abi_dev){ 4096, 0 };
	answers(create(devs, 1, NULL), -ENXIO, "a major number that no device can have");
	devs[0] = (struct abi_dev){ 0, 1 << 20 };
	answers(create(devs, 1, NULL), -ENXIO, "a minor number that no device can have");

	id = new_snapshot(&on.b);
	devs[0] = on.a.dev;
	answers(create(devs, 2, NULL), -EALREADY, "a device that is in another snapshot");
	answers(tracker_count(), 1, "leaves no tracker of the other device");
	need(!append_range(id, on.storage.dev, 0, 8192) && !take(id), "a take");
	answers(create(devs, 2, NULL), -EALREADY, "one that is in another that was taken");
	need(!destroy(id), "the end of a snapshot");
	devs[2] = NO_DEVICE;
	answers(create(devs, 3, NULL), -ENXIO, "a failure where one was tracked before");
	fact(tracker_count() == 1 && find_tracker(on.b.dev, NULL), "leaves just that tracker");
	need(!tracker_remove(on.b.dev), "the end of tracking");
}

static void creations(void)
{
	struct abi_dev two[2] = { on.a.dev, on.b.dev };
	struct abi_uuid first, second;
	struct abi_create arg = { 2, read_only(two, sizeof(two)), NO_SNAPSHOT };

	if (IS_64BIT)
		((uint32_t *)&arg)[1] = 0xaaaaaaaa;
	answers(call(ABI_CREATE, &arg), 0, "two devices, from an array that can only be read");
	first = arg.id;
	fact(is_random_uuid(&first), "it gets a random UUID, version 4");
	fact(arg.count == 2, "the count stays");
	fact(!IS_64BIT || !((uint32_t *)&arg)[1], "padding of the reply is zero");
	answers(tracker_count(), 2, "tracking starts here");
	second = new_snapshot(&on.plain);
	fact(!same_id(&first, &second), "another one gets another UUID");
	answers(destroy(second), 0, "two at once are destroyed one by one");
	answers(snapshot_count(), 1, "and the other one stays");
	answers(destroy(first), 0, "until it is destroyed, too");
	answers(tracker_count(), 3, "all are still tracked");
	need(!tracker_remove(on.a.dev) && !tracker_remove(on.b.dev) &&
	     !tracker_remove(on.plain.dev), "the end of tracking");
}

static void closing(void)
{
	struct abi_uuid id, listed;
	uint32_t count = 1;
	int status = 0;
	pid_t child = fork();

	if (!child) {
		node = open("/dev/blksnap", O_RDWR | O_CLOEXEC);
		_exit(create(&on.a.dev, 1, NULL) ? 1 : 0);
	}
	need(waitpid(child, &status, 0) == child && !status, "a snapshot by another process");
	fact(!collect(&count, &listed) && count == 1,
	     "a snapshot outlives who made it, and the closing of the node");
	id = listed;
	end_snapshot(id, &on.a);
}

static void destructions(void)
{
	struct abi_uuid id = { { 1, 2, 3 } };

	about("SNAPSHOT_DESTROY");
	answers(destroy(NO_SNAPSHOT), -ENODEV, "no snapshot");
	answers(destroy(id), -ENODEV, "an unknown one");
	id = new_snapshot(&on.a);
	answers(destroy(id), 0, "one only created");
	answers(destroy(id), -ENODEV, "again");
	id = new_taken(&on.a);
	answers(destroy(id), 0, "one that was taken");
	answers(destroy(id), -ENODEV, "again");
	fact(find_tracker(on.a.dev, NULL), "its tracker stays");
	need(!tracker_remove(on.a.dev), "the end of tracking");
}

static pthread_barrier_t together;

static void *take_with_another(void *id)
{
	pthread_barrier_wait(&together);
	return (void *)(intptr_t)take(*(struct abi_uuid *)id);
}

/* Two threads take it at once: one has to be too late. */
static void race(struct abi_uuid id)
{
	pthread_t threads[2];
	void *rets[2];
	int i;

	need(!pthread_barrier_init(&together, NULL, 2), "a barrier");
	for (i = 0; i < 2; i++)
		need(!pthread_create(&threads[i], NULL, take_with_another, &id), "a thread");
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], &rets[i]);
	fact((!rets[0] && (intptr_t)rets[1] == -EALREADY) ||
	     (!rets[1] && (intptr_t)rets[0] == -EALREADY),
	     "of two at once one succeeds, the other is EALREADY");
}

static void takes(void)
{
	struct abi_uuid id;
	uint32_t count = 0;

	about("SNAPSHOT_TAKE");
	answers(take(NO_SNAPSHOT), -ESRCH, "no snapshot");
	id = new_snapshot(&on.a);
	answers(take(id), -EFAULT, "no storage was appended");
	answers(snapshot_count(), 1, "the snapshot is none the worse");
	need(!append_range(id, on.storage.dev, 0, 8192), "storage");
	answers(take(id), 0, "with storage it is taken");
	fact(!collect_images(id, &count, NULL) && count == 1, "its image is there");
	answers(take(id), -EALREADY, "again");
	fact(!collect_images(id, &count, NULL) && count == 1, "which changes nothing");
	need(!destroy(id), "the end of a snapshot");
	answers(take(id), -ESRCH, "after the snapshot was destroyed");
	id = new_with_storage(&on.a);
	race(id);
	end_snapshot(id, &on.a);
}

void facts_of_snapshots(void)
{
	about("SNAPSHOT_CREATE");
	bad_arrays();
	bad_devices();
	creations();
	closing();
	destructions();
	takes();
}
