// SPDX-License-Identifier: GPL-2.0-only
/* Lists of pieces: cutting, laying over one another, the text file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cases.h"
#include "pieces.h"

#define M (1ull << 20)
#define UNITS 200

static int new_file(const char *text)
{
	int fd = memfd_create("pieces", 0);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void extents_are_cut_at_multiples_of_4_mib(void **state)
{
	struct blksnap_extent extent[] = { { M, 8 * M }, { 20 * M, 512 } };
	struct blksnap_extents extents = { .items = extent, .count = 2 };
	struct pieces pieces = { .items = NULL };

	(void)state;
	assert_int_equal(pieces_cut(&pieces, &extents), 0);
	assert_int_equal(pieces.count, 4);
	assert_int_equal(pieces.items[0].offset, M);
	assert_int_equal(pieces.items[0].length, 3 * M);
	assert_int_equal(pieces.items[1].length, 4 * M);
	assert_int_equal(pieces.items[2].length, M);
	assert_int_equal(pieces.items[3].offset, 20 * M);
	assert_int_equal(pieces.items[3].length, 512);
	pieces_free(&pieces);
}

/* 20 TiB and a few bytes in portions: no piece is lost, none comes twice. */
static void a_large_device_is_cut_in_portions(void **state)
{
	struct blksnap_extent extent[] = {
		{ 0, 20 * M * M }, { 20 * M * M + 512, 512 },
	};
	struct blksnap_extents extents = { .items = extent, .count = 2 };
	struct piece_cursor cursor = { .extent = 0 };
	struct pieces pieces = { .items = NULL };
	uint64_t end = 0, count = 0;

	(void)state;
	do {
		pieces.count = 0;
		assert_int_equal(pieces_cut_some(&pieces, &extents, &cursor, 1000), 0);
		assert_in_range(pieces.count, 0, 1000);
		for (size_t i = 0; i < pieces.count; i++) {
			const struct piece *piece = &pieces.items[i];

			assert_int_equal(piece->offset, end == 20 * M * M ? end + 512 : end);
			assert_in_range(piece->length, 512, 4 * M);
			end = piece->offset + piece->length;
		}
		count += pieces.count;
	} while (pieces.count);
	assert_int_equal(end, 20 * M * M + 1024);
	assert_int_equal(count, 5 * M + 1);
	assert_in_range(pieces.room, 1000, 2000);
	pieces_free(&pieces);
}

/*
 * The model of an overlay: what is known of each unit of a small disk, as the
 * number of the piece that it belongs to.
 */
static void random_layer(struct pieces *pieces, uint8_t tag)
{
	uint64_t at = (uint64_t)(rand() % 5);

	while (at < UNITS) {
		struct piece piece = {
			.offset = at, .length = 1 + (uint64_t)(rand() % 12),
			.kind = rand() % 3 ? PIECE_DATA : PIECE_ZERO,
		};

		if (piece.offset + piece.length > UNITS)
			piece.length = UNITS - at;
		if (piece.kind == PIECE_DATA) {
			piece.hash[0] = tag;
			piece.hash[1] = (uint8_t)pieces->count;
		}
		assert_int_equal(pieces_add(pieces, &piece), 0);
		at += piece.length + (uint64_t)(rand() % 4 ? rand() % 9 : 0);
	}
}

static void paint(const struct pieces *pieces, const struct piece *units[])
{
	for (size_t i = 0; i < pieces->count; i++)
		for (uint64_t u = 0; u < pieces->items[i].length; u++)
			units[pieces->items[i].offset + u] = &pieces->items[i];
}

static void assert_like_model(const struct pieces *result,
			      const struct piece *units[])
{
	uint64_t covered = 0, expected = 0, end = 0;

	for (uint64_t u = 0; u < UNITS; u++)
		expected += units[u] != NULL;
	for (size_t i = 0; i < result->count; i++) {
		const struct piece *piece = &result->items[i];
		const struct piece *from = units[piece->offset];

		assert_true(piece->offset >= end);
		end = piece->offset + piece->length;
		covered += piece->length;
		for (uint64_t u = piece->offset; u < end; u++)
			assert_ptr_equal(units[u], from);
		if (from->kind == PIECE_ZERO) {
			assert_int_equal(piece->kind, PIECE_ZERO);
		} else if (piece->length == from->length) {
			assert_int_equal(piece->kind, PIECE_DATA);
			assert_memory_equal(piece->hash, from->hash, 16);
		} else {
			assert_int_equal(piece->kind, PIECE_PART);
			assert_int_equal(piece->whole_offset, from->offset);
			assert_int_equal(piece->whole_length, from->length);
			assert_memory_equal(piece->hash, from->hash, 16);
		}
	}
	assert_int_equal(covered, expected);
}

static void an_overlay_hides_exactly_what_it_covers(void **state)
{
	(void)state;
	srand(1);
	for (int round = 0; round < 2000; round++) {
		struct pieces under = { .items = NULL }, over = { .items = NULL };
		struct pieces result = { .items = NULL };
		const struct piece *units[UNITS] = { NULL };

		random_layer(&under, 1);
		if (round % 10)
			random_layer(&over, 2);
		for (size_t i = 0; i < under.count; i++)
			assert_int_equal(pieces_add(&result, &under.items[i]), 0);
		paint(&under, units);
		paint(&over, units);
		assert_int_equal(pieces_overlay(&result, &over), 0);
		assert_like_model(&result, units);
		pieces_free(&under);
		pieces_free(&over);
		pieces_free(&result);
	}
}

static void what_lies_beside_pieces_is_found(void **state)
{
	static const struct {
		uint64_t offset, length, where;
		bool is_covered;
	} cases[] = {
		{ 0, M, 0, false },
		{ M, M, 0, true },
		{ M - 1, 2, M - 1, false },
		/* A piece of one byte counts for its whole unit. */
		{ 4 * M, M, 0, true },
		{ 4 * M, M + 1, 5 * M, false },
		{ M, 3 * M, 3 * M, false },
		{ 2 * M - 1, 1 + M, 0, true },
		{ 6 * M, 1, 6 * M, false },
	};
	struct piece items[] = {
		{ .offset = M, .length = M, .kind = PIECE_DATA },
		{ .offset = 2 * M, .length = M, .kind = PIECE_ZERO },
		{ .offset = 4 * M + 7, .length = 1, .kind = PIECE_DATA },
	};
	struct pieces pieces = { .items = items, .count = 3 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct blksnap_extents extents = { .items = NULL };
		uint64_t where = 0;

		assert_int_equal(blksnap_extents_add(&extents, cases[i].offset,
						     cases[i].length), 0);
		assert_int_equal(pieces_cover(&pieces, &extents, M, &where),
				 cases[i].is_covered);
		if (!cases[i].is_covered)
			assert_int_equal(where, cases[i].where);
		blksnap_extents_free(&extents);
	}
}

static void a_list_reads_as_it_was_written(void **state)
{
	struct piece written[] = {
		{ .offset = 0, .length = 4 * M, .kind = PIECE_DATA },
		{ .offset = 4 * M, .length = 4 * M, .kind = PIECE_ZERO },
		{ .offset = 8 * M, .length = 4 * M, .kind = PIECE_ZERO },
		{ .offset = 16 * M, .length = 512, .kind = PIECE_ZERO },
	};
	struct pieces pieces = { .items = written, .count = 4 };
	char hash[HASH_TEXT_SIZE], again[HASH_TEXT_SIZE];
	struct pieces_writer *writer;
	struct pieces read_back = { .items = NULL };
	int fd = new_file("");

	(void)state;
	hash_memory("abc", 3, written[0].hash);
	assert_int_equal(pieces_write(&pieces, fd, hash), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(pieces_read(&read_back, fd, again), 0);
	assert_string_equal(hash, again);
	close(fd);
	/* In portions it is the same, also where zeros go on in the next one. */
	fd = new_file("");
	assert_int_equal(pieces_writer_open(&writer, fd), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pieces_writer_put(writer, &(struct pieces){
					.items = &written[i], .count = 1 }), 0);
	assert_int_equal(pieces_writer_close(writer, again), 0);
	assert_string_equal(hash, again);
	/* Neighbouring zeros have become one. */
	assert_int_equal(read_back.count, 3);
	assert_int_equal(read_back.items[0].kind, PIECE_DATA);
	assert_memory_equal(read_back.items[0].hash, written[0].hash, 16);
	assert_int_equal(read_back.items[1].length, 8 * M);
	assert_int_equal(read_back.items[2].offset, 16 * M);
	pieces_free(&read_back);
	close(fd);
}

static void what_is_no_list_is_refused(void **state)
{
	static const char head[] = "# blksnap hashes 1 xxh3-128\n";
	static const char *const bodies[] = {
		"x\n", "0 0 zero\n", "8 8 zero\n0 8 zero\n",
		"0 8 zero\n4 8 zero\n", "0 8 0123\n",
		"0 18446744073709551615 zero\n1 18446744073709551615 zero\n",
		"0 8388608 00000000000000000000000000000000\n",
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		struct pieces pieces = { .items = NULL };
		char text[256], hash[HASH_TEXT_SIZE];
		int fd;

		snprintf(text, sizeof(text), "%s%s", head, bodies[i]);
		fd = new_file(text);
		assert_int_equal(pieces_read(&pieces, fd, hash), -EBADMSG);
		assert_null(pieces.items);
		close(fd);
	}
}

static void a_file_without_its_first_line_is_refused(void **state)
{
	struct pieces pieces = { .items = NULL };
	char hash[HASH_TEXT_SIZE];
	int empty = new_file(""), other = new_file("0 8 zero\n");

	(void)state;
	assert_int_equal(pieces_read(&pieces, empty, hash), -EBADMSG);
	assert_int_equal(pieces_read(&pieces, other, hash), -EBADMSG);
	close(empty);
	close(other);
}

static void a_full_disk_is_noticed_when_a_list_is_written(void **state)
{
	struct piece piece = { .length = 512, .kind = PIECE_ZERO };
	struct pieces pieces = { .items = &piece, .count = 1 };
	char hash[HASH_TEXT_SIZE];
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	assert_int_equal(pieces_write(&pieces, fileno(full), hash), -ENOSPC);
	fclose(full);
}

static void zeros_are_known_as_such(void **state)
{
	static char memory[1000];

	(void)state;
	assert_true(memory_is_zero(memory, sizeof(memory)));
	for (unsigned int i = 0; i < sizeof(memory); i += 111) {
		memory[i] = 1;
		assert_false(memory_is_zero(memory, sizeof(memory)));
		memory[i] = 0;
	}
	assert_true(memory_is_zero(memory, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(extents_are_cut_at_multiples_of_4_mib),
		cmocka_unit_test(a_large_device_is_cut_in_portions),
		cmocka_unit_test(an_overlay_hides_exactly_what_it_covers),
		cmocka_unit_test(what_lies_beside_pieces_is_found),
		cmocka_unit_test(a_list_reads_as_it_was_written),
		cmocka_unit_test(what_is_no_list_is_refused),
		cmocka_unit_test(a_file_without_its_first_line_is_refused),
		cmocka_unit_test(a_full_disk_is_noticed_when_a_list_is_written),
		cmocka_unit_test(zeros_are_known_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
