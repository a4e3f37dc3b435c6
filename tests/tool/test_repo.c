// SPDX-License-Identifier: GPL-2.0-only
/* What opening a backup directory removes, and above all what it does not. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "repo.h"

#define POINTS 3

static char dir[] = "/tmp/blksnap-repo-XXXXXX";
/* The call of readdir() that fails, counted from 1; 0 is none. */
static unsigned int failing_call, calls;

/* In place of the C library's. With 64 bits the two are the same. */
struct dirent *readdir(DIR *stream)
{
	static struct dirent *(*next)(DIR *);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "readdir");
	if (failing_call && ++calls == failing_call) {
		errno = EIO;
		return NULL;
	}
	return next(stream);
}

static void write_file(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static bool is_there(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return !access(path, F_OK);
}

static void add_point(unsigned int number)
{
	struct manifest manifest = { .count = 0 };
	struct device_entry *device;
	char name[64], *text;

	snprintf(manifest.id, sizeof(manifest.id), "2026010%uT000000Z-0000",
		 number);
	device = manifest_add_device(&manifest);
	assert_non_null(device);
	snprintf(device->image, sizeof(device->image), "%s.disk.qcow2",
		 manifest.id);
	snprintf(device->hashes, sizeof(device->hashes), "%s.disk.hashes",
		 manifest.id);
	text = manifest_to_text(&manifest);
	assert_non_null(text);
	snprintf(name, sizeof(name), "points/%s.json", manifest.id);
	write_file(name, text);
	snprintf(name, sizeof(name), "data/%s.disk.qcow2", manifest.id);
	write_file(name, "image");
	free(text);
	manifest_free(&manifest);
}

static void assert_points_are_there(void)
{
	char name[64];

	for (unsigned int i = 1; i <= POINTS; i++) {
		snprintf(name, sizeof(name),
			 "points/2026010%uT000000Z-0000.json", i);
		assert_true(is_there(name));
		snprintf(name, sizeof(name),
			 "data/2026010%uT000000Z-0000.disk.qcow2", i);
		assert_true(is_there(name));
	}
}

static void a_directory_that_cannot_be_read_to_its_end_loses_nothing(void **state)
{
	enum status status;
	struct repo repo;

	(void)state;
	/* In any place, until it is beyond the last call. */
	for (failing_call = 1;; failing_call++) {
		calls = 0;
		status = repo_open(&repo, dir, true);
		assert_points_are_there();
		if (calls < failing_call)
			break;
		assert_int_equal(status, FAILED);
	}
	failing_call = 0;
	assert_true(calls > 2 * POINTS);
	assert_int_equal(status, DONE);
	assert_int_equal(repo.count, POINTS);
	repo_close(&repo);
}

static void what_a_killed_backup_left_is_removed(void **state)
{
	struct repo repo;

	(void)state;
	write_file("data/.tmp-20260109T000000Z-0000.disk.qcow2", "");
	write_file("data/20260109T000000Z-0000.disk.hashes", "");
	write_file("points/.tmp-20260109T000000Z-0000.json", "");
	/* Not ours, but nothing that may be thrown away either. */
	write_file("points/20260109T000000Z-0000.old.json", "");
	assert_int_equal(repo_open(&repo, dir, true), DONE);
	repo_close(&repo);
	assert_false(is_there("data/.tmp-20260109T000000Z-0000.disk.qcow2"));
	assert_false(is_there("data/20260109T000000Z-0000.disk.hashes"));
	assert_false(is_there("points/.tmp-20260109T000000Z-0000.json"));
	assert_true(is_there("points/20260109T000000Z-0000.old.json"));
	assert_points_are_there();
}

static int set_up(void **state)
{
	struct repo repo;

	(void)state;
	if (!mkdtemp(dir) || repo_open(&repo, dir, true) != DONE)
		return -1;
	repo_close(&repo);
	for (unsigned int i = 1; i <= POINTS; i++)
		add_point(i);
	return 0;
}

static int clean_up(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_directory_that_cannot_be_read_to_its_end_loses_nothing),
		cmocka_unit_test(what_a_killed_backup_left_is_removed),
	};

	return cmocka_run_group_tests(tests, set_up, clean_up);
}
