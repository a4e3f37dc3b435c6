// SPDX-License-Identifier: GPL-2.0-only
/*
 * extent_map: which sectors of one region are saved, and where.
 */
#include <stdlib.h>
#include <string.h>

#include "extents.h"

struct expected {
	u32 start, count;
	place_t place;
};

/* The map holds exactly these extents, in this order. */
static void assert_extents(const struct extent_map *map,
			   const struct expected *wanted, int count)
{
	const struct extent *extent = first_extent(map);
	int i;

	for (i = 0; i < count; i++, extent = next_extent(extent)) {
		assert_non_null(extent);
		assert_int_equal(extent->start, wanted[i].start);
		assert_int_equal(extent->count, wanted[i].count);
		assert_int_equal(extent->place, wanted[i].place);
	}
	assert_null(extent);
	assert_int_equal(map->seq.sequence % 2, 0);
}

#define ASSERT_EXTENTS(map, ...) do { \
	const struct expected wanted_[] = { __VA_ARGS__ }; \
	assert_extents(map, wanted_, ARRAY_SIZE(wanted_)); \
} while (0)

static void assert_piece(const struct extent_map *map, u32 start, u32 count,
			 u32 wanted_count, bool is_saved, place_t place)
{
	struct extent_piece piece = blksnap_extent_map_lookup(map, start, count);

	assert_int_equal(piece.start, start);
	assert_int_equal(piece.count, wanted_count);
	assert_int_equal(piece.is_saved, is_saved);
	if (is_saved)
		assert_int_equal(piece.place, place);
}

/* -- one thing at a time ------------------------------------------------------ */

static void test_size(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct extent), 40);
}

static void test_empty(void **state)
{
	struct extent_map map;

	(void)state;
	blksnap_extent_map_setup(&map);
	assert_piece(&map, 0, REGION_SECTORS, REGION_SECTORS, false, 0);
	assert_piece(&map, REGION_SECTORS - 1, 1, 1, false, 0);
	assert_false(blksnap_extent_map_covers(&map, 0, 1));
	blksnap_extent_map_destroy(&map);
}

static void test_lookup(void **state)
{
	struct extent_map map;

	(void)state;
	blksnap_extent_map_setup(&map);
	insert(&map, 100, 50, PLACE(7000));
	insert(&map, 150, 10, PLACE_ZERO);
	insert(&map, REGION_SECTORS - 8, 8, PLACE_MEMORY);

	assert_piece(&map, 0, 1000, 100, false, 0);
	assert_piece(&map, 0, 100, 100, false, 0);
	assert_piece(&map, 0, 50, 50, false, 0);
	assert_piece(&map, 100, 1000, 50, true, PLACE(7000));
	assert_piece(&map, 120, 10, 10, true, PLACE(7020));
	assert_piece(&map, 149, 10, 1, true, PLACE(7049));
	assert_piece(&map, 150, 10, 10, true, PLACE_ZERO);
	assert_piece(&map, 155, 10, 5, true, PLACE_ZERO);
	assert_piece(&map, 160, 10, 10, false, 0);
	assert_piece(&map, REGION_SECTORS - 1, 1, 1, true, PLACE_MEMORY);
	blksnap_extent_map_destroy(&map);
}

static void test_covers(void **state)
{
	struct extent_map map;

	(void)state;
	blksnap_extent_map_setup(&map);
	insert(&map, 100, 50, PLACE(7000));
	insert(&map, 150, 10, PLACE_ZERO);
	insert(&map, 160, 10, PLACE_MEMORY);
	insert(&map, 180, 10, PLACE(1));

	assert_true(blksnap_extent_map_covers(&map, 100, 50));
	assert_true(blksnap_extent_map_covers(&map, 110, 1));
	assert_true(blksnap_extent_map_covers(&map, 149, 2));
	assert_true(blksnap_extent_map_covers(&map, 100, 70));
	assert_true(blksnap_extent_map_covers(&map, 169, 1));
	assert_false(blksnap_extent_map_covers(&map, 99, 1));
	assert_false(blksnap_extent_map_covers(&map, 99, 2));
	assert_false(blksnap_extent_map_covers(&map, 100, 71));
	assert_false(blksnap_extent_map_covers(&map, 160, 30));
	assert_false(blksnap_extent_map_covers(&map, 170, 10));
	assert_false(blksnap_extent_map_covers(&map, 190, 1));
	blksnap_extent_map_destroy(&map);
}

static void test_covers_walks_along(void **state)
{
	struct extent_map map;
	u32 i;

	(void)state;
	blksnap_extent_map_setup(&map);
	for (i = 0; i < 100; i++)
		insert(&map, i * 8, 8, PLACE_MEMORY);
	assert_int_equal(count_extents(&map), 100);
	assert_true(blksnap_extent_map_covers(&map, 0, 16 * 8));
	assert_true(blksnap_extent_map_covers(&map, 4, 15 * 8));
	assert_false(blksnap_extent_map_covers(&map, 0, 100 * 8));	/* gives up */
	assert_false(blksnap_extent_map_covers(&map, 99 * 8, 9));
	blksnap_extent_map_destroy(&map);
}

static void test_join_storage(void **state)
{
	struct extent_map map;

	(void)state;
	blksnap_extent_map_setup(&map);
	insert(&map, 0, 8, PLACE(1000));
	insert(&map, 8, 8, PLACE(1008));		/* runs on */
	ASSERT_EXTENTS(&map, { 0, 16, 1000 });
	insert(&map, 16, 8, PLACE(1032));		/* elsewhere in storage */
	ASSERT_EXTENTS(&map, { 0, 16, 1000 }, { 16, 8, 1032 });
	insert(&map, 32, 8, PLACE(1040));		/* elsewhere in sectors */
	insert(&map, 48, 8, PLACE(1024));
	ASSERT_EXTENTS(&map, { 0, 16, 1000 }, { 16, 8, 1032 }, { 32, 8, 1040 },
		       { 48, 8, 1024 });
	insert(&map, 40, 8, PLACE(1016));		/* joins what follows */
	ASSERT_EXTENTS(&map, { 0, 16, 1000 }, { 16, 8, 1032 }, { 32, 8, 1040 },
		       { 40, 16, 1016 });
	blksnap_extent_map_destroy(&map);

	insert(&map, 0, 8, PLACE(1000));
	insert(&map, 16, 8, PLACE(1016));
	insert(&map, 8, 8, PLACE(1008));		/* closes the gap */
	ASSERT_EXTENTS(&map, { 0, 24, 1000 });
	blksnap_extent_map_destroy(&map);
}

static void test_join_special(void **state)
{
	struct extent_map map;

	(void)state;
	blksnap_extent_map_setup(&map);
	insert(&map, 0, 8, PLACE_ZERO);
	insert(&map, 8, 8, PLACE_ZERO);
	insert(&map, 16, 8, PLACE_POISON);
	insert(&map, 24, 8, PLACE_POISON);
	insert(&map, 32, 8, PLACE_MEMORY);
	insert(&map, 40, 8, PLACE_MEMORY);
	insert(&map, 56, 8, PLACE_POISON);
	insert(&map, 64, 8, PLACE_ZERO);
	ASSERT_EXTENTS(&map, { 0, 16, PLACE_ZERO }, { 16, 16, PLACE_POISON },
		       { 32, 8, PLACE_MEMORY }, { 40, 8, PLACE_MEMORY },
		       { 56, 8, PLACE_POISON }, { 64, 8, PLACE_ZERO });
	blksnap_extent_map_destroy(&map);
}

/* The first place that is no sector follows the last one that is. */
static void test_join_at_the_last_place(void **state)
{
	struct extent_map map;

	(void)state;
	blksnap_extent_map_setup(&map);
	insert(&map, 0, 8, PLACE_SPECIAL - 8);
	insert(&map, 8, 8, PLACE_MEMORY);
	ASSERT_EXTENTS(&map, { 0, 8, PLACE_SPECIAL - 8 }, { 8, 8, PLACE_MEMORY });
	blksnap_extent_map_destroy(&map);
}

static void test_set_stored(void **state)
{
	struct extent_map map;

	(void)state;
	blksnap_extent_map_setup(&map);
	insert(&map, 0, 8, PLACE_MEMORY);
	insert(&map, 8, 8, PLACE_MEMORY);
	insert(&map, 16, 8, PLACE_MEMORY);
	blksnap_extent_map_set_stored(&map, 16, 8, PLACE(516));
	ASSERT_EXTENTS(&map, { 0, 8, PLACE_MEMORY }, { 8, 8, PLACE_MEMORY },
		       { 16, 8, 516 });
	blksnap_extent_map_set_stored(&map, 0, 8, PLACE(500));
	blksnap_extent_map_set_stored(&map, 8, 8, PLACE(508));
	ASSERT_EXTENTS(&map, { 0, 24, 500 });
	blksnap_extent_map_destroy(&map);
}

static void test_misuse(void **state)
{
	struct extent_map map;

	(void)state;
	blksnap_extent_map_setup(&map);
	insert(&map, 0, 8, PLACE_MEMORY);
	insert(&map, 16, 8, PLACE(4));
	blksnap_extent_map_set_stored(&map, 0, 4, PLACE(500));
	blksnap_extent_map_set_stored(&map, 4, 4, PLACE(500));
	blksnap_extent_map_set_stored(&map, 16, 8, PLACE(500));
	blksnap_extent_map_set_stored(&map, 32, 8, PLACE(500));
	assert_int_equal(replace(&map, 0, 8, PLACE(500)), 0);
	assert_int_equal(replace(&map, 16, 8, PLACE(500)), 0);
	assert_int_equal(replace(&map, 32, 8, PLACE(500)), 0);
	assert_int_equal(shim_warnings, 7);
	shim_warnings = 0;
	ASSERT_EXTENTS(&map, { 0, 8, PLACE_MEMORY }, { 16, 8, 4 });
	blksnap_extent_map_destroy(&map);
}

static void test_replace(void **state)
{
	static const place_t kinds[] = { PLACE_ZERO, PLACE_POISON };
	static const struct {
		u32 start, count;
		int spares;			/* that it needs at most */
		struct expected wanted[3];	/* place 0: the kind as before */
		int extents;
	} table[] = {
		{ 10, 90, 0, { { 10, 90, 500 } }, 1 },
		{ 10, 20, 1, { { 10, 20, 500 }, { 30, 70, 0 } }, 2 },
		{ 80, 20, 1, { { 10, 70, 0 }, { 80, 20, 500 } }, 2 },
		{ 40, 20, 2, { { 10, 30, 0 }, { 40, 20, 500 }, { 60, 40, 0 } }, 3 },
	};
	struct extent_map map;
	size_t i, k;
	int n;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (i = 0; i < ARRAY_SIZE(table); i++) {
			struct expected wanted[3];

			memcpy(wanted, table[i].wanted, sizeof(wanted));
			for (n = 0; n < 3; n++)
				if (!wanted[n].place)
					wanted[n].place = kinds[k];

			blksnap_extent_map_setup(&map);
			insert(&map, 10, 90, kinds[k]);
			assert_in_range(replace(&map, table[i].start,
						table[i].count, PLACE(500)),
					0, table[i].spares);
			assert_extents(&map, wanted, table[i].extents);
			blksnap_extent_map_destroy(&map);
		}
	}
}

static void test_replace_joins(void **state)
{
	struct extent_map map;
	u32 i;

	(void)state;
	blksnap_extent_map_setup(&map);
	insert(&map, 0, 8, PLACE(992));
	insert(&map, 8, 80, PLACE_ZERO);
	insert(&map, 88, 8, PLACE(1080));
	for (i = 8; i < 88; i += 8) {
		replace(&map, i, 8, PLACE(992 + i));
		assert_int_equal(count_extents(&map), i < 80 ? 3 : 1);
	}
	ASSERT_EXTENTS(&map, { 0, 96, 992 });
	blksnap_extent_map_destroy(&map);
}

/* -- memory --------------------------------------------------------------------- */

static void test_no_memory(void **state)
{
	(void)state;
	shim_allocations_until_failure = 0;
	assert_null(blksnap_extent_alloc(GFP_KERNEL));
	blksnap_extent_free(NULL);
	blksnap_extent_free(blksnap_extent_alloc(GFP_KERNEL));
}

static void test_sequential_memory(void **state)
{
	struct extent_map map;
	u32 i;

	(void)state;
	blksnap_extent_map_setup(&map);
	for (i = 0; i < REGION_SECTORS; i += 8) {
		insert(&map, i, 8, PLACE_MEMORY);
		blksnap_extent_map_set_stored(&map, i, 8, PLACE(4096 + i));
		assert_in_range(shim_objects, 1, 3);
	}
	ASSERT_EXTENTS(&map, { 0, REGION_SECTORS, 4096 });
	assert_true(blksnap_extent_map_covers(&map, 0, REGION_SECTORS));
	blksnap_extent_map_destroy(&map);
	assert_int_equal(shim_objects, 0);
}

static void test_scattered_memory(void **state)
{
	struct extent_map map;
	u32 i, unit;

	(void)state;
	blksnap_extent_map_setup(&map);
	for (i = 0; i < 30000; i++) {
		unit = i * 7919 % 65536;		/* a permutation */
		insert(&map, unit * 8, 8, PLACE_MEMORY);
	}
	assert_int_equal(shim_objects, 30000);
	for (i = 0; i < 30000; i++) {
		unit = i * 7919 % 65536;
		assert_true(blksnap_extent_map_covers(&map, unit * 8, 8));
		blksnap_extent_map_set_stored(&map, unit * 8, 8, PLACE(unit * 8));
	}
	assert_true(count_extents(&map) < 30000);
	blksnap_extent_map_destroy(&map);
	assert_int_equal(shim_objects, 0);
}

/* -- random operations against an array of sectors ------------------------------- */

#define SECTORS	512

struct model {
	struct extent_map map;
	place_t place[SECTORS];		/* 0: not saved */
	u32 copy[SECTORS];		/* of PLACE_MEMORY: which extent it is */
	u32 copies;
	u64 random;
};

/* Do sectors @i and @i + 1 belong to the same extent? */
static bool is_same_extent(const struct model *model, u32 i)
{
	place_t a = model->place[i], b = model->place[i + 1];

	if (!a || !b)
		return false;
	if (a < PLACE_SPECIAL || b < PLACE_SPECIAL)
		return b < PLACE_SPECIAL && a + 1 == b;
	return a == b && (a != PLACE_MEMORY || model->copy[i] == model->copy[i + 1]);
}

/* The longest run that starts at @start, goes no further than @end, is one. */
static u32 run_end(const struct model *model, u32 start, u32 end)
{
	u32 i = start;

	while (i + 1 < end && (model->place[start] ? is_same_extent(model, i)
						   : !model->place[i + 1]))
		i++;
	return i + 1;
}

static void model_fill(struct model *model, u32 start, u32 count, place_t place)
{
	u32 i;

	if (place == PLACE_MEMORY)
		model->copies++;
	for (i = start; i < start + count; i++) {
		model->place[i] = place < PLACE_SPECIAL ? place + i - start : place;
		model->copy[i] = model->copies;
	}
}

static place_t any_place(struct model *model, u32 start)
{
	switch (random_below(&model->random, 8)) {
	case 0:
		return PLACE_POISON;
	case 1:
		return PLACE_ZERO;
	case 2:
		return PLACE(1000000 + random_below(&model->random, 1000000));
	case 3:
		return PLACE(10000 + start);		/* likely to run on */
	default:
		return PLACE_MEMORY;
	}
}

static bool model_insert(struct model *model)
{
	u32 start = random_below(&model->random, SECTORS);
	u32 end = min(start + 1 + random_below(&model->random, 24), (u32)SECTORS);
	place_t place;

	if (model->place[start])
		return false;
	end = run_end(model, start, end);
	place = any_place(model, start);
	insert(&model->map, start, end - start, place);
	model_fill(model, start, end - start, place);
	return true;
}

static void model_store(struct model *model)
{
	u32 start = random_below(&model->random, SECTORS), end;
	place_t place = PLACE(10000 + start);

	while (start < SECTORS && (model->place[start] != PLACE_MEMORY ||
				   (start && is_same_extent(model, start - 1))))
		start++;
	if (start == SECTORS)
		return;
	if (random_below(&model->random, 2))
		place = PLACE(10000 + start);
	end = run_end(model, start, SECTORS);
	blksnap_extent_map_set_stored(&model->map, start, end - start, place);
	model_fill(model, start, end - start, place);
}

static void model_replace(struct model *model)
{
	u32 start = random_below(&model->random, SECTORS), end;
	place_t place = PLACE(10000 + start + random_below(&model->random, 2) * 7);

	if (model->place[start] != PLACE_ZERO &&
	    model->place[start] != PLACE_POISON)
		return;
	end = run_end(model, start, SECTORS);
	end = start + 1 + random_below(&model->random, end - start);
	replace(&model->map, start, end - start, place);
	model_fill(model, start, end - start, place);
}

static void model_check_extents(const struct model *model)
{
	const struct extent *extent = first_extent(&model->map);
	u32 start, end;

	for (start = 0; start < SECTORS; start = end) {
		end = run_end(model, start, SECTORS);
		if (!model->place[start])
			continue;
		assert_non_null(extent);
		assert_int_equal(extent->start, start);
		assert_int_equal(extent->count, end - start);
		assert_int_equal(extent->place, model->place[start]);
		extent = next_extent(extent);
	}
	assert_null(extent);
}

static void model_check_range(struct model *model)
{
	u32 start = random_below(&model->random, SECTORS);
	u32 end = start + 1 + random_below(&model->random, SECTORS - start);
	bool is_covered = true;
	int extents = 0;
	u32 at;

	for (at = start; at < end; at = run_end(model, at, end)) {
		assert_piece(&model->map, at, end - at,
			     run_end(model, at, end) - at,
			     model->place[at], model->place[at]);
		is_covered &= !!model->place[at];
		extents++;
	}
	if (!is_covered || extents <= 16)
		assert_int_equal(blksnap_extent_map_covers(&model->map, start,
							   end - start),
				 is_covered);
}

static void test_random_operations(void **state)
{
	struct model *model = calloc(1, sizeof(*model));
	int step, i, round;

	(void)state;
	model->random = 2024;
	for (round = 0; round < 60; round++) {
		blksnap_extent_map_setup(&model->map);
		memset(model->place, 0, sizeof(model->place));
		for (step = 0; step < 400; step++) {
			switch (random_below(&model->random, 4)) {
			case 0:
				model_replace(model);
				break;
			case 1:
				model_store(model);
				break;
			default:
				model_insert(model);
			}
			model_check_extents(model);
			for (i = 0; i < 8; i++)
				model_check_range(model);
		}
		blksnap_extent_map_destroy(&model->map);
		assert_int_equal(shim_objects, 0);
	}
	free(model);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SENTENCE("an extent takes 40 bytes", test_size),
		SENTENCE("an empty map has nothing saved", test_empty),
		SENTENCE("a lookup ends where the state changes or the range ends",
			 test_lookup),
		SENTENCE("covers says yes to what is saved, and to nothing else",
			 test_covers),
		SENTENCE("covers walks along neighbours, but not for ever",
			 test_covers_walks_along),
		SENTENCE("extents join if they run on in sectors and in storage",
			 test_join_storage),
		SENTENCE("poison and zero join with their own kind, memory never",
			 test_join_special),
		SENTENCE("the last sector of storage does not join with memory",
			 test_join_at_the_last_place),
		SENTENCE("what was stored joins with its neighbours",
			 test_set_stored),
		SENTENCE("misuse warns and changes nothing", test_misuse),
		SENTENCE("replace cuts head, tail, middle or all of zero and poison",
			 test_replace),
		SENTENCE("what was replaced joins with its neighbours",
			 test_replace_joins),
		SENTENCE("without memory there is no extent", test_no_memory),
		SENTENCE("a region written in sequence needs one extent",
			 test_sequential_memory),
		SENTENCE("a map of 30000 scattered extents finds each, and frees all",
			 test_scattered_memory),
		SENTENCE("24000 random operations leave what an array of sectors has",
			 test_random_operations),
	};

	return cmocka_run_group_tests_name("extent_map", tests, NULL, NULL);
}
