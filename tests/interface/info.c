// SPDX-License-Identifier: GPL-2.0-only
/*
 * info: the state of a snapshot.
 */
#include <errno.h>
#include <string.h>

#include "calls.h"
#include "facts.h"
#include "groups.h"
#include "memory.h"

static void reserved(struct abi_uuid id)
{
	struct abi_info arg;
	unsigned int bit, word;

	for (bit = 0; bit < 32; bit += 31) {
		arg = (struct abi_info){ .id = id, .flags = 1u << bit };
		answers(call(ABI_INFO, &arg), -EINVAL, "flag %u", bit);
	}
	for (word = 0; word < 8; word++) {
		arg = (struct abi_info){ .id = id };
		arg.reserved[word] = word & 1 ? 1ull << 63 : 1;
		answers(call(ABI_INFO, &arg), -EINVAL, "reserved word %u", word);
	}
}

/* An array is filled as far as there is room; a count without one is no room. */
static void arrays(struct abi_uuid id)
{
	struct abi_info_image images[3];
	struct abi_info_range ranges[3];
	struct abi_info arg = { .id = id, .image_count = EVERYTHING, .range_count = EVERYTHING };

	answers(call(ABI_INFO, &arg), 0, "counts without arrays");
	fact(arg.image_count == 2 && arg.range_count == 2, "become the numbers there are");
	memset(images, 0xaa, sizeof(images));
	memset(ranges, 0xaa, sizeof(ranges));
	arg.image_count = arg.range_count = 1;
	arg.images = (uintptr_t)images;
	arg.ranges = (uintptr_t)ranges;
	answers(call(ABI_INFO, &arg), 0, "room for one");
	fact(arg.image_count == 2 && arg.range_count == 2, "counts say how many there are");
	fact(same_dev(images[0].origin, on.b.dev) && ranges[0].offset == 8 &&
	     ranges[0].count == 16 && same_dev(ranges[0].dev, on.storage.dev),
	     "the first of each is told");
	fact(is_all(images + 1, 0xaa, sizeof(*images)) && is_all(ranges + 1, 0xaa, sizeof(*ranges)),
	     "and nothing written beyond the room");
	arg.image_count = arg.range_count = EVERYTHING;
	answers(call(ABI_INFO, &arg), 0, "counts of 2^32-1");
	fact(same_dev(images[1].origin, on.a.dev) && ranges[1].offset == 64 &&
	     is_all(images + 2, 0xaa, sizeof(*images)) && is_all(ranges + 2, 0xaa, sizeof(*ranges)),
	     "write what there is, and no more");
	arg.image_count = 0;
	arg.images = 8;
	answers(call(ABI_INFO, &arg), 0, "an array without room is not touched");
	arg.image_count = 1;
	answers(call(ABI_INFO, &arg), -EFAULT, "images to nowhere");
	arg.images = UINT64_MAX - 4095;
	arg.image_count = 1;
	answers(call(ABI_INFO, &arg), -EFAULT, "images to the end of all addresses");
	arg.images = (uintptr_t)images | 1ull << 63;
	answers(call(ABI_INFO, &arg), -EFAULT, "an address of which only the lower half is right");
	arg.images = (uintptr_t)read_only(images, sizeof(images));
	answers(call(ABI_INFO, &arg), -EFAULT, "images to what cannot be written");
	arg.images = 0;
	arg.ranges = (uintptr_t)no_access();
	arg.range_count = 1;
	answers(call(ABI_INFO, &arg), -EFAULT, "ranges to what cannot be touched");
}

static void while_new(struct abi_uuid id)
{
	struct abi_info_image image;
	struct abi_info arg = { .id = id, .image_count = 1, .images = (uintptr_t)&image };

	answers(call(ABI_INFO, &arg), 0, "a snapshot only created");
	fact(arg.state == STATE_NEW && !arg.error, "its state is new");
	fact(!image.image.mj && !image.image.mn && !image.name[0] && !image.snap_number,
	     "it has no image yet");
	fact(image.capacity == on.b.sectors, "the capacity is the device's");
	fact(is_zero(image.reserved, sizeof(image.reserved)) && !image.flags &&
	     is_zero(arg.reserved, sizeof(arg.reserved)) && !arg.flags,
	     "what is reserved is zero");
}

static void while_taken(struct abi_uuid id)
{
	struct abi_info_image image;
	struct abi_info arg = { .id = id, .image_count = 1, .images = (uintptr_t)&image };
	struct abi_cbt_info entry;

	need(!write_backwards(&on.b, 3, 2, 7), "a write");
	answers(call(ABI_INFO, &arg), 0, "a snapshot taken");
	fact(arg.state == STATE_TAKEN && !arg.error, "its state is taken");
	fact(find_tracker(on.b.dev, &entry) && image.snap_number == entry.snap_number &&
	     same_id(&image.generation, &entry.generation),
	     "number and generation are those of the tracker");
	fact(!strncmp(image.name, "blksnap-image", 13) && same_dev(image.image, image_of(id)),
	     "it names the image");
	fact(is_zero(image.name + strlen(image.name), sizeof(image.name) - strlen(image.name)),
	     "and zeros follow the name");
	fact(arg.storage == 24 && arg.copied == 8192 && arg.held >= 1 && arg.held <= 2,
	     "it counts what was copied, and the writes held");
}

void facts_of_info(void)
{
	struct abi_dev devs[2] = { on.b.dev, on.a.dev };
	struct abi_range ranges[2] = { { 8, 16 }, { 64, 8 } };
	struct abi_uuid id;
	struct abi_info arg;

	about("SNAPSHOT_INFO");
	answers(info(NO_SNAPSHOT, &arg), -ESRCH, "no snapshot");
	need(!create(devs, 2, &id) && !append(id, on.storage.dev, ranges, 2), "a snapshot");
	reserved(id);
	arrays(id);
	while_new(id);
	need(!take(id), "a take");
	while_taken(id);
	need(!destroy(id), "the end of a snapshot");
	answers(info(id, &arg), -ESRCH, "after the snapshot was destroyed");
	need(!tracker_remove(on.a.dev) && !tracker_remove(on.b.dev), "the end of tracking");
}
