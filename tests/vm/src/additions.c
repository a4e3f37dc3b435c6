// SPDX-License-Identifier: GPL-2.0-only
/*
 * additions: the calls from number 66 on, asked for what they must not do, and
 * for what they must. Prints each answer as a line "what: errno", in a fixed
 * order; what a call writes without need, or where it must not, ends the program.
 *
 *	additions TRACKED PLAIN STORAGE
 *
 * are three devices: one that gets into snapshots, one that stays untracked, and
 * one for storage.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libblksnap.h>

#define BAD_ADDRESS	((void *)8)

typedef struct blk_snap_tracker_changed_ranges changed_ranges_t;
typedef struct blk_snap_tracker_info tracker_info_t;
typedef struct blk_snap_snapshot_set_limits limits_t;

static int node;
static struct blk_snap_dev tracked, plain, storage;
static const struct blk_snap_dev no_device = { 4095, 77 };
static const struct blk_snap_dev no_number = { 1u << 31, 1u << 31 };
static const struct blk_snap_uuid no_snapshot;
static struct blk_snap_uuid id, generation;
static struct blk_snap_block_range ranges[16];

static void say(const char *what, int error)
{
	printf("%s: %s\n", what, error ? strerrorname_np(error) : "ok");
}

static int call(unsigned long cmd, void *arg)
{
	return ioctl(node, cmd, arg) < 0 ? errno : 0;
}

static void insist(bool is_so, const char *what)
{
	if (is_so)
		return;
	fflush(stdout);
	fprintf(stderr, "additions: not so: %s\n", what);
	exit(1);
}

/* What is asked in most cases; the others change a field of it. */
static changed_ranges_t question(void)
{
	return (changed_ranges_t){
		.dev_id = tracked,
		.generation_id = generation,
		.ranges = (uintptr_t)ranges,
		.count = 16,
	};
}

static int changes(changed_ranges_t *arg)
{
	changed_ranges_t before = *arg;
	int error = call(IOCTL_BLK_SNAP_TRACKER_CHANGED_RANGES, arg);

	insist(!error || !memcmp(&before, arg, sizeof(before)),
	       "an argument is left alone by a call that fails");
	return error;
}

static int info(struct blk_snap_dev dev, tracker_info_t *arg)
{
	*arg = (tracker_info_t){ .dev_id = dev };
	return call(IOCTL_BLK_SNAP_TRACKER_INFO, arg);
}

static int set_limits(const struct blk_snap_uuid *snapshot, uint64_t memory,
		      uint64_t portion, uint32_t timeout)
{
	limits_t arg = {
		.id = *snapshot,
		.storage_timeout_ms = timeout,
		.memory_limit_bytes = memory,
		.storage_portion_sectors = portion,
	};

	return call(IOCTL_BLK_SNAP_SNAPSHOT_SET_LIMITS, &arg);
}

static void print_limits(void)
{
	struct blk_snap_snapshot_info arg = { .id = id };

	insist(!call(IOCTL_BLK_SNAP_SNAPSHOT_INFO, &arg), "a snapshot tells its limits");
	printf("  %llu bytes, %llu sectors, %u ms\n",
	       (unsigned long long)arg.memory_limit_bytes,
	       (unsigned long long)arg.storage_portion_sectors, arg.storage_timeout_ms);
}

/* The same structures under numbers that are not theirs. */
static void numbers(void)
{
	union {
		changed_ranges_t ranges;
		tracker_info_t info;
		limits_t limits;
	} room = { .ranges = question() };

	say("changes, other directions",
	    call(_IOR(BLK_SNAP, 66, changed_ranges_t), &room));
	say("changes, another size", call(_IOWR(BLK_SNAP, 66, tracker_info_t), &room));
	say("limits, other directions", call(_IOWR(BLK_SNAP, 67, limits_t), &room));
	say("information, another size", call(_IOWR(BLK_SNAP, 68, limits_t), &room));
	say("a call after the last", call(_IOWR(BLK_SNAP, 69, tracker_info_t), &room));
}

static void bad_addresses(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	tracker_info_t *arg = (tracker_info_t *)(two + page - sizeof(*arg));

	say("changes from nowhere",
	    call(IOCTL_BLK_SNAP_TRACKER_CHANGED_RANGES, BAD_ADDRESS));
	say("limits from nowhere", call(IOCTL_BLK_SNAP_SNAPSHOT_SET_LIMITS, BAD_ADDRESS));
	say("information from nowhere", call(IOCTL_BLK_SNAP_TRACKER_INFO, BAD_ADDRESS));
	say("information from zero", call(IOCTL_BLK_SNAP_TRACKER_INFO, NULL));
	munmap(two + page, page);
	*arg = (tracker_info_t){ .dev_id = tracked };
	say("information at the edge of memory", call(IOCTL_BLK_SNAP_TRACKER_INFO, arg));
	say("information across the edge",
	    call(IOCTL_BLK_SNAP_TRACKER_INFO, (char *)arg + 8));
	*arg = (tracker_info_t){ .dev_id = tracked };
	mprotect(two, page, PROT_READ);
	say("information to what cannot be written",
	    call(IOCTL_BLK_SNAP_TRACKER_INFO, arg));
	munmap(two, page);
}

static void untracked(void)
{
	changed_ranges_t arg = question();
	tracker_info_t answer;

	arg.dev_id = plain;
	say("changes of an untracked device", changes(&arg));
	arg.dev_id = no_device;
	say("changes of an absent device", changes(&arg));
	arg.dev_id = no_number;
	say("changes of an impossible device", changes(&arg));
	say("information on an untracked device", info(plain, &answer));
	say("information on an absent device", info(no_device, &answer));
	say("information on an impossible device", info(no_number, &answer));
	say("limits of no snapshot", set_limits(&no_snapshot, 0, 0, 0));
}

static void reserved_words(void)
{
	changed_ranges_t arg = question();
	tracker_info_t answer = { .dev_id = tracked, .flags = 1 };
	limits_t limits = { .id = id, .flags = 1 };

	arg.flags = 1;
	say("changes with flags", changes(&arg));
	arg = question();
	arg.reserved[3] = 1;
	say("changes with reserved words", changes(&arg));
	say("information with flags", call(IOCTL_BLK_SNAP_TRACKER_INFO, &answer));
	answer = (tracker_info_t){ .dev_id = tracked };
	answer.reserved[7] = 1ull << 63;
	say("information with reserved words",
	    call(IOCTL_BLK_SNAP_TRACKER_INFO, &answer));
	say("limits with flags", call(IOCTL_BLK_SNAP_SNAPSHOT_SET_LIMITS, &limits));
	limits = (limits_t){ .id = id };
	limits.reserved[5] = 1;
	say("limits with reserved words",
	    call(IOCTL_BLK_SNAP_SNAPSHOT_SET_LIMITS, &limits));
}

static void bounds(void)
{
	print_limits();
	say("no limits", set_limits(&id, 0, 0, 0));
	say("memory of less than a MiB", set_limits(&id, (1 << 20) - 1, 0, 0));
	say("memory of more than 64 GiB", set_limits(&id, (64ull << 30) + 1, 0, 0));
	say("memory of all ones", set_limits(&id, UINT64_MAX, 0, 0));
	say("a portion that is too small", set_limits(&id, 0, 2047, 0));
	say("a portion that is too large", set_limits(&id, 0, (1ull << 31) + 1, 0));
	say("a time-out that is too short", set_limits(&id, 0, 0, 99));
	say("a time-out that is too long", set_limits(&id, 0, 0, 3600001));
	say("one wrong of three", set_limits(&id, 2 << 20, 4096, 1));
	print_limits();
	say("the smallest", set_limits(&id, 1 << 20, 2048, 100));
	print_limits();
	say("the largest", set_limits(&id, 64ull << 30, 1ull << 31, 3600000));
	print_limits();
	say("only one", set_limits(&id, 0, 4096, 0));
	print_limits();
}

/* What a new tracker tells, and that it fills each field. */
static void new_tracker(void)
{
	changed_ranges_t arg = question();
	tracker_info_t answer;

	memset(&answer, 0, sizeof(answer));
	say("information while new", info(tracked, &answer));
	insist(!memcmp(&answer.snapshot_id, &id, sizeof(id)), "it names the snapshot");
	insist(memcmp(&answer.generation_id, &no_snapshot, sizeof(id)), "and a generation");
	insist(answer.tracked_since_boottime_ns && answer.tracked_since_realtime_ns,
	       "tracking has a beginning");
	for (int i = 0; i < 8; i++)
		insist(!answer.reserved[i], "reserved words are zero in the reply");
	printf("  state %u, take %u, reason %u, %u blocks of %u, %llu sectors\n",
	       answer.state, answer.snap_number, answer.generation_reason,
	       answer.block_count, answer.block_size,
	       (unsigned long long)answer.capacity_sectors);
	generation = answer.generation_id;
	arg.generation_id = generation;
	say("changes while new", changes(&arg));
}

static void wrong_questions(void)
{
	changed_ranges_t arg = question();

	arg.count = 0;
	say("changes without room", changes(&arg));
	arg = question();
	arg.generation_id.b[15] ^= 1;
	say("changes of another generation", changes(&arg));
	arg = question();
	arg.since = 2;
	say("changes since a take to come", changes(&arg));
	arg.since = 257;
	say("changes since what no byte can hold", changes(&arg));
	arg.since = UINT32_MAX;
	say("changes since all ones", changes(&arg));
	arg = question();
	arg.sector = UINT64_MAX;
	say("changes from beyond all ends", changes(&arg));
	arg = question();
	arg.ranges = 8;
	say("changes to nowhere", changes(&arg));
	arg.ranges = 0;
	say("changes to zero", changes(&arg));
}

static void print_ranges(const changed_ranges_t *arg)
{
	for (uint32_t i = 0; i < arg->count; i++)
		printf("  %llu:%llu\n", (unsigned long long)ranges[i].sector_offset,
		       (unsigned long long)ranges[i].sector_count);
	printf("  take %u, on from %llu of %llu\n", arg->snap_number,
	       (unsigned long long)arg->sector,
	       (unsigned long long)arg->capacity_sectors);
}

/* What was declared: blocks 1, 2 and the last one, of 4 KiB. */
static void right_questions(void)
{
	changed_ranges_t arg = question();

	say("changes", changes(&arg));
	print_ranges(&arg);
	arg = question();
	arg.count = 1;
	memset(ranges, 0xff, sizeof(ranges));
	say("changes, room for one", changes(&arg));
	print_ranges(&arg);
	insist(ranges[1].sector_count == UINT64_MAX, "an array is not filled past its room");
	say("the others", changes(&arg));
	print_ranges(&arg);
	arg = question();
	arg.sector = 12;
	arg.count = UINT32_MAX;
	say("changes from the middle of a block, room as never was", changes(&arg));
	print_ranges(&arg);
	arg = question();
	arg.sector = 24;
	arg.count = 1;
	arg.ranges = 0;
	say("changes from the end of the first, no room to write to", changes(&arg));
	arg = question();
	arg.since = 1;
	say("changes since the last take", changes(&arg));
	print_ranges(&arg);
	arg = question();
	arg.sector = arg.capacity_sectors = 8192;
	arg.ranges = 8;
	say("changes from the end", changes(&arg));
	print_ranges(&arg);
	arg = question();
	arg.sector = 8193;
	say("changes from beyond the end", changes(&arg));
}

static void with_snapshot(void)
{
	struct blk_snap_block_range dirty[] = { { 8, 16 }, { 8191, 1 } };
	struct blk_snap_block_range room = { 0, 2048 };
	changed_ranges_t arg;
	tracker_info_t answer;

	say("create", -blksnap_snapshot_create(node, &tracked, 1, &id));
	new_tracker();
	reserved_words();
	bad_addresses();
	bounds();
	say("dirty", -blksnap_tracker_mark_dirty_blocks(node, tracked, dirty, 2));
	say("append", -blksnap_snapshot_append_storage(node, &id, storage, &room, 1));
	say("take", -blksnap_snapshot_take(node, &id));
	say("limits after the take", set_limits(&id, 0, 4096, 0));
	wrong_questions();
	right_questions();
	say("destroy", -blksnap_snapshot_destroy(node, &id));
	say("limits after the end", set_limits(&id, 0, 4096, 0));
	arg = question();
	say("changes after the end", changes(&arg));
	say("information after the end", info(tracked, &answer));
	insist(!memcmp(&answer.snapshot_id, &no_snapshot, sizeof(id)), "it names no snapshot");
	printf("  state %u, take %u, changed %llu, %llu and %llu\n", answer.state,
	       answer.snap_number, (unsigned long long)answer.changed_blocks,
	       (unsigned long long)answer.changed_blocks_last,
	       (unsigned long long)answer.changed_blocks_generation);
	say("untrack", -blksnap_tracker_remove(node, tracked));
	say("information when untracked", info(tracked, &answer));
}

int main(int argc, char **argv)
{
	node = argc == 4 ? blksnap_open(NULL) : -EINVAL;
	if (node < 0 || blksnap_device_of_path(argv[1], &tracked) ||
	    blksnap_device_of_path(argv[2], &plain) ||
	    blksnap_device_of_path(argv[3], &storage)) {
		fprintf(stderr, "additions: no node, or not three devices\n");
		return 2;
	}
	numbers();
	untracked();
	with_snapshot();
	return fflush(stdout) ? 1 : 0;
}
