// SPDX-License-Identifier: GPL-2.0-only
/*
 * life: originals that are removed, and unloading the module.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"
#include "facts.h"
#include "groups.h"

static char block[4096] __attribute__((aligned(4096)));

static void remove_device(const struct device *device)
{
	run("dmsetup remove --retry %s", device->path);
}

static void until_untracked(struct abi_dev dev)
{
	unsigned int tries;

	for (tries = 0; tries < 100 && find_tracker(dev, NULL); tries++)
		sleep_ms(50);
}

static void while_new(void)
{
	const struct device *device = &on.going[0];
	struct abi_uuid id = new_with_storage(device);

	remove_device(device);
	until_untracked(device->dev);
	fact(!find_tracker(device->dev, NULL), "an original that was removed leaves the list");
	answers(tracker_remove(device->dev), -ENXIO, "TRACKER_REMOVE of it is ENXIO");
	answers(mark_range(device->dev, 0, 1), -ENXIO, "TRACKER_MARK_DIRTY_BLOCKS likewise");
	answers(take(id), -ENODEV, "SNAPSHOT_TAKE of it is ENODEV");
	answers(destroy(id), -ENODEV, "and destroys the snapshot");
}

static void while_taken(void)
{
	const struct device *device = &on.going[1];
	struct abi_uuid id;
	uint8_t byte;
	int image;

	need(!write_blocks(device, 0, 2, 0x11), "contents");
	id = new_taken(device);
	need(!write_blocks(device, 0, 1, 0x22), "an overwrite");
	image = open_image(id);
	remove_device(device);
	until_untracked(device->dev);
	fact(pread(image, block, 4096, 0) == 4096 && is_all(block, 0x11, 4096),
	     "an image of it still has what was saved");
	fact(pread(image, block, 4096, 4096) < 0 && errno == EIO,
	     "and is EIO where nothing was saved");
	answers(read_map(device->dev, 0, 1, &byte), -ENXIO, "TRACKER_READ_CBT_MAP of it is ENXIO");
	close(image);
	answers(destroy(id), 0, "SNAPSHOT_DESTROY cleans up");
}

/* As rmmod does. 0 or -errno. */
static long unload(void)
{
	return syscall(SYS_delete_module, "blksnap", O_NONBLOCK) ? -errno : 0;
}

static void reopen(void)
{
	node = open("/dev/blksnap", O_RDONLY | O_CLOEXEC);
	need(node >= 0, "the control node");
}

static void unloading(void)
{
	struct abi_uuid id;
	int image;

	answers(unload(), -EWOULDBLOCK, "unloading is refused while the node is open");
	id = new_with_storage(&on.a);
	close(node);
	answers(unload(), -EWOULDBLOCK, "and while there is a snapshot");
	reopen();
	need(!take(id), "a take");
	image = open_image(id);
	close(node);
	answers(unload(), -EWOULDBLOCK, "taken or not");
	reopen();
	need(!destroy(id), "the end of a snapshot");
	close(node);
	answers(unload(), -EWOULDBLOCK, "and while an image is open");
	close(image);
	reopen();
	fact(tracker_count() == 1, "with a tracker");
	close(node);
	answers(unload(), 0, "it is not");
	fact(access("/dev/blksnap", F_OK) < 0, "and the node is gone");
	fact(access("/sys/class/blksnap", F_OK) < 0, "and its class");
}

void facts_of_life(void)
{
	about("life");
	while_new();
	while_taken();
	unloading();
}
