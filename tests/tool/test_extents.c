// SPDX-License-Identifier: GPL-2.0-only
/* From bytes of a map to parts of a device. */
#include <errno.h>
#include <string.h>

#include "cases.h"
#include "libblksnap.h"

#define K 65536ull

static struct blksnap_map_piece piece_of(const uint8_t *map, uint32_t count,
					 uint32_t first, uint64_t capacity)
{
	return (struct blksnap_map_piece) {
		.bytes = map, .count = count, .first_block = first,
		.block_bytes = K, .capacity_bytes = capacity,
	};
}

static void assert_extents(const struct blksnap_extents *extents,
			   const struct blksnap_extent *expected, size_t count)
{
	uint64_t bytes = 0;

	assert_int_equal(extents->count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(extents->items[i].offset, expected[i].offset);
		assert_int_equal(extents->items[i].length, expected[i].length);
		bytes += expected[i].length;
	}
	assert_int_equal(extents->bytes, bytes);
}

static void only_bytes_greater_than_the_number_have_changed(void **state)
{
	static const uint8_t map[] = { 0, 1, 2, 3, 3, 2, 0, 255 };
	static const struct blksnap_extent expected[] = {
		{ 3 * K, 2 * K }, { 7 * K, K },
	};
	struct blksnap_extents extents = { .items = NULL };
	struct blksnap_map_piece piece = piece_of(map, 8, 0, 8 * K);

	(void)state;
	assert_int_equal(blksnap_extents_add_map(&extents, &piece, 2), 0);
	assert_extents(&extents, expected, 2);
	blksnap_extents_free(&extents);
}

static void number_0_means_everything_written_in_the_generation(void **state)
{
	static const uint8_t map[] = { 1, 0, 1 };
	static const struct blksnap_extent expected[] = {
		{ 0, K }, { 2 * K, K },
	};
	struct blksnap_extents extents = { .items = NULL };
	struct blksnap_map_piece piece = piece_of(map, 3, 0, 3 * K);

	(void)state;
	assert_int_equal(blksnap_extents_add_map(&extents, &piece, 0), 0);
	assert_extents(&extents, expected, 2);
	blksnap_extents_free(&extents);
}

static void the_last_block_ends_with_the_device(void **state)
{
	static const uint8_t map[] = { 0, 9, 9 };
	static const struct blksnap_extent expected[] = { { K, K + 512 } };
	struct blksnap_extents extents = { .items = NULL };
	struct blksnap_map_piece piece = piece_of(map, 3, 0, 2 * K + 512);

	(void)state;
	assert_int_equal(blksnap_extents_add_map(&extents, &piece, 8), 0);
	assert_extents(&extents, expected, 1);
	blksnap_extents_free(&extents);
}

static void blocks_past_the_end_are_left_out(void **state)
{
	static const uint8_t map[] = { 9, 9, 9 };
	static const struct blksnap_extent expected[] = { { 0, K } };
	struct blksnap_extents extents = { .items = NULL };
	struct blksnap_map_piece piece = piece_of(map, 3, 0, K);

	(void)state;
	assert_int_equal(blksnap_extents_add_map(&extents, &piece, 8), 0);
	assert_extents(&extents, expected, 1);
	blksnap_extents_free(&extents);
}

static void pieces_of_a_map_join_where_they_meet(void **state)
{
	static const uint8_t map[] = { 0, 9, 9, 9, 0, 9 };
	static const struct blksnap_extent expected[] = {
		{ K, 3 * K }, { 5 * K, K },
	};

	(void)state;
	for (uint32_t cut = 0; cut <= 6; cut++) {
		struct blksnap_extents extents = { .items = NULL };
		struct blksnap_map_piece one = piece_of(map, cut, 0, 6 * K);
		struct blksnap_map_piece two = piece_of(map + cut, 6 - cut, cut,
							6 * K);

		assert_int_equal(blksnap_extents_add_map(&extents, &one, 1), 0);
		assert_int_equal(blksnap_extents_add_map(&extents, &two, 1), 0);
		assert_extents(&extents, expected, 2);
		blksnap_extents_free(&extents);
	}
}

static void a_block_number_beyond_32_bits_of_bytes_is_right(void **state)
{
	static const uint8_t map[] = { 1 };
	struct blksnap_map_piece piece = piece_of(map, 1, 2000000, 1ull << 40);
	static const struct blksnap_extent expected[] = {
		{ 2000000 * K, K },
	};
	struct blksnap_extents extents = { .items = NULL };

	(void)state;
	assert_int_equal(blksnap_extents_add_map(&extents, &piece, 0), 0);
	assert_extents(&extents, expected, 1);
	blksnap_extents_free(&extents);
}

static void extents_in_disorder_are_refused(void **state)
{
	struct blksnap_extents extents = { .items = NULL };

	(void)state;
	assert_int_equal(blksnap_extents_add(&extents, 10, 10), 0);
	assert_int_equal(blksnap_extents_add(&extents, 15, 10), -EINVAL);
	assert_int_equal(blksnap_extents_add(&extents, 0, 5), -EINVAL);
	assert_int_equal(blksnap_extents_add(&extents, 0, 0), 0);
	assert_int_equal(extents.count, 1);
	blksnap_extents_free(&extents);
}

static void an_extent_past_the_last_byte_is_refused(void **state)
{
	struct blksnap_extents extents = { .items = NULL };

	(void)state;
	assert_int_equal(blksnap_extents_add(&extents, UINT64_MAX - 10, 100),
			 -EINVAL);
	assert_int_equal(blksnap_extents_add(&extents, UINT64_MAX - 10, 10), 0);
	assert_int_equal(blksnap_extents_add(&extents, UINT64_MAX, 1), -EINVAL);
	assert_int_equal(blksnap_extents_add(&extents, 200, 5), -EINVAL);
	assert_int_equal(extents.count, 1);
	blksnap_extents_free(&extents);
}

static void a_uuid_reads_as_it_was_written(void **state)
{
	static const char text[] = "01234567-89ab-4cde-8f01-23456789abcd";
	char again[BLKSNAP_UUID_STRING_SIZE];
	struct blk_snap_uuid uuid;

	(void)state;
	assert_int_equal(blksnap_uuid_parse(text, &uuid), 0);
	assert_int_equal(uuid.b[0], 0x01);
	assert_int_equal(uuid.b[15], 0xcd);
	blksnap_uuid_unparse(&uuid, again);
	assert_string_equal(text, again);
	assert_int_equal(blksnap_uuid_parse("01234567", &uuid), -EINVAL);
}

static void what_is_no_device_is_refused(void **state)
{
	struct blk_snap_dev dev;

	(void)state;
	assert_int_equal(blksnap_device_of_path("/proc", &dev), -ENOTBLK);
	assert_int_equal(blksnap_device_of_path("/usr/bin", &dev), -ENOTBLK);
	assert_int_equal(blksnap_device_of_path("/dev/null", &dev), -ENOTBLK);
	assert_int_equal(blksnap_device_of_path("/nowhere", &dev), -ENOENT);
}

static void without_a_module_open_says_so(void **state)
{
	(void)state;
	assert_int_equal(blksnap_open("/nowhere/blksnap"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_bytes_greater_than_the_number_have_changed),
		cmocka_unit_test(number_0_means_everything_written_in_the_generation),
		cmocka_unit_test(the_last_block_ends_with_the_device),
		cmocka_unit_test(blocks_past_the_end_are_left_out),
		cmocka_unit_test(pieces_of_a_map_join_where_they_meet),
		cmocka_unit_test(a_block_number_beyond_32_bits_of_bytes_is_right),
		cmocka_unit_test(extents_in_disorder_are_refused),
		cmocka_unit_test(an_extent_past_the_last_byte_is_refused),
		cmocka_unit_test(a_uuid_reads_as_it_was_written),
		cmocka_unit_test(what_is_no_device_is_refused),
		cmocka_unit_test(without_a_module_open_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
