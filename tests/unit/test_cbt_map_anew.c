// SPDX-License-Identifier: GPL-2.0-only
/*
 * cbt_map, when it starts anew: wraps, lost maps, other capacities; and what it
 * promises to backups through all of that.
 */
#include <stdlib.h>
#include <string.h>

#include "cbt_maps.h"

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
	blksnap_cbt_map_free(map);
}

static void test_lost(void **state)
{
	struct cbt_map *map = make_map();
	uuid_t generation = info_of(map).generation;

	(void)state;
	mark_block(map, 3);
	take(map);
	blksnap_cbt_map_set_lost(map, CBT_MEDIUM);
	assert_true(is_generation(map, generation));
	assert_int_equal(byte_of(map, 3), 1);
	take(map);
	assert_anew(map, generation);
	blksnap_cbt_map_free(map);
}

static void test_lost_before_the_first_take(void **state)
{
	struct cbt_map *map = make_map();
	uuid_t generation = info_of(map).generation;

	(void)state;
	mark_block(map, 3);
	blksnap_cbt_map_set_lost(map, CBT_MEDIUM);
	take(map);
	assert_anew(map, generation);
	blksnap_cbt_map_free(map);
}

static void test_lost_after_preparation(void **state)
{
	struct cbt_map *map = make_map();
	uuid_t generation = info_of(map).generation;

	(void)state;
	mark_block(map, 3);
	take(map);
	mark_block(map, 4);
	assert_int_equal(blksnap_cbt_map_prepare(map, CAPACITY), 0);
	blksnap_cbt_map_set_lost(map, CBT_MEDIUM);
	blksnap_cbt_map_switch(map);
	blksnap_cbt_map_finish(map);
	assert_anew(map, generation);
	blksnap_cbt_map_free(map);
}

static void test_lost_twice(void **state)
{
	struct cbt_map *map = make_map();
	uuid_t generation;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		generation = info_of(map).generation;
		blksnap_cbt_map_set_lost(map, CBT_MEDIUM);
		assert_int_equal(blksnap_cbt_map_prepare(map, CAPACITY), 0);
		blksnap_cbt_map_set_lost(map, CBT_MEDIUM);
		blksnap_cbt_map_switch(map);
		blksnap_cbt_map_finish(map);
		assert_anew(map, generation);
	}
	blksnap_cbt_map_free(map);
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
		blksnap_cbt_map_mark(map, table[i].start, table[i].count);
		take(map);
		assert_anew(map, generation);

		generation = info_of(map).generation;
		blksnap_cbt_map_mark_both(map, table[i].start, table[i].count);
		assert_int_equal(byte_of(map, BLOCKS - 1),
				 table[i].is_last_marked);
		take(map);
		assert_anew(map, generation);
		blksnap_cbt_map_free(map);
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
	struct cbt_map *map = blksnap_cbt_map_alloc(CAPACITY, SHIFT, 128);
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

		blksnap_cbt_map_mark(map, table[i].capacity - 1, 1);
		take(map);
		assert_int_equal(info_of(map).snap_number, 1);
		assert_int_equal(byte_of(map, table[i].count - 1), 1);
	}
	blksnap_cbt_map_free(map);
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
	assert_int_equal(blksnap_cbt_map_prepare(map, CAPACITY + 8), -ENOMEM);
	blksnap_cbt_map_finish(map);
	assert_int_equal(byte_of(map, 3), 1);
	assert_int_equal(byte_of(map, 4), 0);
	assert_true(is_generation(map, generation));
	/* But a size that was seen is not forgotten. */
	take(map);
	assert_false(is_generation(map, generation));
	assert_all_zero(map);
	blksnap_cbt_map_free(map);
}

static void test_needless_preparation(void **state)
{
	struct cbt_map *map = make_map();

	(void)state;
	shim_allocations_until_failure = 0;
	assert_int_equal(blksnap_cbt_map_prepare(map, CAPACITY), 0);
	shim_allocations_until_failure = -1;
	blksnap_cbt_map_free(map);
}

static void test_last_preparation_counts(void **state)
{
	struct cbt_map *map = make_map();
	uuid_t generation = info_of(map).generation;

	(void)state;
	mark_block(map, 3);
	assert_int_equal(blksnap_cbt_map_prepare(map, CAPACITY + 800), 0);
	assert_int_equal(blksnap_cbt_map_prepare(map, CAPACITY + 80), 0);
	assert_int_equal(blksnap_cbt_map_prepare(map, CAPACITY), 0);
	blksnap_cbt_map_switch(map);
	assert_int_equal(info_of(map).capacity, CAPACITY);
	assert_int_equal(info_of(map).snap_number, 0);
	assert_false(is_generation(map, generation));
	assert_int_equal(byte_of(map, 3), 0);

	assert_int_equal(blksnap_cbt_map_prepare(map, CAPACITY), 0);
	assert_int_equal(blksnap_cbt_map_prepare(map, CAPACITY + 80), 0);
	blksnap_cbt_map_switch(map);
	assert_int_equal(info_of(map).capacity, CAPACITY + 80);
	assert_int_equal(info_of(map).snap_number, 0);
	blksnap_cbt_map_free(map);		/* also frees what was not finished */
}

static void test_marks_between_prepare_and_switch(void **state)
{
	struct cbt_map *map = make_map();

	(void)state;
	assert_int_equal(blksnap_cbt_map_prepare(map, CAPACITY), 0);
	mark_block(map, 9);
	blksnap_cbt_map_switch(map);
	mark_block(map, 10);
	blksnap_cbt_map_finish(map);
	assert_int_equal(byte_of(map, 9), 1);
	assert_int_equal(byte_of(map, 10), 0);
	take(map);
	assert_int_equal(byte_of(map, 10), 2);
	blksnap_cbt_map_free(map);
}

/* -- size --------------------------------------------------------------------- */

static void test_big_device(void **state)
{
	const sector_t capacity = 1ull << 35;		/* 16 TiB */
	struct cbt_map *map = blksnap_cbt_map_alloc(capacity, 16, NO_LIMIT);
	struct cbt_map_info info = info_of(map);
	u32 block_sectors = 1u << (23 - 9);

	(void)state;
	assert_int_equal(info.block_shift, 23);
	assert_int_equal(info.block_count, NO_LIMIT);

	blksnap_cbt_map_mark(map, capacity - 1, 1);
	blksnap_cbt_map_mark(map, block_sectors - 1, 2);
	take(map);
	assert_int_equal(byte_of(map, 0), 1);
	assert_int_equal(byte_of(map, 1), 1);
	assert_int_equal(byte_of(map, 2), 0);
	assert_int_equal(byte_of(map, NO_LIMIT - 2), 0);
	assert_int_equal(byte_of(map, NO_LIMIT - 1), 1);

	blksnap_cbt_map_mark(map, 5, 1ull << 32);		/* a discard of 2 TiB */
	take(map);
	assert_int_equal(byte_of(map, 0), 2);
	assert_int_equal(byte_of(map, (1ull << 32) / block_sectors), 2);
	assert_int_equal(byte_of(map, (1ull << 32) / block_sectors + 1), 0);
	blksnap_cbt_map_mark(map, 0, capacity);
	take(map);
	assert_int_equal(byte_of(map, NO_LIMIT - 1), 3);
	assert_int_equal(info_of(map).snap_number, 3);
	blksnap_cbt_map_free(map);
}

static void test_largest_block(void **state)
{
	const sector_t capacity = (1ull << 32) + 1;	/* 2 TiB and a bit */
	struct cbt_map *map = blksnap_cbt_map_alloc(capacity, 16, 1024);

	(void)state;
	assert_int_equal(info_of(map).block_shift, 31);
	assert_int_equal(info_of(map).block_count, 1025);
	blksnap_cbt_map_mark(map, capacity - 1, 1);
	take(map);
	assert_int_equal(byte_of(map, 1023), 0);
	assert_int_equal(byte_of(map, 1024), 1);
	blksnap_cbt_map_free(map);

	map = blksnap_cbt_map_alloc(1ull << 54, 16, 1024);	/* 8 EiB */
	assert_true(IS_ERR(map));
	assert_int_equal(PTR_ERR(map), -ENOMEM);
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
			blksnap_cbt_map_mark_both(map, start, count);
		else
			blksnap_cbt_map_mark(map, start, count);
		for (block = start / BLOCK_SECTORS;
		     block <= (start + count - 1) / BLOCK_SECTORS; block++) {
			model->written_after[block] = model->taken;
			if (is_both)
				model->readable[block] = model->taken - 1;
		}
	}
	if (random_below(random, 400) == 0) {
		blksnap_cbt_map_set_lost(map, CBT_MEDIUM);
		model->is_lost = true;
	}
}

static void model_check(const struct model *model, const struct cbt_map *map)
{
	u8 bytes[BLOCKS];
	int since, now = model->taken - 1;
	u32 block;

	blksnap_cbt_map_read(map, 0, BLOCKS, bytes);
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
	blksnap_cbt_map_free(map);
	free(model);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
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
		SENTENCE("a failed preparation leaves the map as it was, until the next take",
			 test_failed_preparation),
		SENTENCE("an ordinary preparation needs no memory",
			 test_needless_preparation),
		SENTENCE("of several preparations the last one counts",
			 test_last_preparation_counts),
		SENTENCE("marks between prepare and switch belong to the old period",
			 test_marks_between_prepare_and_switch),
		SENTENCE("16 TiB need 2097152 blocks of 8 MiB, a range of 2^32 sectors is one mark",
			 test_big_device),
		SENTENCE("no block is larger than a 32-bit number can tell",
			 test_largest_block),
		SENTENCE("byte > N means changed since N, through 900 takes and all wraps",
			 test_increments),
	};

	return cmocka_run_group_tests_name("cbt_map_anew", tests, NULL, NULL);
}
