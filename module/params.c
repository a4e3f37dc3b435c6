// SPDX-License-Identifier: GPL-2.0-only
/*
 * params: the module's parameters.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

#include "params.h"

struct bounds {
	unsigned int *value;
	unsigned int min;
	unsigned int max;
};

static int set_within(const char *text, const struct kernel_param *param)
{
	const struct bounds *bounds = param->arg;
	unsigned int value;
	int ret;

	ret = kstrtouint(text, 0, &value);
	if (ret)
		return ret;
	if (value < bounds->min || value > bounds->max) {
		pr_err("%s must be from %u to %u\n", param->name, bounds->min,
		       bounds->max);
		return -EINVAL;
	}
	WRITE_ONCE(*bounds->value, value);
	return 0;
}

static int get_value(char *buffer, const struct kernel_param *param)
{
	const struct bounds *bounds = param->arg;

	return sysfs_emit(buffer, "%u\n", READ_ONCE(*bounds->value));
}

static const struct kernel_param_ops bounded_ops = {
	.set = set_within,
	.get = get_value,
};

#define BOUNDED(name, initial, least, most, text)				\
	unsigned int blksnap_##name = initial;					\
	static const struct bounds name##_bounds = {				\
		&blksnap_##name, least, most					\
	};									\
	module_param_cb(name, &bounded_ops, (void *)&name##_bounds, 0644);	\
	MODULE_PARM_DESC(name, text)

BOUNDED(tracking_block_minimum_shift, 16, 12, 26,
	"log2 of the smallest block of the change map, in bytes");
BOUNDED(tracking_block_maximum_count, 2097152, 1024, 1u << 28,
	"most blocks in a change map; larger devices get larger blocks");
BOUNDED(diff_storage_minimum, 2097152, DIFF_STORAGE_MINIMUM_MIN,
	DIFF_STORAGE_MINIMUM_MAX,
	"sectors of storage to ask for at a time");
BOUNDED(memory_budget_mb, 64, MEMORY_BUDGET_MB_MIN, MEMORY_BUDGET_MB_MAX,
	"MiB of saved data that may be in memory on its way to the storage, a snapshot");
BOUNDED(storage_timeout_ms, 30000, STORAGE_TIMEOUT_MS_MIN, STORAGE_TIMEOUT_MS_MAX,
	"longest time that a write waits for storage that makes no progress");
BOUNDED(take_timeout_ms, 30000, 100, 3600000,
	"longest time for each step of a take, and for older writes where tracking starts");

/*
 * Parameters of earlier implementations, so that scripts which set them still
 * load the module. What they sized does not exist here.
 */
#define IGNORED(name)								\
	static unsigned int name;						\
	module_param(name, uint, 0644);						\
	MODULE_PARM_DESC(name, "accepted for compatibility, without effect")

IGNORED(chunk_minimum_shift);
IGNORED(chunk_maximum_count);
IGNORED(chunk_maximum_in_cache);
IGNORED(free_diff_buffer_pool_size);
