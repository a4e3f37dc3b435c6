// SPDX-License-Identifier: GPL-2.0-only
/* Whether a device holds something; a file will do. */
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "device.h"

#define SIZE (8 << 20)

static int new_disk(void)
{
	char path[] = "/tmp/blksnap-device-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	return fd;
}

static void put(int fd, off_t offset, const void *data, size_t length)
{
	assert_int_equal(pwrite(fd, data, length, offset), length);
}

static void put_ext2(int fd)
{
	static const uint8_t magic[] = { 0x53, 0xef };

	put(fd, 1024 + 0x38, magic, sizeof(magic));
}

/* The checksum is CRC-32 with a start of its own. */
static uint32_t lvm_checksum(const uint8_t *data, size_t length)
{
	uint32_t sum = 0xf597a6cf;

	while (length--) {
		sum ^= *data++;
		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
	}
	return sum;
}

static void put_lvm(int fd)
{
	uint8_t label[512] = "LABELONE\1";
	uint32_t sum;

	label[20] = 32;
	memcpy(label + 24, "LVM2 001", 8);
	memset(label + 32, 'a', 32);
	sum = htole32(lvm_checksum(label + 20, sizeof(label) - 20));
	memcpy(label + 16, &sum, sizeof(sum));
	put(fd, 512, label, sizeof(label));
}

static void put_partition_table(int fd)
{
	/* One partition of 4 MiB behind the first MiB. */
	static const uint8_t table[66] = {
		[4] = 0x83, [9] = 0x08, [13] = 0x20, [64] = 0x55, [65] = 0xaa,
	};

	put(fd, 446, table, sizeof(table));
}

static void assert_content(int fd, const char *expected)
{
	char text[64];
	const char *found = device_content(fd, text);

	if (expected)
		assert_string_equal(found, expected);
	else
		assert_null(found);
	close(fd);
}

static void a_blank_disk_holds_nothing(void **state)
{
	(void)state;
	assert_content(new_disk(), NULL);
}

static void a_file_system_is_found(void **state)
{
	int fd = new_disk();

	(void)state;
	put_ext2(fd);
	assert_content(fd, "ext2");
}

static void a_partition_table_is_found(void **state)
{
	int fd = new_disk();

	(void)state;
	put_partition_table(fd);
	assert_content(fd, "dos");
}

static void two_signatures_are_not_none(void **state)
{
	int fd = new_disk();

	(void)state;
	put_ext2(fd);
	put_lvm(fd);
	assert_content(fd, "LVM2_member");
}

static void what_cannot_be_read_counts_as_something(void **state)
{
	int fd = new_disk(), to_write;
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	to_write = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(to_write >= 0);
	close(fd);
	assert_content(to_write, "something that cannot be read");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_blank_disk_holds_nothing),
		cmocka_unit_test(a_file_system_is_found),
		cmocka_unit_test(a_partition_table_is_found),
		cmocka_unit_test(two_signatures_are_not_none),
		cmocka_unit_test(what_cannot_be_read_counts_as_something),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
