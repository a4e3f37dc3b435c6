// SPDX-License-Identifier: GPL-2.0-only
/*
 * limits: what one snapshot may use.
 */
#include <errno.h>
#include <string.h>

#include "calls.h"
#include "facts.h"
#include "groups.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define MIB		(1ull << 20)

/* Does the snapshot say that these are its limits? */
static bool are_limits(struct abi_uuid id, uint32_t timeout_ms, uint64_t memory,
		       uint64_t portion)
{
	struct abi_info arg;

	need(!info(id, &arg), "the limits of a snapshot");
	return arg.timeout_ms == timeout_ms && arg.memory_limit == memory &&
	       arg.portion == portion;
}

static void reserved(struct abi_uuid id)
{
	struct abi_set_limits arg;
	unsigned int bit, word;

	for (bit = 0; bit < 32; bit += 31) {
		arg = (struct abi_set_limits){ .id = id, .flags = 1u << bit, .timeout_ms = 500 };
		answers(call(ABI_SET_LIMITS, &arg), -EINVAL, "flag %u", bit);
	}
	for (word = 0; word < 6; word++) {
		arg = (struct abi_set_limits){ .id = id, .timeout_ms = 500 };
		arg.reserved[word] = word & 1 ? 1ull << 63 : 1;
		answers(call(ABI_SET_LIMITS, &arg), -EINVAL, "reserved word %u", word);
	}
}

/* The last ones are within bounds if only 32 bits of them are looked at. */
static void out_of_bounds(struct abi_uuid id)
{
	static const struct {
		uint32_t timeout_ms;
		uint64_t memory, portion;
		const char *words;
	} wrong[] = {
		{ 1, 0, 0, "a time-out of 1 ms" },
		{ 99, 0, 0, "a time-out of 99 ms" },
		{ 3600001, 0, 0, "a time-out of more than an hour" },
		{ EVERYTHING, 0, 0, "a time-out of 2^32-1 ms" },
		{ 0, 1, 0, "a byte of memory" },
		{ 0, MIB - 1, 0, "memory of a byte less than 1 MiB" },
		{ 0, 65536 * MIB + 1, 0, "memory of a byte more than 64 GiB" },
		{ 0, UINT64_MAX, 0, "memory of 2^64-1 bytes" },
		{ 0, 0, 1, "a portion of one sector" },
		{ 0, 0, 2047, "a portion of 2047 sectors" },
		{ 0, 0, (1ull << 31) + 1, "a portion of more than 2^31 sectors" },
		{ 0, 0, UINT64_MAX, "a portion of 2^64-1 sectors" },
		{ 0, 0, (1ull << 32) + 4096, "a portion of 2^32 sectors and a few" },
		{ 99, 8 * MIB, 4096, "a wrong time-out beside two limits that are right" },
		{ 500, 1, 4096, "wrong memory beside two limits that are right" },
		{ 500, 8 * MIB, 1, "a wrong portion beside two limits that are right" },
	};
	size_t i;

	for (i = 0; i < COUNT(wrong); i++)
		answers(set_limits(id, wrong[i].timeout_ms, wrong[i].memory, wrong[i].portion),
			-EINVAL, "%s", wrong[i].words);
}

static void within_bounds(struct abi_uuid id)
{
	answers(set_limits(id, 100, MIB, 2048), 0, "the least of all");
	fact(are_limits(id, 100, MIB, 2048), "is what SNAPSHOT_INFO then tells");
	answers(set_limits(id, 3600000, 65536 * MIB, 1ull << 31), 0, "the most of all");
	fact(are_limits(id, 3600000, 65536 * MIB, 1ull << 31), "likewise");
	answers(set_limits(id, 700, 0, 0), 0, "a time-out alone");
	fact(are_limits(id, 700, 65536 * MIB, 1ull << 31), "leaves the other limits");
	answers(set_limits(id, 0, 8 * MIB + 1, 0), 0, "memory alone");
	fact(are_limits(id, 700, 8 * MIB + 1, 1ull << 31), "leaves the other limits");
	answers(set_limits(id, 0, 0, 4099), 0, "a portion alone");
	fact(are_limits(id, 700, 8 * MIB + 1, 4099), "leaves the other limits");
	answers(set_limits(id, 0, 0, 0), 0, "no limit");
	fact(are_limits(id, 700, 8 * MIB + 1, 4099), "leaves all");
}

/* The parameters, while it was created and later. */
static struct abi_uuid created_with(unsigned int timeout_ms, unsigned int memory_mb,
				    unsigned int portion)
{
	unsigned int usual_timeout = parameter("storage_timeout_ms");
	unsigned int usual_memory = parameter("memory_budget_mb");
	unsigned int usual_portion = parameter("diff_storage_minimum");
	struct abi_uuid id;

	set_parameter("storage_timeout_ms", timeout_ms);
	set_parameter("memory_budget_mb", memory_mb);
	set_parameter("diff_storage_minimum", portion);
	id = new_snapshot(&on.a);
	set_parameter("storage_timeout_ms", usual_timeout);
	set_parameter("memory_budget_mb", usual_memory);
	set_parameter("diff_storage_minimum", usual_portion);
	return id;
}

/* The sectors that the next event asks for, or the negative errno. */
static long requested(struct abi_uuid id)
{
	struct abi_low_free_space data;
	struct abi_event event;
	long ret = wait_event(id, 300, &event);

	if (ret)
		return ret;
	need(event.code == EVENT_LOW_FREE_SPACE, "an event that asks for storage");
	memcpy(&data, event.data, sizeof(data));
	return data.requested;
}

/* A portion of 1 MiB: with 0.5 MiB written of 1 MiB that was given, an event. */
static void in_effect(struct abi_uuid id)
{
	answers(requested(id), 6144, "the first event asks for what the parameter said");
	need(!append_range(id, on.storage.dev, 0, 2048) && !take(id), "a take");
	need(!write_backwards(&on.a, 0, 120, 1), "writes");
	answers(requested(id), -ENOENT, "none while more than half of the new portion is free");
	need(!write_backwards(&on.a, 120, 16, 1), "writes");
	answers(requested(id), 2048, "the next asks for the new portion");
}

static void too_late(struct abi_uuid id)
{
	answers(set_limits(id, 500, 0, 0), -EALREADY, "a snapshot that was taken");
	answers(set_limits(id, 0, 0, 0), -EALREADY, "even without a limit");
	answers(set_limits(id, 1, 0, 0), -EINVAL, "a limit out of bounds is told first");
	fact(are_limits(id, 700, 8 * MIB, 2048), "its limits are what they were");
}

void facts_of_limits(void)
{
	struct abi_uuid id, other;

	about("SNAPSHOT_SET_LIMITS");
	answers(set_limits(NO_SNAPSHOT, 500, 0, 0), -ESRCH, "no snapshot");
	id = created_with(900, 3, 6144);
	fact(are_limits(id, 900, 3 * MIB, 6144), "limits are the parameters as of CREATE");
	reserved(id);
	out_of_bounds(id);
	fact(are_limits(id, 900, 3 * MIB, 6144), "nothing is changed by all these");
	other = new_snapshot(&on.b);
	within_bounds(id);
	fact(are_limits(other, 30000, 64 * MIB, 2097152), "another snapshot keeps its own");
	fact(parameter("storage_timeout_ms") == 30000 && parameter("memory_budget_mb") == 64 &&
	     parameter("diff_storage_minimum") == 2097152, "and so do the parameters");
	end_snapshot(other, &on.b);
	need(!set_limits(id, 0, 8 * MIB, 2048), "other limits");
	in_effect(id);
	too_late(id);
	end_snapshot(id, &on.a);
	answers(set_limits(id, 500, 0, 0), -ESRCH, "after the snapshot was destroyed");
}
