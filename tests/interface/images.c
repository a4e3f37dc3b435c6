// SPDX-License-Identifier: GPL-2.0-only
/*
 * images: what the block device that shows the past is like.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "calls.h"
#include "facts.h"
#include "groups.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static char block[4096] __attribute__((aligned(4096)));

static bool is_device_of(const char *path, struct abi_dev dev)
{
	char line[64];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t bytes = fd < 0 ? 0 : read(fd, line, sizeof(line) - 1);
	unsigned int mj, mn;

	if (fd >= 0)
		close(fd);
	line[bytes > 0 ? bytes : 0] = 0;
	return sscanf(line, "%u:%u", &mj, &mn) == 2 && dev.mj == mj && dev.mn == mn;
}

static void names(void)
{
	struct abi_dev devs[2] = { on.b.dev, on.a.dev };
	struct abi_image_info infos[2];
	struct abi_uuid first, second;
	uint32_t count = 2;

	need(!create(devs, 2, &first) && !append_range(first, on.storage.dev, 0, 8192) &&
	     !take(first) && !collect_images(first, &count, infos), "a take of two");
	fact(is_device_of("/sys/block/blksnap-image0/dev", infos[0].image) &&
	     is_device_of("/sys/block/blksnap-image1/dev", infos[1].image),
	     "they are blksnap-image0 and 1, in the order of CREATE");
	fact(!access("/dev/blksnap-image0", F_OK) && !access("/dev/blksnap-image1", F_OK),
	     "with nodes of these names");
	second = new_snapshot(&on.plain);
	need(!append_range(second, on.storage.dev, 8192, 8192) && !take(second), "a take");
	fact(is_device_of("/sys/block/blksnap-image2/dev", image_of(second)),
	     "the next one is blksnap-image2");
	need(!destroy(first), "the end of a snapshot");
	first = new_snapshot(&on.a);
	need(!append_range(first, on.storage.dev, 0, 8192) && !take(first), "a take");
	fact(is_device_of("/sys/block/blksnap-image0/dev", image_of(first)),
	     "the lowest free number is used again");
	end_snapshot(first, &on.a);
	end_snapshot(second, &on.plain);
	need(!tracker_remove(on.b.dev), "the end of tracking");
}

static void sizes(const struct device *device)
{
	static const struct {
		const char *name;
		unsigned long number;
	} asked[] = {
		{ "logical block size", BLKSSZGET }, { "physical block size", BLKPBSZGET },
		{ "optimal I/O size", BLKIOOPT },
	};
	struct abi_uuid id = new_taken(device);
	int image = open_image(id), origin = open(device->path, O_RDONLY | O_CLOEXEC);
	unsigned int mine, its;
	uint64_t bytes = 0;
	int is_read_only = 1;
	size_t i;

	need(!ioctl(image, BLKGETSIZE64, &bytes), "the size of an image");
	answers(bytes / 512, device->sectors, "%s: the capacity is the original's", device->path);
	for (i = 0; i < COUNT(asked); i++) {
		need(!ioctl(image, asked[i].number, &mine) &&
		     !ioctl(origin, asked[i].number, &its), "the %s", asked[i].name);
		answers(mine, its, "%s: so is the %s", device->path, asked[i].name);
	}
	fact(!ioctl(image, BLKROGET, &is_read_only) && !is_read_only,
	     "%s: it is writable", device->path);
	fact(ioctl(image, BLKRRPART) < 0 && errno == EINVAL,
	     "%s: it is not scanned for partitions", device->path);
	close(origin);
	close(image);
	end_snapshot(id, device);
}

static bool holds(int fd, unsigned int at, int byte)
{
	return pread(fd, block, 4096, at * 4096l) == 4096 && is_all(block, byte, 4096);
}

static void contents(void)
{
	struct abi_uuid id;
	int image, origin;

	need(!write_blocks(&on.a, 0, 8, 0x11), "contents");
	id = new_taken(&on.a);
	image = open_image(id);
	origin = open_direct(on.a.path, O_RDONLY);
	need(!write_blocks(&on.a, 0, 1, 0x22), "an overwrite");
	fact(holds(image, 0, 0x11) && holds(origin, 0, 0x22),
	     "it shows what the original held at the take");
	fact(holds(image, 1, 0x11), "also what was not overwritten");
	memset(block, 0x33, sizeof(block));
	answers(pwrite(image, block, 4096, 4096), 4096, "it can be written");
	fact(holds(image, 1, 0x33) && holds(origin, 1, 0x11), "which the original does not see");
	answers(fsync(image), 0, "a flush succeeds");
	need(!destroy(id), "the end of a snapshot");
fact(pread(image, block, 4096, 4096) < 0 && errno == EIO,
	     "it goes though it is open, and a read is EIO then");
	fact(pwrite(image, block, 4096, 4096) < 0 && errno == EIO, "and so is a write");
	close(image);
	id = new_taken(&on.a);
	image = open_image(id);
	fact(holds(image, 1, 0x11), "what was written to it is gone");
	close(image);
	close(origin);
	end_snapshot(id, &on.a);
}

void facts_of_images(void)
{
	about("images");
	names();
	sizes(&on.a);
	sizes(&on.large);
	sizes(&on.striped);
	contents();
}
