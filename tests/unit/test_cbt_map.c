// SPDX-License-Identifier: GPL-2.0-only
/*
 * cbt_map: which blocks of one device were written in which period.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cbt_maps.h"

/* -- making and describing -------------------------------------------------- */

static void test_fresh(void **state)
{
	struct cbt_map *map = make_map(), *other = make_map();
	struct cbt_map_info info = info_of(map);

	(void)state;
	assert_int_equal(info.capacity, CAPACITY);
	assert_int_equal(info.block_shift, SHIFT);
	assert_int_equal(info.block_count, BLOCKS);
	assert_int_equal(info.snap_number, 0);
	assert_false(is_generation(other, info.generation));
	assert_all_zero(map);
	blksnap_cbt_map_free(map);
	blksnap_cbt_map_free(other);
	blksnap_cbt_map_free(NULL);
}

static void test_no_sectors(void **state)
{
	struct cbt_map *map = make_map();

	(void)state;
	assert_int_equal(PTR_ERR(blksnap_cbt_map_alloc(0, SHIFT, NO_LIMIT)), -EINVAL);
	assert_int_equal(blksnap_cbt_map_prepare(map, 0), -EINVAL);
	blksnap_cbt_map_free(map);
}

static void test_no_memory(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		shim_allocations_until_failure = i;
		assert_int_equal(PTR_ERR(blksnap_cbt_map_alloc(CAPACITY, SHIFT,
							       NO_LIMIT)),
				 -ENOMEM);
	}
}

static void test_one_sector_device(void **state)
{
	struct cbt_map *map = blksnap_cbt_map_alloc(1, 16, NO_LIMIT);

	(void)state;
	assert_int_equal(info_of(map).block_count, 1);
	blksnap_cbt_map_mark(map, 0, 1);
	take(map);
	assert_int_equal(byte_of(map, 0), 1);
	blksnap_cbt_map_free(map);
}

/* -- marking ------------------------------------------------------------------ */

static void test_numbers(void **state)
{
	struct cbt_map *map = make_map();
	uuid_t generation = info_of(map).generation;
	int k;

	(void)state;
	for (k = 1; k <= 254; k++) {
		mark_block(map, k % 3);
		take(map);
		assert_int_equal(info_of(map).snap_number, k);
		assert_int_equal(byte_of(map, k % 3), k);
		assert_int_equal(byte_of(map, 3), 0);
		assert_true(is_generation(map, generation));
	}
	blksnap_cbt_map_free(map);
}

static void test_mark_edges(void **state)
{
	static const struct {
		sector_t start, count;
		u32 first, end;		/* blocks marked */
	} table[] = {
		{ 0, 1, 0, 1 },
		{ 7, 1, 0, 1 },
		{ 7, 2, 0, 2 },
		{ 8, 8, 1, 2 },
		{ 8, 9, 1, 3 },
		{ 0, CAPACITY, 0, BLOCKS },
		{ CAPACITY - 1, 1, BLOCKS - 1, BLOCKS },
		{ 5, 0, 0, 0 },
		{ CAPACITY, 0, 0, 0 },
		{ ~0ull, 0, 0, 0 },
	};
	size_t i;
	u32 block;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct cbt_map *map = make_map();

		blksnap_cbt_map_mark(map, table[i].start, table[i].count);
		take(map);
		assert_int_equal(info_of(map).snap_number, 1);
		for (block = 0; block < BLOCKS; block++)
			assert_int_equal(byte_of(map, block),
					 block >= table[i].first &&
					 block < table[i].end);
		blksnap_cbt_map_free(map);
	}
}

static void test_readable_is_fixed(void **state)
{
	struct cbt_map *map = make_map();
	u8 before[BLOCKS], after[BLOCKS];
	u64 random = 7;
	int i, k;

	(void)state;
	for (k = 0; k < 20; k++) {
		take(map);
		blksnap_cbt_map_read(map, 0, BLOCKS, before);
		for (i = 0; i < 60; i++)
			mark_block(map, random_below(&random, BLOCKS));
		blksnap_cbt_map_read(map, 0, BLOCKS, after);
		assert_memory_equal(before, after, BLOCKS);
	}
	blksnap_cbt_map_free(map);
}

static void test_read_in_pieces(void **state)
{
	struct cbt_map *map = make_map();
	u8 whole[BLOCKS], pieces[BLOCKS + 1];
	u64 random = 3;
	u32 first, count;
	int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		blksnap_cbt_map_mark(map, random_below(&random, CAPACITY - 80), 80);
		take(map);
	}
	blksnap_cbt_map_read(map, 0, BLOCKS, whole);
	for (first = 0; first < BLOCKS; first++) {
		for (count = 0; first + count <= BLOCKS; count++) {
			memset(pieces, 0xee, sizeof(pieces));
			blksnap_cbt_map_read(map, first, count, pieces);
			assert_memory_equal(pieces, whole + first, count);
			assert_int_equal(pieces[count], 0xee);
		}
	}
	blksnap_cbt_map_free(map);
}

static void test_mark_both(void **state)
{
	struct cbt_map *map = make_map();

	(void)state;
	mark_block(map, 1);
	take(map);
	take(map);			/* block 1 reads 1, the number is 2 */
	mark_block(map, 1);
	mark_block(map, 2);
	blksnap_cbt_map_mark_both(map, 1 * BLOCK_SECTORS, 3 * BLOCK_SECTORS);

	assert_int_equal(byte_of(map, 0), 0);
	assert_int_equal(byte_of(map, 1), 2);
	assert_int_equal(byte_of(map, 2), 2);
	assert_int_equal(byte_of(map, 3), 2);
	assert_int_equal(byte_of(map, 4), 0);
	take(map);
	assert_int_equal(byte_of(map, 0), 0);
	assert_int_equal(byte_of(map, 1), 3);
	assert_int_equal(byte_of(map, 2), 3);
	assert_int_equal(byte_of(map, 3), 3);
	assert_int_equal(byte_of(map, 4), 0);
	blksnap_cbt_map_free(map);
}

static void test_mark_both_only_raises(void **state)
{
	struct cbt_map *map = make_map();
	u8 before[BLOCKS], after[BLOCKS];
	u64 random = 11;
	int i, k;
	u32 block;

	(void)state;
	for (k = 0; k < 250; k++) {
		u32 start = random_below(&random, CAPACITY - 40);

		for (i = 0; i < 20; i++)
			mark_block(map, random_below(&random, BLOCKS));
		blksnap_cbt_map_read(map, 0, BLOCKS, before);
		blksnap_cbt_map_mark_both(map, start, 40);
		blksnap_cbt_map_read(map, 0, BLOCKS, after);
		for (block = 0; block < BLOCKS; block++) {
			bool is_touched = block >= start / BLOCK_SECTORS &&
				block <= (start + 39) / BLOCK_SECTORS;

			assert_true(after[block] >= before[block]);
			assert_int_equal(after[block], is_touched ?
					 info_of(map).snap_number : before[block]);
		}
		take(map);
	}
	blksnap_cbt_map_free(map);
}

static void test_mark_both_before_a_take(void **state)
{
	struct cbt_map *map = make_map();

	(void)state;
	blksnap_cbt_map_mark_both(map, 0, 1);
	assert_all_zero(map);
	take(map);
	assert_int_equal(byte_of(map, 0), 1);
	blksnap_cbt_map_free(map);
}

/* -- beside one another ------------------------------------------------------- */

static struct cbt_map *raced_map;

static void race_mark_both(void)
{
	blksnap_cbt_map_mark_both(raced_map, 0, 1);
}

static void race_mark(void)
{
	blksnap_cbt_map_mark(raced_map, 0, 1);
}

/* Another CPU steps in between the load of a cell and its cmpxchg. */
static void test_mark_overtaken(void **state)
{
	struct cbt_map *map = make_map();

	(void)state;
	raced_map = map;
	mark_block(map, 0);
	take(map);
	take(map);

	shim_on_read = race_mark;
	mark_block(map, 0);
	assert_int_equal(byte_of(map, 0), 1);
	shim_on_read = race_mark_both;
	mark_block(map, 0);
	shim_on_read = NULL;
	assert_int_equal(byte_of(map, 0), 2);
	take(map);
	assert_int_equal(byte_of(map, 0), 3);
	blksnap_cbt_map_free(map);
}

static int reads_to_skip;

static void race_mark_both_later(void)
{
	if (reads_to_skip-- == 0)
		blksnap_cbt_map_mark_both(raced_map, 0, 2 * BLOCK_SECTORS);
}

static void test_mark_both_beats_a_mark_under_way(void **state)
{
	struct cbt_map *map;
	int skip;

	(void)state;
	for (skip = 0; skip < 4; skip++) {
		map = raced_map = make_map();
		take(map);
		take(map);
		reads_to_skip = skip;
		shim_on_read = race_mark_both_later;
		blksnap_cbt_map_mark(map, 0, 3 * BLOCK_SECTORS);
		shim_on_read = NULL;
		assert_int_equal(byte_of(map, 0), skip < 3 ? 2 : 0);
		assert_int_equal(byte_of(map, 1), skip < 3 ? 2 : 0);
		assert_int_equal(byte_of(map, 2), 0);
		take(map);
		assert_int_equal(byte_of(map, 0), 3);
		assert_int_equal(byte_of(map, 1), 3);
		assert_int_equal(byte_of(map, 2), 3);
		blksnap_cbt_map_free(map);
	}
}

struct marker {
	pthread_t thread;
	struct cbt_map *map;
	u64 random;
	u8 written[BLOCKS];
};

static void *run_marker(void *data)
{
	struct marker *marker = data;
	int i;

	memset(marker->written, 0, BLOCKS);
	for (i = 0; i < 150; i++) {
		u32 block = random_below(&marker->random, BLOCKS - 4);
		u32 count = 1 + random_below(&marker->random, 4);

		if (i % 8 == 7)
			blksnap_cbt_map_mark_both(marker->map,
						  block * BLOCK_SECTORS, 1);
		else
			blksnap_cbt_map_mark(marker->map, block * BLOCK_SECTORS,
					     count * BLOCK_SECTORS);
		memset(marker->written + block, 1, i % 8 == 7 ? 1 : count);
	}
	return NULL;
}

static void test_many_markers(void **state)
{
	static struct marker markers[4];
	struct cbt_map *map = make_map();
	u32 block, expected;
	int i, round;

	(void)state;
	for (i = 0; i < 4; i++)
		markers[i].random = i + 1;
	for (round = 1; round < 255; round++) {
		for (i = 0; i < 4; i++) {
			markers[i].map = map;
			pthread_create(&markers[i].thread, NULL, run_marker,
				       &markers[i]);
		}
		for (i = 0; i < 4; i++)
			pthread_join(markers[i].thread, NULL);
		take(map);
		for (block = 0; block < BLOCKS; block++) {
			expected = markers[0].written[block] |
				   markers[1].written[block] |
				   markers[2].written[block] |
				   markers[3].written[block];
			if (expected)
				assert_int_equal(byte_of(map, block), round);
			else
				assert_true(byte_of(map, block) < round);
		}
	}
	blksnap_cbt_map_free(map);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SENTENCE("a fresh map is in period 1, number 0, generation random",
			 test_fresh),
		SENTENCE("a device without sectors has no map", test_no_sectors),
		SENTENCE("without memory there is no map, and nothing leaks",
			 test_no_memory),
		SENTENCE("a device of one sector has one block",
			 test_one_sector_device),
		SENTENCE("take k reports k, and what was written before it reads k",
			 test_numbers),
		SENTENCE("a mark touches each block of its range, and no other",
			 test_mark_edges),
		SENTENCE("marks do not show before the next take",
			 test_readable_is_fixed),
		SENTENCE("the map reads the same in whatever pieces",
			 test_read_in_pieces),
		SENTENCE("mark_both raises the readable and the running value",
			 test_mark_both),
		SENTENCE("mark_both never lowers a byte, in 250 takes",
			 test_mark_both_only_raises),
		SENTENCE("mark_both before the first take shows after it",
			 test_mark_both_before_a_take),
		SENTENCE("a mark overtaken by another loses nothing",
			 test_mark_overtaken),
		SENTENCE("mark_both beats a mark under way, wherever it steps in",
			 test_mark_both_beats_a_mark_under_way),
		SENTENCE("four threads that mark at once lose no mark",
			 test_many_markers),
	};

	return cmocka_run_group_tests_name("cbt_map", tests, NULL, NULL);
}
