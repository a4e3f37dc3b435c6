// SPDX-License-Identifier: GPL-2.0-only
/*
 * cbt_map: which blocks of one device were written in which period.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <linux/err.h>
#include <linux/slab.h>

#include "unit.h"
#include "cbt_map.h"

/* A small device with an odd end: 100 blocks of 4 KiB, the last one partly. */
#define SHIFT		12
#define BLOCK_SECTORS	8
#define BLOCKS		100
#define CAPACITY	((sector_t)BLOCKS * BLOCK_SECTORS - 3)
#define NO_LIMIT	2097152

static struct cbt_map *make_map(void)
{
	struct cbt_map *map = cbt_map_alloc(CAPACITY, SHIFT, NO_LIMIT);

	assert_false(IS_ERR(map));
	return map;
}

static struct cbt_map_info info_of(const struct cbt_map *map)
{
	struct cbt_map_info info;

	cbt_map_info(map, &info);
	return info;
}

static bool is_generation(const struct cbt_map *map, uuid_t generation)
{
	struct cbt_map_info info = info_of(map);

	return uuid_equal(&info.generation, &generation);
}

static u8 byte_of(const struct cbt_map *map, u32 block)
{
	u8 byte;

	cbt_map_read(map, block, 1, &byte);
	return byte;
}

static void mark_block(struct cbt_map *map, u32 block)
{
	cbt_map_mark(map, (sector_t)block * BLOCK_SECTORS + 2, 1);
}

static void take_of(struct cbt_map *map, sector_t capacity)
{
	assert_int_equal(cbt_map_prepare(map, capacity), 0);
	cbt_map_switch(map);
	cbt_map_finish(map);
}

static void take(struct cbt_map *map)
{
	take_of(map, info_of(map).capacity);
}

static void assert_all_zero(const struct cbt_map *map)
{
	u32 block, count = info_of(map).block_count;

	for (block = 0; block < count; block++)
		assert_int_equal(byte_of(map, block), 0);
}

/* A new generation: number 0, nothing readable, and the next period is 1. */
static void assert_anew(struct cbt_map *map, uuid_t before)
{
	assert_int_equal(info_of(map).snap_number, 0);
	assert_false(is_generation(map, before));
	assert_all_zero(map);

	before = info_of(map).generation;
	mark_block(map, 1);
	assert_all_zero(map);
	take(map);
	assert_int_equal(info_of(map).snap_number, 1);
	assert_int_equal(byte_of(map, 1), 1);
	assert_int_equal(byte_of(map, 2), 0);
	assert_true(is_generation(map, before));
}

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
	cbt_map_free(map);
	cbt_map_free(other);
	cbt_map_free(NULL);
}

static void test_no_sectors(void **state)
{
	struct cbt_map *map = make_map();

	(void)state;
	assert_int_equal(PTR_ERR(cbt_map_alloc(0, SHIFT, NO_LIMIT)), -EINVAL);
	assert_int_equal(cbt_map_prepare(map, 0), -EINVAL);
	cbt_map_free(map);
}

static void test_no_memory(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		shim_allocations_until_failure = i;
		assert_int_equal(PTR_ERR(cbt_map_alloc(CAPACITY, SHIFT, NO_LIMIT)),
				 -ENOMEM);
	}
}

static void test_one_sector_device(void **state)
{
	struct cbt_map *map = cbt_map_alloc(1, 16, NO_LIMIT);

	(void)state;
	assert_int_equal(info_of(map).block_count, 1);
	cbt_map_mark(map, 0, 1);
	take(map);
	assert_int_equal(byte_of(map, 0), 1);
	cbt_map_free(map);
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
	cbt_map_free(map);
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

		cbt_map_mark(map, table[i].start, table[i].count);
		take(map);
		assert_int_equal(info_of(map).snap_number, 1);
		for (block = 0; block < BLOCKS; block++)
			assert_int_equal(byte_of(map, block),
					 block >= table[i].first &&
					 block < table[i].end);
		cbt_map_free(map);
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
		cbt_map_read(map, 0, BLOCKS, before);
		for (i = 0; i < 60; i++)
			mark_block(map, random_below(&random, BLOCKS));
		cbt_map_read(map, 0, BLOCKS, after);
		assert_memory_equal(before, after, BLOCKS);
	}
	cbt_map_free(map);
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
		cbt_map_mark(map, random_below(&random, CAPACITY - 80), 80);
		take(map);
	}
	cbt_map_read(map, 0, BLOCKS, whole);
	for (first = 0; first < BLOCKS; first++) {
		for (count = 0; first + count <= BLOCKS; count++) {
			memset(pieces, 0xee, sizeof(pieces));
			cbt_map_read(map, first, count, pieces);
			assert_memory_equal(pieces, whole + first, count);
			assert_int_equal(pieces[count], 0xee);
		}
	}
	cbt_map_free(map);
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
	cbt_map_mark_both(map, 1 * BLOCK_SECTORS, 3 * BLOCK_SECTORS);

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
	cbt_map_free(map);
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
		cbt_map_read(map, 0, BLOCKS, before);
		cbt_map_mark_both(map, start, 40);
		cbt_map_read(map, 0, BLOCKS, after);
		for (block = 0; block < BLOCKS; block++) {
			bool is_touched = block >= start / BLOCK_SECTORS &&
				block <= (start + 39) / BLOCK_SECTORS;

			assert_true(after[block] >= before[block]);
			assert_int_equal(after[block], is_touched ?
					 info_of(map).snap_number : before[block]);
		}
		take(map);
	}
	cbt_map_free(map);
}

static void test_mark_both_before_a_take(void **state)
{
	struct cbt_map *map = make_map();

	(void)state;
	cbt_map_mark_both(map, 0, 1);
	assert_all_zero(map);
	take(map);
	assert_int_equal(byte_of(map, 0), 1);
	cbt_map_free(map);
}

/* -- beside one another ------------------------------------------------------- */

static struct cbt_map *raced_map;

static void race_mark_both(void)
{
	cbt_map_mark_both(raced_map, 0, 1);
}

static void race_mark(void)
{
	cbt_map_mark(raced_map, 0, 1);
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
	cbt_map_free(map);
}

static int reads_to_skip;

static void race_mark_both_later(void)
{
	if (reads_to_skip-- == 0)
		cbt_map_mark_both(raced_map, 0, 2 * BLOCK_SECTORS);
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
		cbt_map_mark(map, 0, 3 * BLOCK_SECTORS);
		shim_on_read = NULL;
		assert_int_equal(byte_of(map, 0), skip < 3 ? 2 : 0);
		assert_int_equal(byte_of(map, 1), skip < 3 ? 2 : 0);
		assert_int_equal(byte_of(map, 2), 0);
		take(map);
		assert_int_equal(byte_of(map, 0), 3);
		assert_int_equal(byte_of(map, 1), 3);
		assert_int_equal(byte_of(map, 2), 3);
		cbt_map_free(map);
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
			cbt_map_mark_both(marker->map, block * BLOCK_SECTORS, 1);
		else
			cbt_map_mark(marker->map, block * BLOCK_SECTORS,
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
	cbt_map_free(map);
}

/* -- starting anew ------------------------------------------------------------ */

static void test_wrap(void **state)
{
	struct cbt_map *map = make_map();
	uuid_t generation = info_of(map).generation;
	int k;

	(void)state;
	for (k = 1; k <= 254; k++)
		take(map);
	assert_int_equal(info_of(map).snap_number, 254);
	mark_block(map, 5);
	take(map);
	assert_anew(map, generation);
	cbt_map_free(map);
}

static void test_lost(void **state)
{
	struct cbt_map *map = make_map();
	uuid_t generation = info_of(map).generation;

	(void)state;
	mark_block(map, 3);
	take(map);
	cbt_map_set_lost(map, CBT_MEDIUM);
	assert_true(is_generation(map, generation));
	assert_int_equal(byte_of(map, 3), 1);
	take(map);
	assert_anew(map, generation);
	cbt_map_free(map);
}

static void test_lost_before_the_first_take(void **state)
{
	struct cbt_map *map = make_map();
	uuid_t generation = info_of(map).generation;

	(void)state;
	mark_block(map, 3);
	cbt_map_set_lost(map, CBT_MEDIUM);
	take(map);
	assert_anew(map, generation);
	cbt_map_free(map);
}

static void test_lost_after_preparation(void **state)
{
	struct cbt_map *map = make_map();
	uuid_t generation = info_of(map).generation;

	(void)state;
	mark_block(map, 3);
	take(map);
	mark_block(map, 4);
	assert_int_equal(cbt_map_prepare(map, CAPACITY), 0);
	cbt_map_set_lost(map, CBT_MEDIUM);
	cbt_map_switch(map);
	cbt_map_finish(map);
	assert_anew(map, generation);
	cbt_map_free(map);
}

static void test_lost_twice(void **state)
{
	struct cbt_map *map = make_map();
	uuid_t generation;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		generation = info_of(map).generation;
		cbt_map_set_lost(map, CBT_MEDIUM);
		assert_int_equal(cbt_map_prepare(map, CAPACITY), 0);
		cbt_map_set_lost(map, CBT_MEDIUM);
		cbt_map_switch(map);
		cbt_map_finish(map);
		assert_anew(map, generation);
	}
	cbt_map_free(map);
}

static void test_write_past_the_end(void **state)
{
	static const struct {
		sector_t start, count;
		bool is_last_marked;
	} table[] = {
		{ CAPACITY - 1, 2, true },
		{ CAPACITY - 1, 100000, true },
		{ CAPACITY, 1, false },
		{ 1ull << 40, 8, false },
		{ CAPACITY - 1, ~0ull, true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct cbt_map *map = make_map();
		uuid_t generation = info_of(map).generation;

		take(map);
		cbt_map_mark(map, table[i].start, table[i].count);
		take(map);
		assert_anew(map, generation);

		generation = info_of(map).generation;
		cbt_map_mark_both(map, table[i].start, table[i].count);
		assert_int_equal(byte_of(map, BLOCKS - 1),
				 table[i].is_last_marked);
		take(map);
		assert_anew(map, generation);
		cbt_map_free(map);
	}
}

static void test_capacity(void **state)
{
	static const struct {
		sector_t capacity;
		u32 shift, count;
	} table[] = {
		{ CAPACITY + 1, 12, BLOCKS },		/* as many blocks */
		{ CAPACITY - 1, 12, BLOCKS },
		{ 3 * BLOCK_SECTORS, 12, 3 },
		{ 128 * BLOCK_SECTORS, 12, 128 },
		{ 129 * BLOCK_SECTORS, 13, 65 },	/* bigger blocks */
		{ 256 * BLOCK_SECTORS, 13, 128 },
	};
	struct cbt_map *map = cbt_map_alloc(CAPACITY, SHIFT, 128);
	uuid_t generation;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		generation = info_of(map).generation;
		mark_block(map, 0);
		take_of(map, table[i].capacity);
		assert_int_equal(info_of(map).capacity, table[i].capacity);
		assert_int_equal(info_of(map).block_shift, table[i].shift);
		assert_int_equal(info_of(map).block_count, table[i].count);
		assert_int_equal(info_of(map).snap_number, 0);
		assert_false(is_generation(map, generation));
		assert_all_zero(map);

		cbt_map_mark(map, table[i].capacity - 1, 1);
		take(map);
		assert_int_equal(info_of(map).snap_number, 1);
		assert_int_equal(byte_of(map, table[i].count - 1), 1);
	}
	cbt_map_free(map);
}

static void test_failed_preparation(void **state)
{
	struct cbt_map *map = make_map();
	uuid_t generation = info_of(map).generation;

	(void)state;
	mark_block(map, 3);
	take(map);
	mark_block(map, 4);
	shim_allocations_until_failure = 0;
	assert_int_equal(cbt_map_prepare(map, CAPACITY + 8), -ENOMEM);
	cbt_map_finish(map);
	assert_int_equal(byte_of(map, 3), 1);
	assert_int_equal(byte_of(map, 4), 0);
	take(map);
	assert_int_equal(byte_of(map, 4), 2);
	assert_true(is_generation(map, generation));
	cbt_map_free(map);
}

static void test_needless_preparation(void **state)
{
	struct cbt_map *map = make_map();

	(void)state;
	shim_allocations_until_failure = 0;
	assert_int_equal(cbt_map_prepare(map, CAPACITY), 0);
	shim_allocations_until_failure = -1;
	cbt_map_free(map);
}

static void test_last_preparation_counts(void **state)
{
	struct cbt_map *map = make_map();
	uuid_t generation = info_of(map).generation;

	(void)state;
	mark_block(map, 3);
	assert_int_equal(cbt_map_prepare(map, CAPACITY + 800), 0);
	assert_int_equal(cbt_map_prepare(map, CAPACITY + 80), 0);
	assert_int_equal(cbt_map_prepare(map, CAPACITY), 0);
	cbt_map_switch(map);
	assert_int_equal(info_of(map).snap_number, 1);
	assert_true(is_generation(map, generation));
	assert_int_equal(byte_of(map, 3), 1);

	assert_int_equal(cbt_map_prepare(map, CAPACITY), 0);
	assert_int_equal(cbt_map_prepare(map, CAPACITY + 80), 0);
	cbt_map_switch(map);
	assert_int_equal(info_of(map).capacity, CAPACITY + 80);
	assert_int_equal(info_of(map).snap_number, 0);
	cbt_map_free(map);		/* also frees what was not finished */
}

static void test_marks_between_prepare_and_switch(void **state)
{
	struct cbt_map *map = make_map();

	(void)state;
	assert_int_equal(cbt_map_prepare(map, CAPACITY), 0);
	mark_block(map, 9);
	cbt_map_switch(map);
	mark_block(map, 10);
	cbt_map_finish(map);
	assert_int_equal(byte_of(map, 9), 1);
	assert_int_equal(byte_of(map, 10), 0);
	take(map);
	assert_int_equal(byte_of(map, 10), 2);
	cbt_map_free(map);
}

/* -- size --------------------------------------------------------------------- */

static void test_big_device(void **state)
{
	const sector_t capacity = 1ull << 35;		/* 16 TiB */
	struct cbt_map *map = cbt_map_alloc(capacity, 16, NO_LIMIT);
	struct cbt_map_info info = info_of(map);
	u32 block_sectors = 1u << (23 - 9);

	(void)state;
	assert_int_equal(info.block_shift, 23);
	assert_int_equal(info.block_count, NO_LIMIT);

	cbt_map_mark(map, capacity - 1, 1);
	cbt_map_mark(map, block_sectors - 1, 2);
	take(map);
	assert_int_equal(byte_of(map, 0), 1);
	assert_int_equal(byte_of(map, 1), 1);
	assert_int_equal(byte_of(map, 2), 0);
	assert_int_equal(byte_of(map, NO_LIMIT - 2), 0);
	assert_int_equal(byte_of(map, NO_LIMIT - 1), 1);

	cbt_map_mark(map, 5, 1ull << 32);		/* a discard of 2 TiB */
	take(map);
	assert_int_equal(byte_of(map, 0), 2);
	assert_int_equal(byte_of(map, (1ull << 32) / block_sectors), 2);
	assert_int_equal(byte_of(map, (1ull << 32) / block_sectors + 1), 0);
	cbt_map_mark(map, 0, capacity);
	take(map);
	assert_int_equal(byte_of(map, NO_LIMIT - 1), 3);
	assert_int_equal(info_of(map).snap_number, 3);
	cbt_map_free(map);
}

/* -- the promise to backups, against a model ----------------------------------- */

/*
 * The model knows no periods: it notes after which take each block was written
 * last, and what every take reported. Then "changed since take T" must be the
 * same as "byte above T's number", if T is of the same generation.
 */
#define TAKES	900

struct model {
	int taken;			/* takes so far */
	int generation;			/* as a count */
	int written_after[BLOCKS];	/* takes before the last write, -1: none */
	int readable[BLOCKS];		/* the same as of the last take */
	struct {
		u8 number;
		int generation;
		uuid_t uuid;
	} takes[TAKES];
	bool is_lost;
};

static void model_start_anew(struct model *model)
{
	memset(model->written_after, 0xff, sizeof(model->written_after));
	model->generation++;
	model->is_lost = false;
}

static void model_take(struct model *model, struct cbt_map *map)
{
	struct cbt_map_info info;
	int at = model->taken;
	u8 before = at ? model->takes[at - 1].number : 0;
	bool is_anew = model->is_lost || before == 254;

	take(map);
	info = info_of(map);
	if (is_anew)
		model_start_anew(model);
	model->takes[at].number = is_anew ? 0 : before + 1;
	model->takes[at].generation = model->generation;
	model->takes[at].uuid = info.generation;
	model->taken++;
	memcpy(model->readable, model->written_after, sizeof(model->readable));
	assert_int_equal(info.snap_number, model->takes[at].number);
}

static void model_writes(struct model *model, struct cbt_map *map, u64 *random)
{
	int i, writes = random_below(random, 12);
	u32 block;

	for (i = 0; i < writes; i++) {
		sector_t start = random_below(random, CAPACITY);
		sector_t count = 1 + random_below(random, 30);
		bool is_both = random_below(random, 4) == 0;

		count = min(count, CAPACITY - start);
		if (is_both)
			cbt_map_mark_both(map, start, count);
		else
			cbt_map_mark(map, start, count);
		for (block = start / BLOCK_SECTORS;
		     block <= (start + count - 1) / BLOCK_SECTORS; block++) {
			model->written_after[block] = model->taken;
			if (is_both)
				model->readable[block] = model->taken - 1;
		}
	}
	if (random_below(random, 400) == 0) {
		cbt_map_set_lost(map, CBT_MEDIUM);
		model->is_lost = true;
	}
}

static void model_check(const struct model *model, const struct cbt_map *map)
{
	u8 bytes[BLOCKS];
	int since, now = model->taken - 1;
	u32 block;

	cbt_map_read(map, 0, BLOCKS, bytes);
	for (since = 0; since < now; since++) {
		bool is_same = model->takes[since].generation ==
			       model->takes[now].generation;

		assert_int_equal(uuid_equal(&model->takes[since].uuid,
					    &model->takes[now].uuid), is_same);
		for (block = 0; is_same && block < BLOCKS; block++)
			assert_int_equal(bytes[block] > model->takes[since].number,
					 model->readable[block] > since);
	}
}

static void test_increments(void **state)
{
	struct model *model = calloc(1, sizeof(*model));
	struct cbt_map *map = make_map();
	u64 random = 42;

	(void)state;
	model_start_anew(model);
	while (model->taken < TAKES) {
		model_writes(model, map, &random);
		model_take(model, map);
		model_check(model, map);
		model_writes(model, map, &random);
		model_check(model, map);
	}
	assert_true(model->generation > 3);
	cbt_map_free(map);
	free(model);
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
		SENTENCE("the 255th take starts anew", test_wrap),
		SENTENCE("a lost map starts anew at the next take", test_lost),
		SENTENCE("a map lost before its first take reports 0 at that take",
			 test_lost_before_the_first_take),
		SENTENCE("a map lost after the preparation starts anew at the switch",
			 test_lost_after_preparation),
		SENTENCE("a map may be lost again and again", test_lost_twice),
		SENTENCE("a write past the end makes the map lost, and marks the rest",
			 test_write_past_the_end),
		SENTENCE("another capacity starts anew, with blocks to fit",
			 test_capacity),
		SENTENCE("a failed preparation leaves the map as it was",
			 test_failed_preparation),
		SENTENCE("an ordinary preparation needs no memory",
			 test_needless_preparation),
		SENTENCE("of several preparations the last one counts",
			 test_last_preparation_counts),
		SENTENCE("marks between prepare and switch belong to the old period",
			 test_marks_between_prepare_and_switch),
		SENTENCE("16 TiB need 2097152 blocks of 8 MiB, a range of 2^32 sectors is one mark",
			 test_big_device),
		SENTENCE("byte > N means changed since N, through 900 takes and all wraps",
			 test_increments),
	};

	return cmocka_run_group_tests_name("cbt_map", tests, NULL, NULL);
}
