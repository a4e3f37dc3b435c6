// SPDX-License-Identifier: GPL-2.0-only
/* Manifests: what is written can be read, and what is evil is refused. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "manifest.h"

static void fill(struct manifest *manifest)
{
	struct device_entry *device;

	memset(manifest, 0, sizeof(*manifest));
	strcpy(manifest->id, "20260102T030405Z-beef");
	strcpy(manifest->created, "2026-01-02T03:04:05Z");
	strcpy(manifest->hostname, "a \"host\"");
	strcpy(manifest->tool_version, "2.0.0");
	strcpy(manifest->module_version, "2.0.0.0");
	memset(&manifest->snapshot, 0x11, sizeof(manifest->snapshot));
	device = manifest_add_device(manifest);
	strcpy(device->name, "vda1");
	strcpy(device->path, "/dev/vda1");
	device->major = 254;
	device->minor = 1048575;
	strcpy(device->identity, "serial:X");
	strcpy(device->fs_label, "l\303\244bel");
	strcpy(device->mount_point, "/srv/with space");
	device->capacity = (1ull << 63) + 512;
	device->logical_block_size = 512;
	memset(&device->generation, 0x22, sizeof(device->generation));
	device->number = 255;
	device->is_increment = true;
	strcpy(device->reason, "because");
	strcpy(device->image, "a.qcow2");
	device->image_bytes = 1;
	strcpy(device->hashes, "a.hashes");
	strcpy(device->hashes_hash, "00112233445566778899aabbccddeeff");
	strcpy(device->parent_point, "20260101T030405Z-beef");
	strcpy(device->parent_hash, "ffeeddccbbaa99887766554433221100");
	strcpy(device->parent_image, "b.qcow2");
	device->bytes_read = 2;
	device->bytes_stored = 3;
	device->extent_count = 4;
	blksnap_extents_add(&device->storage, 4096, 8192);
	device = manifest_add_device(manifest);
	strcpy(device->name, "vdb");
	strcpy(device->path, "/dev/vdb");
	strcpy(device->image, "c.qcow2");
	strcpy(device->hashes, "c.hashes");
}

static char *text_with(const char *from, const char *to)
{
	struct manifest manifest;
	char *text, *found, *changed;

	fill(&manifest);
	text = manifest_to_text(&manifest);
	manifest_free(&manifest);
	assert_non_null(text);
	found = strstr(text, from);
	assert_non_null(found);
	changed = calloc(1, strlen(text) + strlen(to) + 1);
	assert_non_null(changed);
	memcpy(changed, text, (size_t)(found - text));
	strcat(changed, to);
	strcat(changed, found + strlen(from));
	free(text);
	return changed;
}

static void it_reads_as_it_was_written(void **state)
{
	struct manifest written, read_back;
	char *text, *again;

	(void)state;
	fill(&written);
	text = manifest_to_text(&written);
	assert_int_equal(manifest_from_text(&read_back, text), 0);
	again = manifest_to_text(&read_back);
	assert_string_equal(text, again);
	assert_int_equal(read_back.count, 2);
	assert_true(read_back.devices[0].capacity == (1ull << 63) + 512);
	assert_true(read_back.devices[0].is_increment);
	assert_false(read_back.devices[1].is_increment);
	assert_int_equal(read_back.devices[0].storage.count, 1);
	assert_string_equal(read_back.devices[0].fs_label, "l\303\244bel");
	assert_int_equal(strlen(read_back.hash), 32);
	free(text);
	free(again);
	manifest_free(&written);
	manifest_free(&read_back);
}

static void assert_answer(char *text, int expected)
{
	struct manifest manifest;
	int ret = manifest_from_text(&manifest, text);

	assert_int_equal(ret, expected);
	if (!ret)
		manifest_free(&manifest);
	free(text);
}

static void keys_that_are_not_known_do_not_matter(void **state)
{
	(void)state;
	assert_answer(text_with("\"id\":", "\"new\": [ 1 ], \"id\":"), 0);
}

static void a_newer_schema_is_refused(void **state)
{
	(void)state;
	assert_answer(text_with("\"schema_version\": 1", "\"schema_version\": 2"),
		      -EPROTONOSUPPORT);
}

static void what_is_broken_is_refused(void **state)
{
	(void)state;
	assert_answer(text_with("blksnap-point", "other"), -EBADMSG);
	assert_answer(text_with("\"hostname\"", "\"host\""), -EBADMSG);
	assert_answer(text_with("\"major\": 254", "\"major\": \"254\""), -EBADMSG);
	assert_answer(text_with("11111111-", "x1111111-"), -EBADMSG);
	assert_answer(text_with("2026-01-02T03:04:05Z",
				"2026-01-02T03:04:05Z and much more than fits"),
		      -EBADMSG);
	assert_answer(strdup("{"), -EBADMSG);
	assert_answer(strdup(""), -EBADMSG);
}

static void a_name_that_leaves_the_directory_is_refused(void **state)
{
	(void)state;
	assert_answer(text_with("\"a.qcow2\"", "\"../a.qcow2\""), -EBADMSG);
	assert_answer(text_with("\"a.hashes\"", "\"/etc/shadow\""), -EBADMSG);
	assert_answer(text_with("\"b.qcow2\"", "\"json:x/y\""), -EBADMSG);
	assert_answer(text_with("\"c.qcow2\"", "\"\""), -EBADMSG);
}

static void a_device_is_found_by_any_of_its_names(void **state)
{
	struct manifest manifest;

	(void)state;
	fill(&manifest);
	assert_ptr_equal(manifest_find(&manifest, "vdb"), &manifest.devices[1]);
	assert_ptr_equal(manifest_find(&manifest, "/dev/vda1"),
			 &manifest.devices[0]);
	assert_ptr_equal(manifest_find(&manifest, "/srv/with space"),
			 &manifest.devices[0]);
	assert_null(manifest_find(&manifest, ""));
	assert_null(manifest_find(&manifest, "vd"));
	manifest_free(&manifest);
}

static void a_word_for_several_devices_finds_none(void **state)
{
	struct manifest manifest;

	(void)state;
	fill(&manifest);
	/* As two partitions of a disk. */
	strcpy(manifest.devices[0].serial, "disk");
	strcpy(manifest.devices[1].serial, "disk");
	assert_null(manifest_find(&manifest, "disk"));
	/* A name comes before what another device is called. */
	strcpy(manifest.devices[0].fs_uuid, "vdb");
	assert_ptr_equal(manifest_find(&manifest, "vdb"), &manifest.devices[1]);
	manifest_free(&manifest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_reads_as_it_was_written),
		cmocka_unit_test(keys_that_are_not_known_do_not_matter),
		cmocka_unit_test(a_newer_schema_is_refused),
		cmocka_unit_test(what_is_broken_is_refused),
		cmocka_unit_test(a_name_that_leaves_the_directory_is_refused),
		cmocka_unit_test(a_device_is_found_by_any_of_its_names),
		cmocka_unit_test(a_word_for_several_devices_finds_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
