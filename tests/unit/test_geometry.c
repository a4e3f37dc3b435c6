// SPDX-License-Identifier: GPL-2.0-only
/*
 * geometry: sectors, units and blocks, mostly as tables of edges.
 */
#include "unit.h"
#include "geometry.h"

#define U64_TOP	(~0ull)

static struct sector_range range(u64 start, u64 count)
{
	return (struct sector_range){ .start = start, .count = count };
}

static void assert_range(struct sector_range is, struct sector_range wanted)
{
	assert_int_equal(is.count, wanted.count);
	if (wanted.count)
		assert_int_equal(is.start, wanted.start);
}

static void test_unit(void **state)
{
	(void)state;
	assert_int_equal(unit_sectors(512), 8);
	assert_int_equal(unit_sectors(4096), 8);
	assert_int_equal(unit_sectors(8192), 16);
	assert_int_equal(unit_sectors(65536), 128);
}

static void test_region(void **state)
{
	(void)state;
	assert_int_equal((u64)REGION_SECTORS << 9, 1ull << 30);
	assert_int_equal(REGION_SECTORS, 1u << REGION_SECTOR_SHIFT);
}

static void test_intersect(void **state)
{
	static const struct {
		struct sector_range a, b, wanted;
	} table[] = {
		{ { 0, 10 }, { 5, 10 }, { 5, 5 } },
		{ { 0, 10 }, { 2, 3 }, { 2, 3 } },
		{ { 7, 3 }, { 7, 3 }, { 7, 3 } },
		{ { 0, 10 }, { 10, 1 }, { 0, 0 } },		/* touch */
		{ { 0, 10 }, { 20, 5 }, { 0, 0 } },		/* apart */
		{ { 0, 10 }, { 5, 0 }, { 0, 0 } },		/* empty inside */
		{ { 0, 0 }, { 0, 0 }, { 0, 0 } },
		{ { 1ull << 54, 9 }, { (1ull << 54) + 8, 9 },
		  { (1ull << 54) + 8, 1 } },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		assert_range(range_intersect(table[i].a, table[i].b),
			     table[i].wanted);
		assert_range(range_intersect(table[i].b, table[i].a),
			     table[i].wanted);
	}
}

static void test_round_out(void **state)
{
	static const struct {
		struct sector_range r;
		u32 unit;
		u64 capacity;
		struct sector_range wanted;
	} table[] = {
		{ { 0, 1 }, 8, 100, { 0, 8 } },
		{ { 7, 1 }, 8, 100, { 0, 8 } },
		{ { 7, 2 }, 8, 100, { 0, 16 } },
		{ { 8, 8 }, 8, 100, { 8, 8 } },
		{ { 96, 1 }, 8, 100, { 96, 4 } },		/* the odd end */
		{ { 99, 1 }, 8, 99 + 1, { 96, 4 } },
		{ { 99, 50 }, 8, 100, { 96, 4 } },		/* reaches past it */
		{ { 104, 8 }, 8, 100, { 0, 0 } },		/* lies past it */
		{ { 3, 1 }, 8, 5, { 0, 5 } },			/* less than a unit */
		{ { 3, 1 }, 1, 5, { 3, 1 } },
		{ { 0, 5 }, 128, 1ull << 54, { 0, 128 } },
		{ { (1ull << 54) - 1, 1 }, 8, 1ull << 54,
		  { (1ull << 54) - 8, 8 } },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++)
		assert_range(range_round_out(table[i].r, table[i].unit,
					     table[i].capacity),
			     table[i].wanted);
}

static void test_round_in(void **state)
{
	static const struct {
		struct sector_range r;
		u32 unit;
		struct sector_range wanted;
	} table[] = {
		{ { 0, 8 }, 8, { 0, 8 } },
		{ { 1, 15 }, 8, { 8, 8 } },
		{ { 0, 15 }, 8, { 0, 8 } },
		{ { 1, 14 }, 8, { 0, 0 } },			/* none is whole */
		{ { 1, 7 }, 8, { 0, 0 } },
		{ { 8, 0 }, 8, { 0, 0 } },
		{ { 9, 30 }, 1, { 9, 30 } },
		{ { (1ull << 54) - 9, 9 }, 8, { (1ull << 54) - 8, 8 } },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++)
		assert_range(range_round_in(table[i].r, table[i].unit),
			     table[i].wanted);
}

/* The definition, sector by sector, for all small ranges. */
static void test_rounding_agrees_with_its_definition(void **state)
{
	const u32 unit = 4, capacity = 18;
	u32 start, count;

	(void)state;
	for (start = 0; start < capacity; start++) {
		for (count = 1; start + count <= capacity; count++) {
			struct sector_range r = range(start, count);
			struct sector_range out = range_round_out(r, unit, capacity);
			struct sector_range in = range_round_in(r, unit);

			assert_int_equal(out.start, start / unit * unit);
			assert_in_range(range_end(out), start + count,
					start + count + unit - 1);
			assert_true(range_end(out) % unit == 0 ||
				    range_end(out) == capacity);
			assert_int_equal(in.count % unit, 0);
			if (!in.count)
				continue;
			assert_int_equal(in.start % unit, 0);
			assert_in_range(in.start, start, start + unit - 1);
			assert_true(start + count - range_end(in) < unit);
		}
	}
}

static void test_is_inside(void **state)
{
	static const struct {
		u64 start, count, capacity;
		bool wanted;
	} table[] = {
		{ 0, 1, 1, true },
		{ 0, 100, 100, true },
		{ 99, 1, 100, true },
		{ 99, 2, 100, false },
		{ 100, 1, 100, false },
		{ 0, 101, 100, false },
		{ 0, 0, 100, false },				/* empty */
		{ 100, 0, 100, false },
		{ 0, 1, 0, false },
		{ U64_TOP, 1, 100, false },
		{ U64_TOP, 2, 100, false },			/* sum is 1 */
		{ 50, U64_TOP - 40, 100, false },		/* sum is 9 */
		{ U64_TOP - 1, 1, U64_TOP, true },
		{ U64_TOP - 1, 2, U64_TOP, false },
		{ 0, U64_TOP, U64_TOP, true },
		{ 1, U64_TOP, U64_TOP, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++)
		assert_int_equal(range_is_inside(table[i].start, table[i].count,
						 table[i].capacity),
				 table[i].wanted);
}

static void test_block_count(void **state)
{
	static const struct {
		u64 bytes;
		u32 shift;
		u64 wanted;
	} table[] = {
		{ 0, 16, 0 },
		{ 1, 16, 1 },
		{ 65536, 16, 1 },
		{ 65537, 16, 2 },
		{ 1ull << 40, 16, 1ull << 24 },
		{ U64_TOP, 0, U64_TOP },
		{ U64_TOP, 1, 1ull << 63 },
		{ U64_TOP, 63, 2 },
		{ 1ull << 63, 63, 1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++)
		assert_int_equal(cbt_block_count(table[i].bytes, table[i].shift),
				 table[i].wanted);
}

static void test_block_shift(void **state)
{
	static const struct {
		u64 bytes;
		u32 min_shift, max_count, wanted;
	} table[] = {
		{ 512, 16, 2097152, 16 },
		{ 128ull << 30, 16, 2097152, 16 },		/* just fits */
		{ (128ull << 30) + 512, 16, 2097152, 17 },	/* just does not */
		{ 16ull << 40, 16, 2097152, 23 },
		{ 100ull << 40, 16, 2097152, 26 },
		{ 1 << 20, 12, 256, 12 },
		{ 1 << 20, 12, 255, 13 },
		{ 1 << 20, 12, 1, 20 },
		{ 1ull << 63, 16, 2097152, 42 },
		{ U64_TOP, 16, 2097152, 43 },
		{ U64_TOP, 16, 2, 63 },
		{ U64_TOP, 16, 1, 63 },				/* as far as it goes */
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++)
		assert_int_equal(cbt_block_shift(table[i].bytes,
						 table[i].min_shift,
						 table[i].max_count),
				 table[i].wanted);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SENTENCE("a unit is 4 KiB, or the logical block if that is larger",
			 test_unit),
		SENTENCE("a region is 1 GiB", test_region),
		SENTENCE("ranges share what lies in both, whichever comes first",
			 test_intersect),
		SENTENCE("rounding out widens to units, but not past the end",
			 test_round_out),
		SENTENCE("rounding in narrows to whole units, or to nothing",
			 test_round_in),
		SENTENCE("rounding agrees with its definition for all small ranges",
			 test_rounding_agrees_with_its_definition),
		SENTENCE("inside is exact where a sum would overflow, never for nothing",
			 test_is_inside),
		SENTENCE("blocks are counted rounding up, also near 2^64 bytes",
			 test_block_count),
		SENTENCE("a block is the smallest power of two within both limits",
			 test_block_shift),
	};

	return cmocka_run_group_tests_name("geometry", tests, NULL, NULL);
}
