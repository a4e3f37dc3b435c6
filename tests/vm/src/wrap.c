// SPDX-License-Identifier: GPL-2.0-only
/*
 * wrap: takes many snapshots of one device in a row and checks all that the
 * module says about changes against a model of its own.
 *
 *	wrap DEVICE STORAGE TAKES [SEED]
 *
 * Between two takes random sectors of DEVICE are written. The model says of
 * each block in which take it was seen changed first; after every take the map
 * must tell, for the base before it and for one chosen at random of the same
 * generation, every block that was written since, and no other. Prints each
 * generation as the numbers that it went through.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libblksnap.h>

#define BLOCKS_MAX	65536
#define TAKES_MAX	4096

static int node, device;
static struct blk_snap_dev dev, storage;

/* Take @t had number[t] in generation[t]; block b was last written before it. */
static unsigned int number[TAKES_MAX], generation[TAKES_MAX];
static unsigned int last_written[BLOCKS_MAX];	/* the take that came next */

static void checked(const char *what, long result)
{
	if (result >= 0)
		return;
	fprintf(stderr, "wrap: %s: %s\n", what, strerrorname_np(-result));
	exit(1);
}

static void write_some(unsigned int next, uint32_t block_bytes, uint32_t blocks)
{
	static char sector[512] __attribute__((aligned(512)));
	unsigned int i;

	for (i = random() % 4; i; i--) {
		uint32_t block = random() % blocks;
		off_t at = (off_t)block * block_bytes + random() % (block_bytes / 512) * 512;

		memset(sector, (int)random(), sizeof(sector));
		if (pwrite(device, sector, sizeof(sector), at) != sizeof(sector))
			checked("write", -EIO);
		last_written[block] = next;
	}
}

static void take(struct blk_snap_uuid *id)
{
	struct blk_snap_block_range range = { 0, 2048 };

	checked("create", blksnap_snapshot_create(node, &dev, 1, id));
	checked("append", blksnap_snapshot_append_storage(node, id, storage, &range, 1));
	checked("take", blksnap_snapshot_take(node, id));
}

/* Is what changed from take @base to take @now what the model says? */
static void compare(unsigned int base, unsigned int now, const uint8_t *map, uint32_t blocks)
{
	uint32_t i;

	for (i = 0; i < blocks; i++) {
		int model = last_written[i] > base, module = map[i] > number[base];

		if (model == module)
			continue;
		fprintf(stderr, "wrap: take %u (%u) since %u (%u): block %u is %u, written before take %u\n",
			now, number[now], base, number[base], i, map[i], last_written[i]);
		exit(1);
	}
}

static void check(unsigned int now, struct blk_snap_cbt_info *info)
{
	static uint8_t map[BLOCKS_MAX];
	unsigned int first = now;

	checked("map", blksnap_tracker_read_cbt_map(node, dev, 0, info->blk_count, map));
	while (first > 1 && generation[first - 1] == generation[now])
		first--;
	compare(now, now, map, info->blk_count);
	if (first == now)
		return;
	compare(now - 1, now, map, info->blk_count);
	compare(first + random() % (now - first), now, map, info->blk_count);
}

int main(int argc, char **argv)
{
	struct blk_snap_uuid id, last = { { 0 } };
	struct blk_snap_cbt_info info;
	unsigned int t, takes = argc > 3 ? atoi(argv[3]) : 0;

	node = blksnap_open(NULL);
	if (argc < 4 || node < 0 || takes >= TAKES_MAX ||
	    blksnap_device_of_path(argv[1], &dev) ||
	    blksnap_device_of_path(argv[2], &storage)) {
		fprintf(stderr, "usage: wrap DEVICE STORAGE TAKES [SEED]\n");
		return 2;
	}
	device = open(argv[1], O_RDWR | O_DIRECT);
	checked(argv[1], device < 0 ? -errno : 0);
	srandom(argc > 4 ? atoi(argv[4]) : 1);

	for (t = 1; t <= takes; t++) {
		take(&id);
		checked("info", blksnap_tracker_find(node, dev, &info));
		if (info.blk_count > BLOCKS_MAX)
			checked("the device is too large", -E2BIG);
		number[t] = info.snap_number;
		generation[t] = generation[t - 1] +
				!!memcmp(&last, &info.generation_id, sizeof(last));
		if (generation[t] != generation[t - 1])
			printf("%stake %u: number %u", t > 1 ? "\n" : "", t, number[t]);
		else if (number[t] != number[t - 1] + 1)
			printf("\ntake %u: number %u out of order", t, number[t]);
		else if (t == takes)
			printf(" to %u", number[t]);
		else if (number[t] == 254)
			printf(" to 254");
		last = info.generation_id;
		check(t, &info);
		checked("destroy", blksnap_snapshot_destroy(node, &id));
		write_some(t + 1, info.blk_size, info.blk_count);
	}
	printf("\n");
	return fflush(stdout) ? 1 : 0;
}
