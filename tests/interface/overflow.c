// SPDX-License-Identifier: GPL-2.0-only
/*
 * overflow: storage that runs low, and storage that is not there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"
#include "facts.h"
#include "groups.h"

static char block[4096] __attribute__((aligned(4096)));

/* The code of the next event, or the negative errno if there is none. */
static long next_event(struct abi_uuid id, struct abi_event *event)
{
	long ret = wait_event(id, 300, event);

	return ret < 0 ? ret : (long)event->code;
}

/* A portion is 1 MiB, 256 blocks; an event is due when 128 of them are left. */
static void low_space(struct abi_uuid id)
{
	struct abi_event event;

	answers(next_event(id, &event), EVENT_LOW_FREE_SPACE, "the first request");
	answers(next_event(id, &event), -ENOENT, "with as much as was asked for there is no other");
	need(!write_backwards(&on.a, 0, 120, 1), "writes");
	answers(next_event(id, &event), -ENOENT, "nor while more than half a portion is free");
	need(!write_backwards(&on.a, 120, 16, 1), "writes");
	answers(next_event(id, &event), EVENT_LOW_FREE_SPACE, "at half a portion there is one");
	need(!write_backwards(&on.a, 136, 32, 1), "writes");
	answers(next_event(id, &event), -ENOENT, "and only one");
	need(!append_range(id, on.storage.dev, 2048, 64), "a little storage");
	need(!write_blocks(&on.a, 168, 1, 1), "a write");
	answers(next_event(id, &event), EVENT_LOW_FREE_SPACE,
		"an append that gives less than was asked for brings another");
}

static void corrupted(struct abi_uuid id)
{
	struct abi_corrupted data;
	struct abi_event event;
	long code;

	while ((code = next_event(id, &event)) == EVENT_LOW_FREE_SPACE)
		;
	answers(code, EVENT_CORRUPTED, "without room there is an event of corruption");
	memcpy(&data, event.data, sizeof(data));
	fact(same_dev(data.origin, on.a.dev), "it names the original");
	answers(data.error, ENOSPC, "its errno is positive, and ENOSPC");
	fact(is_zero(event.data + sizeof(data), sizeof(event.data) - sizeof(data)),
	     "the rest of the data is zero");
	answers(next_event(id, &event), -ENOENT, "there is only one");
}

/* Every place that may lie on the storage, in memory, or on the original. */
static void image_is_lost(int image)
{
	unsigned int at, read_count = 0, written = 0;

	for (at = 0; at < on.a.sectors / 8; at += 61) {
		errno = 0;
		if (pread(image, block, 4096, at * 4096l) >= 0 || errno != EIO)
			read_count++;
		errno = 0;
		if (pwrite(image, block, 4096, at * 4096l) >= 0 || errno != EIO)
			written++;
	}
	answers(read_count, 0, "every read of the image is EIO");
	answers(written, 0, "every write to the image is EIO");
}

void facts_of_overflow(void)
{
	unsigned int budget = parameter("memory_budget_mb");
	unsigned int portion = parameter("diff_storage_minimum");
	struct abi_info state;
	struct abi_uuid id;
	uint8_t byte;
	int image;

	about("storage");
	set_parameter("memory_budget_mb", 1);
	set_parameter("diff_storage_minimum", 2048);
	id = new_snapshot(&on.a);
	need(!append_range(id, on.storage.dev, 0, 2048) && !take(id), "a take");
	set_parameter("memory_budget_mb", budget);
	set_parameter("diff_storage_minimum", portion);
	image = open_image(id);
	low_space(id);
	answers(write_blocks(&on.a, 200, 2000, 2), 0, "writes to the original go on without room");
	corrupted(id);
	image_is_lost(image);
	close(image);
	fact(!info(id, &state) && state.state == STATE_CORRUPT && state.error == ENOSPC,
	     "SNAPSHOT_INFO tells the same");
	answers(take(id), -EALREADY, "SNAPSHOT_TAKE is EALREADY");
	answers(set_limits(id, 500, 0, 0), -EALREADY, "SNAPSHOT_SET_LIMITS likewise");
	answers(read_map(on.a.dev, 0, 1, &byte), 1, "the map can still be read");
	answers(append_range(id, on.storage.dev, 4096, 8), 0, "storage can still be appended");
	answers(write_blocks(&on.a, 0, 64, 3), 0, "writes to the original still go on");
	end_snapshot(id, &on.a);
}
