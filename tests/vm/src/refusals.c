// SPDX-License-Identifier: GPL-2.0-only
/*
 * refusals: asks the module for what it must not do, and prints each answer as
 * a line "what: errno", in a fixed order.
 *
 *	refusals TRACKED PLAIN STORAGE
 *
 * are three devices: one that gets into snapshots, one that stays untracked
 * (and is put into a snapshot only where that must fail), and one for storage.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <libblksnap.h>

#define BAD_ADDRESS	((void *)8)

static int node;
static struct blk_snap_dev tracked, plain, storage;
static const struct blk_snap_dev no_device = { 4095, 77 };
static const struct blk_snap_uuid no_snapshot;

static void say(const char *what, int error)
{
	printf("%s: %s\n", what, error ? strerrorname_np(error) : "ok");
}

static int call(unsigned long cmd, void *arg)
{
	return ioctl(node, cmd, arg) < 0 ? errno : 0;
}

static void ask(const char *what, unsigned long cmd, void *arg)
{
	say(what, call(cmd, arg));
}

static int create(const struct blk_snap_dev *devs, uint32_t count,
		  struct blk_snap_uuid *id)
{
	struct blk_snap_snapshot_create arg = {
		.count = count,
		.dev_id_array = (struct blk_snap_dev *)devs,
	};
	int error = call(IOCTL_BLK_SNAP_SNAPSHOT_CREATE, &arg);

	if (!error && id)
		*id = arg.id;
	return error;
}

static int append(const struct blk_snap_uuid *id, struct blk_snap_dev dev,
		  const struct blk_snap_block_range *ranges, uint32_t count)
{
	struct blk_snap_snapshot_append_storage arg = {
		.id = *id,
		.dev_id = dev,
		.count = count,
		.ranges = (struct blk_snap_block_range *)ranges,
	};

	return call(IOCTL_BLK_SNAP_SNAPSHOT_APPEND_STORAGE, &arg);
}

static int take(const struct blk_snap_uuid *id)
{
	struct blk_snap_snapshot_take arg = { *id };

	return call(IOCTL_BLK_SNAP_SNAPSHOT_TAKE, &arg);
}

static int destroy(const struct blk_snap_uuid *id)
{
	struct blk_snap_snapshot_destroy arg = { *id };

	return call(IOCTL_BLK_SNAP_SNAPSHOT_DESTROY, &arg);
}

static int tracker_remove(struct blk_snap_dev dev)
{
	struct blk_snap_tracker_remove arg = { dev };

	return call(IOCTL_BLK_SNAP_TRACKER_REMOVE, &arg);
}

static int wait_event(const struct blk_snap_uuid *id, uint32_t ms)
{
	static struct blk_snap_snapshot_event arg;

	arg.id = *id;
	arg.timeout_ms = ms;
	return call(IOCTL_BLK_SNAP_SNAPSHOT_WAIT_EVENT, &arg);
}

static int read_map(struct blk_snap_dev dev, uint32_t offset, uint32_t length, void *to)
{
	struct blk_snap_tracker_read_cbt_bitmap arg = { dev, offset, length, to };
	int ret = ioctl(node, IOCTL_BLK_SNAP_TRACKER_READ_CBT_MAP, &arg);

	return ret < 0 ? errno : 0;
}

static int dirty(struct blk_snap_dev dev, uint64_t offset, uint64_t count)
{
	struct blk_snap_block_range range = { offset, count };
	struct blk_snap_tracker_mark_dirty_blocks arg = { dev, 1, &range };

	return call(IOCTL_BLK_SNAP_TRACKER_MARK_DIRTY_BLOCKS, &arg);
}

static size_t tracker_count(void)
{
	struct blk_snap_cbt_info *infos;
	size_t count = 0;

	if (!blksnap_tracker_collect(node, &infos, &count))
		free(infos);
	return count;
}

static void unknown_calls(void)
{
	char room[4096] = { 0 };

	ask("call 12", _IOW(BLK_SNAP, 12, uint32_t), room);
	ask("call 32, a relative's", _IOR(BLK_SNAP, 32, uint32_t), room);
	ask("call 69", _IOWR(BLK_SNAP, 69, uint64_t), room);
	ask("call 6 with another size", _IOR(BLK_SNAP, 6, uint32_t), room);
	ask("call 6 with other directions", _IOW(BLK_SNAP, 6, struct blk_snap_uuid), room);
	ask("a terminal's call", 0x5401, room);
}

static void bad_addresses(void)
{
	ask("version to nowhere", IOCTL_BLK_SNAP_VERSION, BAD_ADDRESS);
	ask("create from nowhere", IOCTL_BLK_SNAP_SNAPSHOT_CREATE, BAD_ADDRESS);
	ask("append from nowhere", IOCTL_BLK_SNAP_SNAPSHOT_APPEND_STORAGE, BAD_ADDRESS);
	ask("wait from nowhere", IOCTL_BLK_SNAP_SNAPSHOT_WAIT_EVENT, BAD_ADDRESS);
	ask("append a file from nowhere", IOCTL_BLK_SNAP_SNAPSHOT_APPEND_FILE, BAD_ADDRESS);
	ask("info from nowhere", IOCTL_BLK_SNAP_SNAPSHOT_INFO, BAD_ADDRESS);
	say("devices from nowhere", create(BAD_ADDRESS, 1, NULL));
	say("more devices than memory", create(BAD_ADDRESS, ~0u, NULL));
}

static void creations(void)
{
	struct blk_snap_dev twice[] = { plain, plain };
	struct blk_snap_dev absent[] = { plain, no_device };

	say("create of nothing", create(&plain, 0, NULL));
	say("create of a device twice", create(twice, 2, NULL));
	say("create of an absent device", create(absent, 2, NULL));
	printf("trackers left: %zu\n", tracker_count());
}

static void unknown_snapshots(void)
{
	struct blk_snap_block_range range = { 0, 8 };
	struct blk_snap_snapshot_append_file file = { .fd = 0 };
	struct blk_snap_snapshot_info info = { .state = 0 };
	struct blk_snap_snapshot_collect_images images = { .count = 0 };

	say("append to no snapshot", append(&no_snapshot, storage, &range, 1));
	say("take of no snapshot", take(&no_snapshot));
	say("destroy of no snapshot", destroy(&no_snapshot));
	say("wait for no snapshot", wait_event(&no_snapshot, 0));
	ask("append a file to no snapshot", IOCTL_BLK_SNAP_SNAPSHOT_APPEND_FILE, &file);
	ask("info on no snapshot", IOCTL_BLK_SNAP_SNAPSHOT_INFO, &info);
	ask("images of no snapshot", IOCTL_BLK_SNAP_SNAPSHOT_COLLECT_IMAGES, &images);
}

static void untracked(void)
{
	uint8_t byte;

	say("untrack an absent device", tracker_remove(no_device));
	say("untrack an untracked device", tracker_remove(plain));
	say("map of an untracked device", read_map(plain, 0, 1, &byte));
	say("dirty on an untracked device", dirty(plain, 0, 8));
}

static void reserved_words(const struct blk_snap_uuid *id)
{
	struct blk_snap_snapshot_append_file file = { .id = *id, .flags = 1 };
	struct blk_snap_snapshot_info info = { .id = *id, .flags = 1 };

	ask("append a file with flags", IOCTL_BLK_SNAP_SNAPSHOT_APPEND_FILE, &file);
	file = (struct blk_snap_snapshot_append_file){ .id = *id, .fd = -1 };
	ask("append no file", IOCTL_BLK_SNAP_SNAPSHOT_APPEND_FILE, &file);
	file.reserved[3] = 1;
	ask("append a file with reserved words", IOCTL_BLK_SNAP_SNAPSHOT_APPEND_FILE, &file);
	ask("info with flags", IOCTL_BLK_SNAP_SNAPSHOT_INFO, &info);
	info = (struct blk_snap_snapshot_info){ .id = *id };
	info.reserved[7] = 1;
	ask("info with reserved words", IOCTL_BLK_SNAP_SNAPSHOT_INFO, &info);
	info = (struct blk_snap_snapshot_info){ .id = *id, .image_count = 1, .images = 8 };
	ask("info to nowhere", IOCTL_BLK_SNAP_SNAPSHOT_INFO, &info);
}

static void collections(const struct blk_snap_uuid *id)
{
	struct blk_snap_snapshot_collect snapshots = { .count = 0 };
	struct blk_snap_snapshot_collect_images images = { .id = *id };
	struct blk_snap_tracker_collect trackers = { .count = 0 };
	uint8_t room[64];

	ask("how many snapshots", IOCTL_BLK_SNAP_SNAPSHOT_COLLECT, &snapshots);
	printf("  %u\n", snapshots.count);
	snapshots = (struct blk_snap_snapshot_collect){ .ids = (void *)room };
	ask("snapshots without room", IOCTL_BLK_SNAP_SNAPSHOT_COLLECT, &snapshots);
	printf("  %u\n", snapshots.count);
	trackers = (struct blk_snap_tracker_collect){ .cbt_info_array = (void *)room };
	ask("trackers without room", IOCTL_BLK_SNAP_TRACKER_COLLECT, &trackers);
	printf("  %u\n", trackers.count);
	ask("images", IOCTL_BLK_SNAP_SNAPSHOT_COLLECT_IMAGES, &images);
	printf("  %u\n", images.count);
	images = (struct blk_snap_snapshot_collect_images){
		.id = *id, .image_info_array = (void *)room };
	ask("images without room", IOCTL_BLK_SNAP_SNAPSHOT_COLLECT_IMAGES, &images);
	printf("  %u\n", images.count);
}

static void do_nothing(int number)
{
	(void)number;
}

static long ms_since(const struct timespec *begin)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - begin->tv_sec) * 1000 +
	       (now.tv_nsec - begin->tv_nsec) / 1000000;
}

static void *wait_long(void *arg)
{
	return (void *)(intptr_t)wait_event(arg, 3600 * 1000);
}

/* Of @id, whose first event is still there. */
static void waits(const struct blk_snap_uuid *id)
{
	struct sigaction action = { .sa_handler = do_nothing };
	struct timespec begin;

	say("the first event", wait_event(id, 3600 * 1000));
	say("an event at once", wait_event(id, 0));
	clock_gettime(CLOCK_MONOTONIC, &begin);
	say("an event in 300 ms", wait_event(id, 300));
	printf("  %s\n", ms_since(&begin) >= 300 ? "waited" : "did not wait");
	sigaction(SIGALRM, &action, NULL);
	alarm(1);
	say("an event or a signal", wait_event(id, 3600 * 1000));
}

/* A new snapshot; ends with its destruction under two waiters. */
static void while_new(void)
{
	struct blk_snap_block_range empty = { 0, 0 }, end = { UINT64_MAX - 7, 8 };
	struct blk_snap_uuid id, other;
	pthread_t waiters[2];
	uint8_t byte;
	void *ret;
	int i;

	say("create", create(&tracked, 1, &id));
	say("create on the same device", create(&tracked, 1, &other));
	say("untrack while new", tracker_remove(tracked));
	say("map while new", read_map(tracked, 0, 1, &byte));
	say("take without storage", take(&id));
	say("append nothing", append(&id, storage, &empty, 0));
	say("append an empty range", append(&id, storage, &empty, 1));
	say("append past all ends", append(&id, storage, &end, 1));
	say("append of an absent device", append(&id, no_device, &end, 1));
	say("append ranges from nowhere", append(&id, storage, BAD_ADDRESS, 1));
	reserved_words(&id);
	collections(&id);
	waits(&id);

	for (i = 0; i < 2; i++)
		pthread_create(&waiters[i], NULL, wait_long, &id);
	usleep(300 * 1000);
	say("destroy under waiters", destroy(&id));
	for (i = 0; i < 2; i++) {
		pthread_join(waiters[i], &ret);
		say("  a waiter", (int)(intptr_t)ret);
	}
	say("destroy again", destroy(&id));
}

static void while_taken(void)
{
	struct blk_snap_block_range range = { 0, 2048 };
	struct blk_snap_cbt_info info;
	struct blk_snap_uuid id;
	uint8_t byte;

	say("create", create(&tracked, 1, &id));
	say("append", append(&id, storage, &range, 1));
	say("take", take(&id));
	say("take again", take(&id));
	say("untrack while taken", tracker_remove(tracked));
	collections(&id);
	blksnap_tracker_find(node, tracked, &info);
	say("map", read_map(tracked, 0, 1, &byte));
	say("map to nowhere", read_map(tracked, 0, 1, BAD_ADDRESS));
	say("map from its end", read_map(tracked, info.blk_count, 1, &byte));
	say("map from beyond", read_map(tracked, info.blk_count + 1, 1, &byte));
	say("dirty", dirty(tracked, 0, 8));
	say("dirty and empty", dirty(tracked, 0, 0));
	say("dirty past the end", dirty(tracked, info.device_capacity / 512, 8));
	say("destroy", destroy(&id));
	say("map after the snapshot", read_map(tracked, 0, 1, &byte));
	say("untrack", tracker_remove(tracked));
	say("untrack again", tracker_remove(tracked));
}

int main(int argc, char **argv)
{
	node = argc == 4 ? blksnap_open(NULL) : -EINVAL;
	if (node < 0 || blksnap_device_of_path(argv[1], &tracked) ||
	    blksnap_device_of_path(argv[2], &plain) ||
	    blksnap_device_of_path(argv[3], &storage)) {
		fprintf(stderr, "refusals: no node, or not three devices\n");
		return 2;
	}
	unknown_calls();
	bad_addresses();
	creations();
	unknown_snapshots();
	untracked();
	while_new();
	while_taken();
	return fflush(stdout) ? 1 : 0;
}
