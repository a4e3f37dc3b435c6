// SPDX-License-Identifier: GPL-2.0-only
/*
 * storage: giving ranges of devices. All or nothing: what a refused call gave is
 * seen in the sum of SNAPSHOT_INFO.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "calls.h"
#include "facts.h"
#include "groups.h"
#include "memory.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static void bad_arrays(struct abi_uuid id)
{
	struct abi_range two[2] = { { 0, 8 }, { 8, 8 } };

	answers(append(NO_SNAPSHOT, on.storage.dev, two, 1), -ESRCH, "no snapshot");
	answers(append(id, on.storage.dev, two, 0), -EINVAL, "no range");
	answers(append(id, NO_DEVICE, two, 1), -ENXIO, "no device");
	answers(append(id, (struct abi_dev){ 4096, 0 }, two, 1), -ENXIO,
		"a major number that no device can have");
	answers(append(id, (struct abi_dev){ 0, 1 << 20 }, two, 1), -ENXIO,
		"a minor number that no device can have");
	answers(append(id, on.storage.dev, NULL, 1), -EINVAL, "an array NULL");
	answers(append(id, on.storage.dev, no_access(), 1), -EINVAL, "an array without access");
	answers(append(id, on.storage.dev, straddling(two, 32, 31), 2), -EINVAL,
		"an array whose last byte is not there");
	answers(append(id, on.storage.dev, two, EVERYTHING), -ENOMEM, "2^32-1 ranges");
	answers(append(id, on.storage.dev, two, 1u << 28), -ENOMEM, "2^28 ranges, 4 GiB");
	answers(storage_of(id), 0, "nothing is given by all these");
}

/* Each alone, and behind and before a good one. */
static void bad_ranges(struct abi_uuid id)
{
	const uint64_t end = on.storage.sectors;
	const struct {
		const char *words;
		struct abi_range range;
	} wrong[] = {
		{ "an empty range", { 64, 0 } },
		{ "a range at the end", { end, 8 } },
		{ "a range past the end", { end + 8, 8 } },
		{ "a range that reaches a sector past the end", { end - 8, 9 } },
		{ "a range that is a sector too long", { 0, end + 1 } },
		{ "the longest range there is", { 0, UINT64_MAX } },
		{ "the last range there is", { UINT64_MAX - 7, 7 } },
		{ "a range whose end is 2^64", { UINT64_MAX - 7, 8 } },
		{ "a range whose end wraps to a good place", { 64, UINT64_MAX - 7 } },
		{ "a range whose bytes are more than 2^64", { 1ull << 55, 8 } },
	};
	struct abi_range both[3] = { { 0, 8 }, { 0, 0 }, { 8, 8 } };
	size_t i;

	for (i = 0; i < COUNT(wrong); i++) {
		both[1] = wrong[i].range;
		answers(append(id, on.storage.dev, both + 1, 1), -EINVAL, "%s", wrong[i].words);
		answers(append(id, on.storage.dev, both, 3), -EINVAL, "and among good ones");
	}
	answers(storage_of(id), 0, "nothing is given by all these");
}

static void rounding(struct abi_uuid id)
{
	struct abi_range two[2] = { { 65, 7 }, { 73, 16 } };
	struct abi_info_range range;
	struct abi_info arg = { .id = id, .range_count = 1, .ranges = (uintptr_t)&range };

	answers(append_range(id, on.storage.dev, 1, 7), -EINVAL, "nothing left after rounding");
	answers(append(id, on.storage.dev, two, 1), -EINVAL, "nor of this");
	answers(storage_of(id), 0, "nothing is given");
	answers(append(id, on.storage.dev, two, 2), 0, "nothing left of one, but of another");
	fact(!call(ABI_INFO, &arg) && arg.range_count == 1 && arg.storage == 8 &&
	     range.offset == 80 && range.count == 8, "a range is rounded inward to 4 KiB");
	answers(append_range(id, on.storage.dev, 80, 8), -EINVAL, "what was given already");
	answers(append_range(id, on.storage.dev, 88, 8), -EINVAL, "overlapping by a sector");
	answers(append_range(id, on.storage.dev, 0, 1024), -EINVAL, "with what was given inside");
	answers(append_range(id, on.storage.dev, 82, 2), -EINVAL, "a part of it");
	two[0] = (struct abi_range){ 83, 1 };
	two[1] = (struct abi_range){ 512, 8 };
	answers(append(id, on.storage.dev, two, 2), -EINVAL,
		"a part of it too small to be used, and another range");
	two[0] = (struct abi_range){ 512, 16 };
	two[1] = (struct abi_range){ 520, 8 };
	answers(append(id, on.storage.dev, two, 2), -EINVAL, "ranges that overlap each other");
	two[1] = (struct abi_range){ 526, 1 };
	answers(append(id, on.storage.dev, two, 2), -EINVAL,
		"also where one of them is too small to be used");
	answers(storage_of(id), 8, "nothing is given by all these");
	two[1] = (struct abi_range){ 528, 8 };
	answers(append(id, on.storage.dev, two, 2), 0, "ranges beside each other");
	answers(append_range(id, on.storage.dev, on.storage.sectors - 8, 8), 0, "the last sectors");
	answers(storage_of(id), 40, "these are given");
}

/* 0, or 1 to make it read-only. */
static void set_read_only(const struct device *device, int value)
{
	int fd = open(device->path, O_RDONLY | O_CLOEXEC);

	need(fd >= 0 && !ioctl(fd, BLKROSET, &value), "to make %s read-only", device->path);
	close(fd);
}

static void bad_devices(struct abi_uuid id)
{
	struct abi_uuid other = new_snapshot(&on.b);

	answers(append_range(id, on.above.dev, 0, 8), -EINVAL,
		"a device above one of another snapshot");
	answers(append_range(other, on.above.dev, 0, 8), -EINVAL,
		"a device above one of this snapshot");
	answers(append_range(id, image_of(id), 0, 8), -EINVAL, "an image");
	answers(append_range(id, on.large.dev, 0, 8), -EINVAL,
		"a device with larger blocks than one of the snapshot");
	answers(append_range(id, on.zoned.dev, 0, 8), -EINVAL, "a zoned device");
	set_read_only(&on.plain, 1);
	answers(append_range(id, on.plain.dev, 0, 8), -EINVAL, "a read-only device");
	set_read_only(&on.plain, 0);
	answers(append_range(id, on.plain.dev, 0, 8), 0, "which is fine when it is not");
	answers(append_range(other, on.plain.dev, 0, 8), -EINVAL,
		"what was given to another snapshot");
	answers(append_range(id, on.a.dev, 0, 8), 0, "the snapshotted device itself");
	answers(append_range(other, on.a.dev, 8, 8), 0, "a device of another snapshot");
	end_snapshot(other, &on.b);
}

static void large_blocks(void)
{
	struct abi_uuid id = new_snapshot(&on.large);

	answers(append_range(id, on.large.dev, 4, 12), -EINVAL, "a start within a block of 4096");
	answers(append_range(id, on.large.dev, 8, 12), -EINVAL, "an end within a block of 4096");
	answers(append_range(id, on.large.dev, 8, 8), 0, "a block of 4096");
	answers(append_range(id, on.storage.dev, 4, 20), 0, "half such blocks of another device");
	answers(storage_of(id), 24, "these are given");
	end_snapshot(id, &on.large);
}

void facts_of_storage(void)
{
	struct abi_uuid id = new_snapshot(&on.a);

	about("SNAPSHOT_APPEND_STORAGE");
	bad_arrays(id);
	bad_ranges(id);
	rounding(id);
	need(!take(id), "a take");
	answers(append_range(id, on.storage.dev, 1024, 8), 0, "also after the take");
	bad_devices(id);
	need(!destroy(id), "the end of a snapshot");
	answers(append_range(id, on.storage.dev, 0, 8), -ESRCH, "after the snapshot was destroyed");
	need(!tracker_remove(on.a.dev), "the end of tracking");
	large_blocks();
	id = new_with_storage(&on.a);
	answers(storage_of(id), on.storage.sectors & ~7ull,
		"what a snapshot had is free after its end, all of a device in a range");
	end_snapshot(id, &on.a);
}
