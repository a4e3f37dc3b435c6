// SPDX-License-Identifier: GPL-2.0-only
/*
 * cbt_map: what is told of a map but its bytes: changes as ranges, numbers of
 * changed blocks, and why a generation began.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/err.h>
#include <linux/slab.h>

#include "unit.h"
#include "cbt_map.h"

/* 100 blocks of 4 KiB, the last one partly. */
#define SHIFT		12
#define BLOCK_SECTORS	8
#define BLOCKS		100
#define CAPACITY	((sector_t)BLOCKS * BLOCK_SECTORS - 3)
#define NO_LIMIT	2097152

static struct cbt_map *make_map(void)
{
	struct cbt_map *map = blksnap_cbt_map_alloc(CAPACITY, SHIFT, NO_LIMIT);

	assert_false(IS_ERR(map));
	return map;
}

static void take_of(struct cbt_map *map, sector_t capacity)
{
	assert_int_equal(blksnap_cbt_map_prepare(map, capacity), 0);
	blksnap_cbt_map_switch(map);
	blksnap_cbt_map_finish(map);
}

static void take(struct cbt_map *map)
{
	take_of(map, CAPACITY);
}

static void mark_blocks(struct cbt_map *map, u32 first, u32 count)
{
	blksnap_cbt_map_mark(map, (sector_t)first * BLOCK_SECTORS + 1,
			     (sector_t)count * BLOCK_SECTORS - 4);
}

static enum cbt_reason reason_of(const struct cbt_map *map)
{
	struct cbt_map_info info;

	blksnap_cbt_map_info(map, &info);
	return info.reason;
}

static void assert_range(struct sector_range range, u32 first, u32 count)
{
	assert_int_equal(range.start, (sector_t)first * BLOCK_SECTORS);
	assert_int_equal(range.count, (sector_t)count * BLOCK_SECTORS);
}

static void test_ranges(void **state)
{
	struct sector_range ranges[8];
	struct cbt_map *map = make_map();
	u32 next = 0;

	(void)state;
	mark_blocks(map, 0, 2);
	mark_blocks(map, 50, 1);
	take(map);
	mark_blocks(map, 51, 3);
	mark_blocks(map, 98, 2);
	assert_int_equal(blksnap_cbt_map_changes(map, 0, &next, BLOCKS, ranges, 8), 2);
	assert_int_equal(next, BLOCKS);
	assert_range(ranges[0], 0, 2);
	assert_range(ranges[1], 50, 1);
	take(map);

	/* Since 1 only the second period; the end is the device's, not a block's. */
	next = 0;
	assert_int_equal(blksnap_cbt_map_changes(map, 1, &next, BLOCKS, ranges, 8), 2);
	assert_range(ranges[0], 51, 3);
	assert_int_equal(ranges[1].start, 98 * BLOCK_SECTORS);
	assert_int_equal(range_end(ranges[1]), CAPACITY);

	/* Both periods are one range where they touch. */
	next = 0;
	assert_int_equal(blksnap_cbt_map_changes(map, 0, &next, BLOCKS, ranges, 8), 3);
	assert_range(ranges[1], 50, 4);
	next = 0;
	assert_int_equal(blksnap_cbt_map_changes(map, 2, &next, BLOCKS, ranges, 8), 0);
	assert_int_equal(next, BLOCKS);
	blksnap_cbt_map_free(map);
}

static void test_no_room(void **state)
{
	struct cbt_map *map = make_map();
	struct sector_range range;
	u32 next = 0;

	(void)state;
	mark_blocks(map, 3, 2);
	mark_blocks(map, 7, 1);
	take(map);
	assert_int_equal(blksnap_cbt_map_changes(map, 0, &next, BLOCKS, &range, 1), 1);
	assert_range(range, 3, 2);
	assert_int_equal(next, 5);
	assert_int_equal(blksnap_cbt_map_changes(map, 0, &next, BLOCKS, &range, 1), 1);
	assert_range(range, 7, 1);
	assert_int_equal(next, 8);
	assert_int_equal(blksnap_cbt_map_changes(map, 0, &next, BLOCKS, &range, 1), 0);
	assert_int_equal(next, BLOCKS);

	/* A run is cut where the caller stops looking. */
	next = 0;
	assert_int_equal(blksnap_cbt_map_changes(map, 0, &next, 4, &range, 1), 1);
	assert_range(range, 3, 1);
	assert_int_equal(next, 4);
	blksnap_cbt_map_free(map);
}

/* The ranges say what the bytes say, whatever the pieces. */
static void test_ranges_against_bytes(void **state)
{
	u64 seed = 20;
	int round;

	(void)state;
	for (round = 0; round < 200; round++) {
		struct cbt_map *map = make_map();
		u8 bytes[BLOCKS], since = random_below(&seed, 4);
		bool is_changed[BLOCKS] = { false };
		u32 next = 0, i;

		for (i = 0; i < 60; i++) {
			u32 first = random_below(&seed, BLOCKS);

			mark_blocks(map, first, 1 + random_below(&seed, min(4u, BLOCKS - first)));
			if (!(i % 15))
				take(map);
		}
		while (next < BLOCKS) {
			u32 end = next + 1 + random_below(&seed, BLOCKS - next);
			struct sector_range ranges[3];
			u32 count = blksnap_cbt_map_changes(
				map, since, &next, end, ranges,
				1 + random_below(&seed, 3));

			assert_true(next <= end);
			while (count--) {
				u32 block = ranges[count].start / BLOCK_SECTORS;
				u32 past = (range_end(ranges[count]) + 7) / BLOCK_SECTORS;

				for (; block < past; block++) {
					assert_false(is_changed[block]);
					is_changed[block] = true;
				}
			}
		}
		blksnap_cbt_map_read(map, 0, BLOCKS, bytes);
		for (i = 0; i < BLOCKS; i++)
			assert_int_equal(is_changed[i], bytes[i] > since);
		blksnap_cbt_map_free(map);
	}
}

static struct cbt_map_counts counts_of(const struct cbt_map *map)
{
	struct cbt_map_counts counts = { 0, 0, 0 };

	blksnap_cbt_map_count(map, 0, 40, &counts);
	blksnap_cbt_map_count(map, 40, BLOCKS - 40, &counts);
	return counts;
}

static void assert_counts(const struct cbt_map *map, u32 running, u32 last,
			  u32 generation)
{
	struct cbt_map_counts counts = counts_of(map);

	assert_int_equal(counts.running, running);
	assert_int_equal(counts.last, last);
	assert_int_equal(counts.generation, generation);
}

static void test_counts(void **state)
{
	struct cbt_map *map = make_map();

	(void)state;
	assert_counts(map, 0, 0, 0);
	mark_blocks(map, 0, 10);
	assert_counts(map, 10, 0, 10);
	take(map);
	assert_counts(map, 0, 10, 10);
	/* Written again it still counts for the last take, too. */
	mark_blocks(map, 5, 10);
	assert_counts(map, 10, 10, 15);
	take(map);
	assert_counts(map, 0, 10, 15);
	take(map);
	assert_counts(map, 0, 0, 15);
	blksnap_cbt_map_mark_both(map, 90 * BLOCK_SECTORS, 1);
	assert_counts(map, 1, 1, 16);
	blksnap_cbt_map_free(map);
}

static void test_reasons(void **state)
{
	struct cbt_map *map = make_map();
	int i;

	(void)state;
	assert_int_equal(reason_of(map), CBT_NEW);
	take(map);
	assert_int_equal(reason_of(map), CBT_NEW);

	blksnap_cbt_map_set_lost(map, CBT_STORAGE);
	assert_int_equal(reason_of(map), CBT_NEW);
	take(map);
	assert_int_equal(reason_of(map), CBT_STORAGE);

	/* Lost between preparation and switch, the map is cleared in place. */
	assert_int_equal(blksnap_cbt_map_prepare(map, CAPACITY), 0);
	blksnap_cbt_map_set_lost(map, CBT_MEDIUM);
	blksnap_cbt_map_switch(map);
	blksnap_cbt_map_finish(map);
	assert_int_equal(reason_of(map), CBT_MEDIUM);

	/* Smaller for a take that failed: its tail was written by nobody we know. */
	assert_int_equal(blksnap_cbt_map_prepare(map, CAPACITY - 8), 0);
	blksnap_cbt_map_finish(map);
	take(map);
	assert_int_equal(reason_of(map), CBT_RESIZED);

	blksnap_cbt_map_mark(map, CAPACITY, 1);
	take(map);
	assert_int_equal(reason_of(map), CBT_BEYOND);

	/* A write beyond the end that the take explains. */
	blksnap_cbt_map_mark(map, CAPACITY, 1);
	take_of(map, CAPACITY + 8);
	assert_int_equal(reason_of(map), CBT_RESIZED);

	for (i = 0; i < 254; i++) {
		assert_int_equal(reason_of(map), CBT_RESIZED);
		take_of(map, CAPACITY + 8);
	}
	take_of(map, CAPACITY + 8);
	assert_int_equal(reason_of(map), CBT_WRAPPED);
	blksnap_cbt_map_free(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE("changes are ranges of sectors, as long as they can be", test_ranges),
		SENTENCE("changes go on where there was no room, or no wish, for more",
			 test_no_room),
		SENTENCE("changes say what the bytes say, in whatever pieces",
			 test_ranges_against_bytes),
		SENTENCE("blocks are counted by period, last take and generation", test_counts),
		SENTENCE("a generation knows why it began", test_reasons),
	};

	return cmocka_run_group_tests_name("cbt_changes", tests, NULL, NULL);
}
