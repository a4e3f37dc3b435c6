// SPDX-License-Identifier: GPL-2.0-only
/* What an increment is based on, and why not. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "chain.h"

#define GiB (1ull << 30)

static char dir[] = "/tmp/blksnap-chain-XXXXXX";
static int data_fd;

/* A repository of points that exist in memory only, but for their images. */
static struct manifest *add_point(struct repo *repo, const char *id)
{
	repo->points = realloc(repo->points,
			       (repo->count + 1) * sizeof(*repo->points));
	assert_non_null(repo->points);
	memset(&repo->points[repo->count], 0, sizeof(*repo->points));
	strcpy(repo->points[repo->count].id, id);
	snprintf(repo->points[repo->count].hash, HASH_TEXT_SIZE, "hash-of-%s",
		 id);
	return &repo->points[repo->count++];
}

static struct device_entry *add_device(struct manifest *point,
				       const char *identity, uint8_t generation,
				       uint64_t number)
{
	struct device_entry *device = manifest_add_device(point);
	int fd;

	assert_non_null(device);
	snprintf(device->hashes, sizeof(device->hashes), "%s.%s.hashes", point->id,
		 identity);
	fd = openat(data_fd, device->hashes, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "hashes", 6), 6);
	close(fd);
	strcpy(device->identity, identity);
	snprintf(device->image, sizeof(device->image), "%s.%s.qcow2", point->id,
		 identity);
	memset(&device->generation, generation, sizeof(device->generation));
	device->number = number;
	device->capacity = GiB;
	fd = openat(data_fd, device->image, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "image", 5), 5);
	close(fd);
	device->image_bytes = 5;
	return device;
}

static void set_parent(struct device_entry *child, const struct manifest *point,
		       const struct device_entry *parent)
{
	child->is_increment = true;
	strcpy(child->parent_point, point->id);
	strcpy(child->parent_hash, point->hash);
	strcpy(child->parent_image, parent->image);
}

static struct device_entry now(uint8_t generation, uint64_t number)
{
	struct device_entry device = { .number = number, .capacity = GiB };

	strcpy(device.identity, "disk");
	memset(&device.generation, generation, sizeof(device.generation));
	return device;
}

static void drop(struct repo *repo)
{
	for (size_t i = 0; i < repo->count; i++)
		manifest_free(&repo->points[i]);
	free(repo->points);
}

static void assert_full(struct repo *repo, struct device_entry device,
			const char *because)
{
	struct base base;

	chain_find_base(repo, &device, &base);
	assert_null(base.point);
	if (!strstr(base.reason, because))
		fail_msg("'%s' does not say '%s'", base.reason, because);
	drop(repo);
}

static struct repo new_repo(void)
{
	return (struct repo){ .data_fd = data_fd, .path = "x" };
}

static void the_first_backup_is_a_full(void **state)
{
	struct repo repo = new_repo();

	(void)state;
	add_device(add_point(&repo, "p1"), "other", 7, 1);
	assert_full(&repo, now(1, 1), "first backup of this device");
}

static void an_increment_is_based_on_the_last_of_its_generation(void **state)
{
	struct repo repo = new_repo();
	struct device_entry device = now(1, 9);
	struct base base;

	(void)state;
	add_device(add_point(&repo, "p1"), "disk", 1, 2);
	add_device(add_point(&repo, "p2"), "disk", 1, 5);
	/* A device of another generation came between. */
	add_device(add_point(&repo, "p3"), "disk", 2, 8);
	chain_find_base(&repo, &device, &base);
	assert_ptr_equal(base.point, &repo.points[1]);
	assert_int_equal(base.device->number, 5);
	assert_non_null(strstr(base.reason, "changes since p2"));
	drop(&repo);
}

/* The machine was put back to what it was before p1, with its memory. */
static void of_two_points_with_one_number_the_later_is_the_base(void **state)
{
	struct repo repo = new_repo();
	struct device_entry device = now(1, 4);
	struct base base;

	(void)state;
	add_device(add_point(&repo, "p1"), "disk", 1, 3);
	add_device(add_point(&repo, "p2"), "disk", 1, 3);
	chain_find_base(&repo, &device, &base);
	assert_ptr_equal(base.point, &repo.points[1]);
	drop(&repo);
}

static void a_base_without_hashes_needs_a_full(void **state)
{
	struct repo repo = new_repo();

	(void)state;
	add_device(add_point(&repo, "p1"), "disk", 1, 2);
	assert_int_equal(unlinkat(data_fd, repo.points[0].devices[0].hashes, 0), 0);
	assert_full(&repo, now(1, 3), "has lost the list of its hashes");
}

static void number_0_of_a_new_generation_is_a_base(void **state)
{
	struct repo repo = new_repo();
	struct device_entry device = now(3, 1);
	struct base base;

	(void)state;
	add_device(add_point(&repo, "p1"), "disk", 2, 254);
	add_device(add_point(&repo, "p2"), "disk", 3, 0);
	chain_find_base(&repo, &device, &base);
	assert_ptr_equal(base.point, &repo.points[1]);
	drop(&repo);
}

static void another_generation_needs_a_full(void **state)
{
	struct repo repo = new_repo();

	(void)state;
	add_device(add_point(&repo, "p1"), "disk", 1, 2);
	assert_full(&repo, now(2, 3), "started anew since p1");
}

static void another_size_needs_a_full(void **state)
{
	struct repo repo = new_repo();
	struct device_entry device = now(2, 0);

	(void)state;
	add_device(add_point(&repo, "p1"), "disk", 1, 2);
	device.capacity = 2 * GiB;
	assert_full(&repo, device, "from 1.0 GiB to 2.0 GiB since p1");
}

static void another_size_in_one_generation_needs_a_full(void **state)
{
	struct repo repo = new_repo();
	struct device_entry device = now(1, 3);

	(void)state;
	add_device(add_point(&repo, "p1"), "disk", 1, 2);
	device.capacity = 2 * GiB;
	assert_full(&repo, device, "another size");
}

static void a_number_that_is_not_earlier_needs_a_full(void **state)
{
	struct repo repo = new_repo();

	(void)state;
	add_device(add_point(&repo, "p1"), "disk", 1, 3);
	assert_full(&repo, now(1, 3), "does not precede");
}

static void a_base_whose_image_is_gone_needs_a_full(void **state)
{
	struct repo repo = new_repo();
	struct device_entry *base = add_device(add_point(&repo, "p1"), "disk",
					       1, 2);

	(void)state;
	unlinkat(data_fd, base->image, 0);
	assert_full(&repo, now(1, 3), "is missing");
}

static void a_base_whose_image_was_cut_needs_a_full(void **state)
{
	struct repo repo = new_repo();

	(void)state;
	add_device(add_point(&repo, "p1"), "disk", 1, 2)->image_bytes = 6;
	assert_full(&repo, now(1, 3), "is missing, or not as long");
}

/* The root of a chain of two; the second is the candidate. */
static struct device_entry *add_chain(struct repo *repo)
{
	add_device(add_point(repo, "p1"), "disk", 1, 1);
	add_device(add_point(repo, "p2"), "disk", 1, 2);
	set_parent(repo->points[1].devices, &repo->points[0],
		   repo->points[0].devices);
	return repo->points[0].devices;
}

static void a_base_without_its_own_base_needs_a_full(void **state)
{
	struct repo repo = new_repo();

	(void)state;
	add_chain(&repo);
	/* As if its manifest had been removed. */
	strcpy(repo.points[0].id, "p0");
	memset(&repo.points[0].devices->generation, 9, 16);
	assert_full(&repo, now(1, 3), "p2 is based on a point that is not there");
}

static void a_base_on_an_image_that_is_gone_needs_a_full(void **state)
{
	struct repo repo = new_repo();

	(void)state;
	unlinkat(data_fd, add_chain(&repo)->image, 0);
	assert_full(&repo, now(1, 3), "p2 is based on an image that is missing");
}

static void a_base_on_an_image_that_was_cut_needs_a_full(void **state)
{
	struct repo repo = new_repo();

	(void)state;
	add_chain(&repo)->image_bytes = 6;
	assert_full(&repo, now(1, 3), "p2 is based on an image that is missing");
}

static void layers_lead_from_the_full_to_the_point(void **state)
{
	struct repo repo = new_repo();
	struct layer *layers;
	size_t count;

	(void)state;
	add_device(add_point(&repo, "p1"), "disk", 1, 1);
	add_device(add_point(&repo, "p2"), "disk", 1, 2);
	add_device(add_point(&repo, "p3"), "disk", 1, 3);
	set_parent(repo.points[1].devices, &repo.points[0],
		   repo.points[0].devices);
	set_parent(repo.points[2].devices, &repo.points[1],
		   repo.points[1].devices);
	assert_int_equal(chain_layers(&repo, &repo.points[2],
				      repo.points[2].devices, &layers, &count),
			 DONE);
	assert_int_equal(count, 3);
	assert_ptr_equal(layers[0].point, &repo.points[0]);
	assert_ptr_equal(layers[2].point, &repo.points[2]);
	free(layers);
	drop(&repo);
}

static void a_chain_that_is_not_as_it_was_is_refused(void **state)
{
	(void)state;
	for (int what = 0; what < 4; what++) {
		struct repo repo = new_repo();
		struct device_entry *child;
		struct layer *layers;
		size_t count;

		add_device(add_point(&repo, "p1"), "disk", 1, 1);
		child = add_device(add_point(&repo, "p2"), "disk", 1, 2);
		set_parent(child, &repo.points[0], repo.points[0].devices);
		if (what == 0)
			strcpy(repo.points[0].hash, "another");
		else if (what == 1)
			strcpy(repo.points[0].id, "p0");
		else if (what == 2)
			repo.points[0].devices->capacity = 512;
		else
			set_parent(child, &repo.points[1], child);
		strcpy(repo.points[1].hash, child->parent_hash);
		assert_int_equal(chain_layers(&repo, &repo.points[1], child,
					      &layers, &count), MISMATCH);
		drop(&repo);
	}
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	data_fd = open(dir, O_RDONLY | O_DIRECTORY);
	return data_fd < 0;
}

static int clean_up(void **state)
{
	char command[64];

	(void)state;
	close(data_fd);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_backup_is_a_full),
		cmocka_unit_test(an_increment_is_based_on_the_last_of_its_generation),
		cmocka_unit_test(of_two_points_with_one_number_the_later_is_the_base),
		cmocka_unit_test(a_base_without_hashes_needs_a_full),
		cmocka_unit_test(number_0_of_a_new_generation_is_a_base),
		cmocka_unit_test(another_generation_needs_a_full),
		cmocka_unit_test(another_size_needs_a_full),
		cmocka_unit_test(another_size_in_one_generation_needs_a_full),
		cmocka_unit_test(a_number_that_is_not_earlier_needs_a_full),
		cmocka_unit_test(a_base_whose_image_is_gone_needs_a_full),
		cmocka_unit_test(a_base_whose_image_was_cut_needs_a_full),
		cmocka_unit_test(a_base_without_its_own_base_needs_a_full),
		cmocka_unit_test(a_base_on_an_image_that_is_gone_needs_a_full),
		cmocka_unit_test(a_base_on_an_image_that_was_cut_needs_a_full),
		cmocka_unit_test(layers_lead_from_the_full_to_the_point),
		cmocka_unit_test(a_chain_that_is_not_as_it_was_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, clean_up);
}
