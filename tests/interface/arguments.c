// SPDX-License-Identifier: GPL-2.0-only
/*
 * arguments: what every call does with its fixed argument, be it nowhere, half
 * there, or read-only; and who may call.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"
#include "facts.h"
#include "groups.h"
#include "memory.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

struct argument {
	const char *name;
	unsigned long number;
	size_t size;
	long unreachable;	/* the answer if it cannot be read or written */
	bool is_answered;	/* it is written, so it must be writable */
	long absent;		/* the answer for a device or snapshot that is not there */
};

static const struct argument arguments[] = {
	{ "VERSION", ABI_VERSION, sizeof(struct abi_version), -ENODATA, true, 0 },
	{ "TRACKER_REMOVE", ABI_TRACKER_REMOVE,
	  sizeof(struct abi_tracker_remove), -ENODATA, false, -ENXIO },
	{ "TRACKER_COLLECT", ABI_TRACKER_COLLECT,
	  sizeof(struct abi_tracker_collect), -ENODATA, true, 0 },
	{ "TRACKER_READ_CBT_MAP", ABI_READ_CBT_MAP,
	  sizeof(struct abi_read_map), -ENODATA, false, -ENXIO },
	{ "TRACKER_MARK_DIRTY_BLOCKS", ABI_MARK_DIRTY,
	  sizeof(struct abi_mark_dirty), -ENODATA, false, -EINVAL },
	{ "SNAPSHOT_CREATE", ABI_CREATE,
	  sizeof(struct abi_create), -ENODATA, true, -EINVAL },
	{ "SNAPSHOT_DESTROY", ABI_DESTROY,
	  sizeof(struct abi_id), -ENODATA, false, -ENODEV },
	{ "SNAPSHOT_APPEND_STORAGE", ABI_APPEND_STORAGE,
	  sizeof(struct abi_append_storage), -EINVAL, false, -ESRCH },
	{ "SNAPSHOT_TAKE", ABI_TAKE, sizeof(struct abi_id), -ENODATA, false, -ESRCH },
	{ "SNAPSHOT_COLLECT", ABI_COLLECT,
	  sizeof(struct abi_collect), -ENODATA, true, 0 },
	{ "SNAPSHOT_COLLECT_IMAGES", ABI_COLLECT_IMAGES,
	  sizeof(struct abi_collect_images), -ENODATA, true, -ESRCH },
	{ "SNAPSHOT_WAIT_EVENT", ABI_WAIT_EVENT,
	  sizeof(struct abi_event), -EINVAL, true, -ESRCH },
	{ "SNAPSHOT_APPEND_FILE", ABI_APPEND_FILE,
	  sizeof(struct abi_append_file), -EFAULT, true, -ESRCH },
	{ "SNAPSHOT_INFO", ABI_INFO, sizeof(struct abi_info), -EFAULT, true, -ESRCH },
	{ "TRACKER_CHANGED_RANGES", ABI_CHANGED_RANGES,
	  sizeof(struct abi_changed_ranges), -EFAULT, true, -EINVAL },
	{ "SNAPSHOT_SET_LIMITS", ABI_SET_LIMITS,
	  sizeof(struct abi_set_limits), -EFAULT, false, -ESRCH },
	{ "TRACKER_INFO", ABI_TRACKER_INFO,
	  sizeof(struct abi_tracker_info), -EFAULT, true, -ENODEV },
};

static void unreachable(const struct argument *arg)
{
	static const char *const words[NOWHERE_COUNT] = {
		"NULL", "in the first page", "in the last page", "in a page without access",
	};
	static const char zeros[4096];
	unsigned int i;

	about(arg->name);
	for (i = 0; i < NOWHERE_COUNT; i++)
		answers(call(arg->number, nowhere(i)), arg->unreachable,
			"an argument %s is refused", words[i]);
	for (i = 0; i < 2; i++)
		answers(call(arg->number, straddling(zeros, arg->size,
						     i ? 1 : arg->size - 1)),
			arg->unreachable, "an argument of which %s there is refused",
			i ? "only the first byte is" : "all but the last byte is");
}

/* No more is asked of memory than that it is there, at any address. */
static void absent(const struct argument *arg)
{
	char bytes[sizeof(struct abi_event) + 1] = { 0 };

	/* The first member of those that are about a device. */
	if (arg->absent == -ENXIO)
		memcpy(bytes + 1, &NO_DEVICE, sizeof(NO_DEVICE));
	about(arg->name);
	answers(call(arg->number, bytes + 1), arg->absent,
		"an argument at an odd address is as good as any");
	if (arg->is_answered)
		memset(bytes, 0, sizeof(bytes));
	answers(call(arg->number, read_only(bytes + 1, arg->size)),
		arg->is_answered ? arg->unreachable : arg->absent,
		arg->is_answered ? "an argument that cannot be written is refused" :
				   "an argument that can only be read will do");
}

/* What has an effect must not have it if it cannot tell of it. */
static void not_writable(void)
{
	struct abi_create creation = { 1, &on.a.dev, NO_SNAPSHOT };
	struct abi_event event = { .timeout_ms = 0 };
	struct abi_uuid id;

	about("SNAPSHOT_CREATE");
	answers(call(ABI_CREATE, read_only(&creation, sizeof(creation))), -ENODATA,
		"a good argument that cannot be written is refused");
	answers(snapshot_count(), 0, "and no snapshot is made for it");
	answers(tracker_count(), 0, "nor a tracker");
	id = new_snapshot(&on.a);
	about("SNAPSHOT_WAIT_EVENT");
	event.id = id;
	answers(call(ABI_WAIT_EVENT, read_only(&event, sizeof(event))), -EINVAL,
		"a good argument that cannot be written is refused");
	answers(wait_event(id, 0, NULL), 0, "and the event is still there");
	end_snapshot(id, &on.a);
}

/* In effect or not; raw, as the C library has no word for it. */
static void set_admin(bool is_admin)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	need(!syscall(SYS_capget, &header, data), "our capabilities");
	if (is_admin)
		data[0].effective |= 1u << CAP_SYS_ADMIN;
	else
		data[0].effective &= ~(1u << CAP_SYS_ADMIN);
	need(!syscall(SYS_capset, &header, data), "other capabilities");
}

static void without_capability(void)
{
	char zeros[sizeof(struct abi_event)] = { 0 };
	long good, nowhere_at_all, unknown;
	size_t i;

	for (i = 0; i < COUNT(arguments); i++) {
		set_admin(false);
		good = call(arguments[i].number, zeros);
		nowhere_at_all = call(arguments[i].number, NULL);
		unknown = call(arguments[i].number ^ 0x20, zeros);
		set_admin(true);
		about(arguments[i].name);
		answers(good, -EPERM, "without CAP_SYS_ADMIN it is refused, the node open or not");
		answers(nowhere_at_all, -EPERM, "then the argument does not matter");
		answers(unknown, -ENOTTY, "nor does it help that a number is unknown");
	}
}

void facts_of_arguments(void)
{
	size_t i;

	for (i = 0; i < COUNT(arguments); i++) {
		unreachable(&arguments[i]);
		absent(&arguments[i]);
	}
	not_writable();
	without_capability();
}
