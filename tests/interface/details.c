// SPDX-License-Identifier: GPL-2.0-only
/*
 * details: what is known of one tracked device, by the call and in sysfs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "facts.h"
#include "groups.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define BLOCK_PAGES	16

static uint64_t now(clockid_t clock)
{
	struct timespec time;

	need(!clock_gettime(clock, &time), "the time");
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

/* While @on.a is tracked. */
static void no_tracker(void)
{
	struct abi_tracker_info arg, before;
	struct abi_dev dev;
	unsigned int i;

	answers(tracker_info(on.plain.dev, &arg), -ENODEV, "a device that is not tracked");
	memset(&before, 0xaa, sizeof(before));
	before.dev = on.plain.dev;
	before.flags = 0;
	memset(before.reserved, 0, sizeof(before.reserved));
	fact(!memcmp(&arg, &before, sizeof(arg)), "the argument is left alone");
	answers(tracker_info(NO_DEVICE, &arg), -ENODEV, "a device that is not there");
	for (i = 0; i < IMPOSSIBLE_COUNT; i++) {
		dev = impossible(on.a.dev, i);
		answers(tracker_info(dev, &arg), -ENODEV, "%u:%u, which no device can have",
			dev.mj, dev.mn);
	}
}

static void reserved(void)
{
	struct abi_tracker_info arg;
	unsigned int bit, word;

	for (bit = 0; bit < 32; bit += 31) {
		arg = (struct abi_tracker_info){ .dev = on.a.dev, .flags = 1u << bit };
		answers(call(ABI_TRACKER_INFO, &arg), -EINVAL, "flag %u", bit);
	}
	for (word = 0; word < 8; word++) {
		arg = (struct abi_tracker_info){ .dev = on.a.dev };
		arg.reserved[word] = word & 1 ? 1ull << 63 : 1;
		answers(call(ABI_TRACKER_INFO, &arg), -EINVAL, "reserved word %u", word);
	}
}

/* Tracking began between two times. */
static void while_new(struct abi_uuid id, const uint64_t boottime[2],
		      const uint64_t realtime[2])
{
	struct abi_tracker_info arg;
	struct abi_cbt_info entry;

	need(find_tracker(on.a.dev, &entry), "a tracker");
	answers(tracker_info(on.a.dev, &arg), 0, "a device in a snapshot only created");
	answers(arg.state, TRACKER_CLAIMED, "its state is claimed");
	fact(same_id(&arg.snapshot, &id), "the snapshot is named");
	fact(same_id(&arg.generation, &entry.generation) && arg.blk_size == entry.blk_size &&
	     arg.blk_count == entry.blk_count && arg.capacity == on.a.sectors,
	     "generation, blocks and capacity are those of TRACKER_COLLECT");
	answers(arg.reason, REASON_NEW, "the generation began with tracking");
	answers(arg.snap_number, 0, "the number before the first take is 0");
	fact(arg.since_boottime >= boottime[0] && arg.since_boottime <= boottime[1],
	     "CLOCK_BOOTTIME of when tracking started");
	fact(arg.since_realtime >= realtime[0] && arg.since_realtime <= realtime[1],
	     "CLOCK_REALTIME of it");
	fact(!arg.changed && !arg.changed_last && !arg.changed_generation,
	     "no block has changed");
	fact(!arg.seen && !arg.held && !arg.waiting && !arg.copied, "counters begin with 0");
	fact(same_dev(arg.dev, on.a.dev) && !arg.flags && is_zero(arg.reserved, sizeof(arg.reserved)),
	     "the device stays, flags and reserved words are zero");
}

/* Three blocks before the take, one after it. */
static void while_taken(struct abi_uuid id)
{
	struct abi_tracker_info arg;
	unsigned int i;

	for (i = 0; i < 3; i++)
		need(!write_blocks(&on.a, i * BLOCK_PAGES, 1, 1), "a write");
	need(!tracker_info(on.a.dev, &arg), "a tracker");
	fact(arg.changed == 3 && !arg.changed_last && arg.changed_generation == 3,
	     "before the take all changes are of the running period");
	fact(arg.seen == 3 && !arg.held && !arg.copied, "three writes are seen, none is held");
	need(!take(id) && !write_blocks(&on.a, 5 * BLOCK_PAGES, 1, 1), "a take");
	answers(tracker_info(on.a.dev, &arg), 0, "a device in a snapshot taken");
	answers(arg.state, TRACKER_TAKEN, "its state is taken");
	fact(same_id(&arg.snapshot, &id), "the snapshot is named");
	answers(arg.snap_number, 1, "the number is that of the take");
	fact(arg.changed == 1 && arg.changed_last == 3 && arg.changed_generation == 4,
	     "blocks of the running period, of the one before, and of both are told apart");
	fact(arg.seen == 4 && arg.held == 1 && !arg.waiting && arg.copied == 4096,
	     "the write after it was held, and a block copied for it");
	answers(tracker_info(image_of(id), &arg), -ENODEV, "an image is not tracked");
}

static bool read_word(const char *name, char *word, size_t room)
{
	char path[128];
	FILE *file;
	bool is_read;

	snprintf(path, sizeof(path), "/sys/class/blksnap/%u:%u/%s", on.a.dev.mj, on.a.dev.mn,
		 name);
	file = fopen(path, "re");
	if (!file)
		return false;
	is_read = fgets(word, room, file) && strchr(word, '\n');
	word[strcspn(word, "\n")] = 0;
	fclose(file);
	return is_read;
}

static void write_uuid(const struct abi_uuid *id, char *text)
{
	size_t i;

	for (i = 0; i < sizeof(id->b); i++)
		text += sprintf(text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
				id->b[i]);
}

/* Nothing is written meanwhile, so both are of one state. */
static void in_sysfs(const struct abi_tracker_info *arg)
{
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{ "tracked_since_boottime_ns", arg->since_boottime },
		{ "tracked_since_realtime_ns", arg->since_realtime },
		{ "snap_number", arg->snap_number },
		{ "block_size", arg->blk_size },
		{ "block_count", arg->blk_count },
		{ "capacity_sectors", arg->capacity },
		{ "changed_blocks", arg->changed },
		{ "changed_blocks_last", arg->changed_last },
		{ "changed_blocks_generation", arg->changed_generation },
		{ "seen_writes", arg->seen },
		{ "held_writes", arg->held },
		{ "waiting_writes", arg->waiting },
		{ "copied_bytes", arg->copied },
	};
	const struct {
		const char *name;
		const struct abi_uuid *id;
	} ids[] = { { "generation_id", &arg->generation }, { "snapshot_id", &arg->snapshot } };
	char word[64], uuid[40];
	size_t i;

	for (i = 0; i < COUNT(numbers); i++)
		fact(read_word(numbers[i].name, word, sizeof(word)) &&
		     strtoull(word, NULL, 10) == numbers[i].value,
		     "%s in sysfs says the same", numbers[i].name);
	for (i = 0; i < COUNT(ids); i++) {
		write_uuid(ids[i].id, uuid);
		fact(read_word(ids[i].name, word, sizeof(word)) && !strcmp(word, uuid),
		     "%s in sysfs says the same", ids[i].name);
	}
	fact(read_word("state", word, sizeof(word)) && !strcmp(word, "taken"),
	     "state in sysfs is taken");
	fact(read_word("generation_reason", word, sizeof(word)) && !strcmp(word, "new"),
	     "generation_reason in sysfs is new");
}

static void while_idle(void)
{
	struct abi_tracker_info arg;

	answers(tracker_info(on.a.dev, &arg), 0, "a device after its snapshot");
	answers(arg.state, TRACKER_IDLE, "its state is idle");
	fact(is_zero(&arg.snapshot, sizeof(arg.snapshot)), "no snapshot is named");
	fact(arg.snap_number == 1 && arg.changed == 1 && arg.changed_last == 3,
	     "number and changes stay");
	fact(arg.seen == 4 && arg.held == 1 && arg.copied == 4096, "and so do the counters");
}

void facts_of_details(void)
{
	struct abi_tracker_info arg;
	uint64_t boottime[2], realtime[2];
	struct abi_uuid id;

	about("TRACKER_INFO");
	boottime[0] = now(CLOCK_BOOTTIME);
	realtime[0] = now(CLOCK_REALTIME);
	id = new_with_storage(&on.a);
	boottime[1] = now(CLOCK_BOOTTIME);
	realtime[1] = now(CLOCK_REALTIME);
	no_tracker();
	reserved();
	while_new(id, boottime, realtime);
	while_taken(id);
	need(!tracker_info(on.a.dev, &arg), "a tracker");
	in_sysfs(&arg);
	need(!destroy(id), "the end of a snapshot");
	while_idle();
	need(!tracker_remove(on.a.dev), "the end of tracking");
	answers(tracker_info(on.a.dev, &arg), -ENODEV, "after the tracker");
}
