// SPDX-License-Identifier: GPL-2.0-only
/* Words of the command line: sizes and names of points. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cases.h"
#include "repo.h"

static void sizes_are_read_with_their_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} right[] = {
		{ "0", 0 }, { "512", 512 }, { "4k", 4096 }, { "1M", 1 << 20 },
		{ "10GiB", 10ull << 30 }, { "2t", 2ull << 40 }, { "7B", 7 },
	};
	static const char *const wrong[] = {
		"", "x", "-1", "1X", "1MB", "1 M", "99999999999999999999",
		"99999999E",
	};
	uint64_t bytes;

	(void)state;
	for (unsigned int i = 0; i < sizeof(right) / sizeof(*right); i++) {
		assert_int_equal(parse_size(right[i].text, &bytes), 0);
		assert_int_equal(bytes, right[i].bytes);
	}
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_true(parse_size(wrong[i], &bytes) < 0);
}

static void sizes_are_written_for_people(void **state)
{
	char text[16];

	(void)state;
	assert_string_equal(format_size(0, text), "0 B");
	assert_string_equal(format_size(1023, text), "1023 B");
	assert_string_equal(format_size(1024, text), "1.0 KiB");
	assert_string_equal(format_size((1 << 20) - 1, text), "1.0 MiB");
	assert_string_equal(format_size(UINT64_MAX, text), "16.0 EiB");
}

static void a_point_is_named_after_its_directory(void **state)
{
	static const struct {
		const char *text, *dir, *point, *device;
	} cases[] = {
		{ "/b", "/b", "", "" },
		{ "/b@20260102T030405Z-beef", "/b", "20260102T030405Z-beef", "" },
		{ "/b@2026:vda1", "/b", "2026", "vda1" },
		{ "/b:/dev/vda1", "/b", "", "/dev/vda1" },
		/* A directory that exists is meant as it stands. */
		{ "/usr", "/usr", "", "" },
		{ "b:/srv/a@b", "b", "", "/srv/a@b" },
		{ "b@2026:/srv/a@b:c", "b", "2026", "/srv/a@b:c" },
		{ "b@x:disk", "b@x", "", "disk" },
		{ "b@x@2026:disk", "b@x", "2026", "disk" },
		{ "b@x/c:1@2026", "b@x/c:1", "2026", "" },
	};
	char work[] = "/tmp/blksnap-words-XXXXXX";
	struct point_name name;

	(void)state;
	assert_non_null(mkdtemp(work));
	assert_int_equal(chdir(work), 0);
	assert_int_equal(mkdir("b", 0700) || mkdir("b@x", 0700) ||
			 mkdir("b@x/c:1", 0700), 0);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(point_name_parse(cases[i].text, &name), 0);
		assert_string_equal(name.dir, cases[i].dir);
		assert_string_equal(name.point, cases[i].point);
		assert_string_equal(name.device, cases[i].device);
	}
	assert_int_equal(rmdir("b@x/c:1") || rmdir("b@x") || rmdir("b") ||
			 rmdir(work), 0);
	assert_int_equal(point_name_parse("", &name), -EINVAL);
	assert_int_equal(point_name_parse("@x", &name), -EINVAL);
	assert_int_equal(point_name_parse("/b@01234567890123456789012345", &name),
			 -EINVAL);
}

static void a_new_id_sorts_after_all_others(void **state)
{
	struct manifest last = { .count = 0 };
	struct repo repo = { .points = &last, .count = 1 };
	char id[POINT_ID_SIZE], second[POINT_ID_SIZE];

	(void)state;
	strcpy(last.id, "20990101T235959Z-ffff");
	repo_new_id(&repo, id);
	assert_true(strcmp(id, last.id) > 0);
	assert_memory_equal(id, "20990102T000000Z-", 17);
	repo.count = 0;
	repo_new_id(&repo, id);
	strcpy(last.id, id);
	repo.count = 1;
	repo_new_id(&repo, second);
	assert_true(strcmp(second, id) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_read_with_their_units),
		cmocka_unit_test(sizes_are_written_for_people),
		cmocka_unit_test(a_point_is_named_after_its_directory),
		cmocka_unit_test(a_new_id_sorts_after_all_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
