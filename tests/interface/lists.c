// SPDX-License-Identifier: GPL-2.0-only
/*
 * lists: of snapshots, and of a snapshot's images.
 */
#include <errno.h>
#include <string.h>

#include "calls.h"
#include "facts.h"
#include "groups.h"
#include "memory.h"

static void of_snapshots(void)
{
	struct abi_uuid ids[3], first, second;
	struct abi_collect arg;
	uint32_t count = 9;

	about("SNAPSHOT_COLLECT");
	answers(collect(&count, NULL), 0, "NULL asks for the number");
	answers(count, 0, "which is 0 at first");
	count = 3;
	answers(collect(&count, ids), 0, "an empty list is no error");
	answers(count, 0, "and has no entries");
	first = new_snapshot(&on.b);
	second = new_snapshot(&on.a);
	memset(&arg, 0xaa, sizeof(arg));
	arg.count = EVERYTHING;
	arg.ids = NULL;
	answers(call(ABI_COLLECT, &arg), 0, "NULL asks for the number, whatever the count");
	answers(arg.count, 2, "which is that of snapshots");
	fact(is_zero((char *)&arg + 4, offsetof(struct abi_collect, ids) - 4),
	     "padding of the reply is zero");
	for (count = 0; count < 2; ) {
		uint32_t room = count;

		memset(ids, 0xaa, sizeof(ids));
		answers(collect(&count, ids), -ENODATA, "an array of %u for 2 is too small", room);
		answers(count, 2, "and count says how many");
		fact(is_all(ids + room, 0xaa, sizeof(*ids)), "beyond the array nothing is written");
		count = room + 1;
	}
	memset(ids, 0xaa, sizeof(ids));
	answers(collect(&count, ids), 0, "an array of 2 for 2 will do");
	fact(same_id(&ids[0], &first) && same_id(&ids[1], &second), "in order of creation");
	count = EVERYTHING;
	answers(collect(&count, ids), 0, "a count of 2^32-1 will do");
	answers(count, 2, "and becomes the number of entries");
	fact(is_all(ids + 2, 0xaa, sizeof(*ids)), "behind the last entry nothing is written");
	answers(collect(&count, (void *)8), -ENODATA, "an array that is not there");
	count = 2;
	answers(collect(&count, read_only(ids, sizeof(ids))), -ENODATA,
		"an array that cannot be written");
	count = 2;
	answers(collect(&count, straddling(ids, 32, 31)), -ENODATA,
		"an array whose last byte is not there");
	end_snapshot(second, &on.a);
	end_snapshot(first, &on.b);
}

static void while_new(struct abi_uuid id)
{
	struct abi_image_info infos[3];
	uint32_t count = 0;

	answers(collect_images(id, &count, NULL), -ENODEV, "one that was not taken");
	answers(count, 2, "count says how many devices");
	count = 3;
	memset(infos, 0xaa, sizeof(infos));
	answers(collect_images(id, &count, infos), -ENODEV, "also with an array");
	answers(count, 2, "likewise");
	fact(is_all(infos, 0xaa, sizeof(infos)), "which is left alone");
}

static void while_taken(struct abi_uuid id)
{
	struct abi_collect_images arg;
	struct abi_image_info infos[3];
	uint32_t count;

	memset(&arg, 0xaa, sizeof(arg));
	arg.id = id;
	arg.array = NULL;
	answers(call(ABI_COLLECT_IMAGES, &arg), 0, "NULL asks for the number, whatever the count");
	answers(arg.count, 2, "which is that of devices");
	fact(is_zero((char *)&arg + 20, offsetof(struct abi_collect_images, array) - 20),
	     "padding of the reply is zero");
	for (count = 0; count < 2; ) {
		uint32_t room = count;

		memset(infos, 0xaa, sizeof(infos));
		answers(collect_images(id, &count, infos), -ENODATA,
			"an array of %u for 2 is too small", room);
		answers(count, 2, "and count says how many");
		fact(is_all(infos + room, 0xaa, sizeof(*infos)),
		     "beyond the array nothing is written");
		count = room + 1;
	}
	count = EVERYTHING;
	memset(infos, 0xaa, sizeof(infos));
	answers(collect_images(id, &count, infos), 0, "a count of 2^32-1 will do");
	answers(count, 2, "and becomes the number of entries");
	fact(same_dev(infos[0].origin, on.b.dev) && same_dev(infos[1].origin, on.a.dev),
	     "in the order of CREATE");
	fact(!same_dev(infos[0].image, infos[1].image) &&
	     infos[0].image.mj == infos[1].image.mj, "each with an image of its own");
	fact(is_all(infos + 2, 0xaa, sizeof(*infos)), "behind the last entry nothing is written");
	answers(collect_images(id, &count, (void *)8), -ENODATA, "an array that is not there");
	count = 2;
	answers(collect_images(id, &count, read_only(infos, sizeof(infos))), -ENODATA,
		"an array that cannot be written");
	count = 2;
	answers(collect_images(id, &count, straddling(infos, 32, 31)), -ENODATA,
		"an array whose last byte is not there");
}

static void of_images(void)
{
	struct abi_dev devs[2] = { on.b.dev, on.a.dev };
	uint32_t count = 5;
	struct abi_uuid id;

	about("SNAPSHOT_COLLECT_IMAGES");
	answers(collect_images(NO_SNAPSHOT, &count, NULL), -ESRCH, "no snapshot");
	answers(count, 5, "count stays as it was");
	need(!create(devs, 2, &id) && !append_range(id, on.storage.dev, 0, 8192), "a snapshot");
	while_new(id);
	need(!take(id), "a take");
	while_taken(id);
	need(!destroy(id), "the end of a snapshot");
	answers(collect_images(id, &count, NULL), -ESRCH, "after the snapshot was destroyed");
	need(!tracker_remove(on.a.dev) && !tracker_remove(on.b.dev), "the end of tracking");
}

void facts_of_lists(void)
{
	of_snapshots();
	of_images();
}
