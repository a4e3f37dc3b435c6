// SPDX-License-Identifier: GPL-2.0-only
/*
 * calls: the calls of the interface as functions.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "calls.h"

struct setting on;
int node;

long call(unsigned long number, void *arg)
{
	int ret = ioctl(node, number, arg);

	return ret < 0 ? -errno : ret;
}

long tracker_remove(struct abi_dev dev)
{
	struct abi_tracker_remove arg = { dev };

	return call(ABI_TRACKER_REMOVE, &arg);
}

long tracker_collect(uint32_t *count, void *array)
{
	struct abi_tracker_collect arg = { *count, array };
	long ret = call(ABI_TRACKER_COLLECT, &arg);

	*count = arg.count;
	return ret;
}

long read_map(struct abi_dev dev, uint32_t offset, uint32_t length, void *to)
{
	struct abi_read_map arg = { dev, offset, length, to };

	return call(ABI_READ_CBT_MAP, &arg);
}

long mark_dirty(struct abi_dev dev, const void *ranges, uint32_t count)
{
	struct abi_mark_dirty arg = { dev, count, (void *)ranges };

	return call(ABI_MARK_DIRTY, &arg);
}

long mark_range(struct abi_dev dev, uint64_t offset, uint64_t count)
{
	struct abi_range range = { offset, count };

	return mark_dirty(dev, &range, 1);
}

long create(const void *devs, uint32_t count, struct abi_uuid *id)
{
	struct abi_create arg = { count, (void *)devs, NO_SNAPSHOT };
	long ret = call(ABI_CREATE, &arg);

	if (id)
		*id = arg.id;
	return ret;
}

long destroy(struct abi_uuid id)
{
	struct abi_id arg = { id };

	return call(ABI_DESTROY, &arg);
}

long append(struct abi_uuid id, struct abi_dev dev, const void *ranges, uint32_t count)
{
	struct abi_append_storage arg = { id, dev, count, (void *)ranges };

	return call(ABI_APPEND_STORAGE, &arg);
}

long append_range(struct abi_uuid id, struct abi_dev dev, uint64_t offset, uint64_t count)
{
	struct abi_range range = { offset, count };

	return append(id, dev, &range, 1);
}

long take(struct abi_uuid id)
{
	struct abi_id arg = { id };

	return call(ABI_TAKE, &arg);
}

long collect(uint32_t *count, void *ids)
{
	struct abi_collect arg = { *count, ids };
	long ret = call(ABI_COLLECT, &arg);

	*count = arg.count;
	return ret;
}

long collect_images(struct abi_uuid id, uint32_t *count, void *array)
{
	struct abi_collect_images arg = { id, *count, array };
	long ret = call(ABI_COLLECT_IMAGES, &arg);

	*count = arg.count;
	return ret;
}

long wait_event(struct abi_uuid id, uint32_t ms, struct abi_event *event)
{
	struct abi_event own;

	if (!event)
		event = &own;
	memset(event, 0xaa, sizeof(*event));
	event->id = id;
	event->timeout_ms = ms;
	return call(ABI_WAIT_EVENT, event);
}

long append_file(struct abi_uuid id, int fd, struct abi_append_file *arg)
{
	struct abi_append_file own;

	if (!arg)
		arg = &own;
	memset(arg, 0, sizeof(*arg));
	arg->id = id;
	arg->fd = fd;
	return call(ABI_APPEND_FILE, arg);
}

long info(struct abi_uuid id, struct abi_info *arg)
{
	memset(arg, 0, sizeof(*arg));
	arg->id = id;
	return call(ABI_INFO, arg);
}

long changed_ranges(struct abi_changed_ranges *arg)
{
	return call(ABI_CHANGED_RANGES, arg);
}

long set_limits(struct abi_uuid id, uint32_t timeout_ms, uint64_t memory, uint64_t portion)
{
	struct abi_set_limits arg = {
		.id = id,
		.timeout_ms = timeout_ms,
		.memory = memory,
		.portion = portion,
	};

	return call(ABI_SET_LIMITS, &arg);
}

/* What the call fills is not zero before: a member that it forgets is seen. */
long tracker_info(struct abi_dev dev, struct abi_tracker_info *arg)
{
	memset(arg, 0xaa, sizeof(*arg));
	arg->dev = dev;
	arg->flags = 0;
	memset(arg->reserved, 0, sizeof(arg->reserved));
	return call(ABI_TRACKER_INFO, arg);
}
