// SPDX-License-Identifier: GPL-2.0-only
/*
 * extent_map: what a reader sees that does not hold the lock.
 *
 * First one thread tries every place where another could step in, then threads
 * do what they like.
 */
#include <pthread.h>
#include <string.h>

#include "extents.h"

/* -- a reader without the lock, at every point of every change ---------------------- */

/*
 * Each step is one change, under the lock, to a map of 128 sectors, together
 * with what may follow at once: extents that it frees are used again in
 * another map. Sectors are saved before the change or after it, or never.
 */
#define SMALL	128

static struct extent_map map_under_change, other_map;

static void make_small_map(void)
{
	blksnap_extent_map_setup(&map_under_change);
	blksnap_extent_map_setup(&other_map);
	insert(&map_under_change, 8, 8, PLACE(108));
	insert(&map_under_change, 16, 8, PLACE_MEMORY);
	insert(&map_under_change, 24, 8, PLACE(124));
	insert(&map_under_change, 40, 8, PLACE_MEMORY);
	insert(&map_under_change, 56, 24, PLACE_ZERO);
	insert(&map_under_change, 104, 8, PLACE_POISON);
}

static void free_small_map(void)
{
	blksnap_extent_map_destroy(&map_under_change);
	blksnap_extent_map_destroy(&other_map);
}

static void use_freed_extents_again(void)
{
	u32 i;

	for (i = 0; i < 4; i++)
		insert(&other_map, i * 1024, 1000, PLACE_MEMORY);
}

static void change_nothing(void)
{
}

static void change_insert(void)
{
	insert(&map_under_change, 88, 8, PLACE_MEMORY);
}

static void change_insert_joining(void)
{
	insert(&map_under_change, 48, 8, PLACE_ZERO);
}

static void change_insert_between(void)
{
	insert(&map_under_change, 32, 8, PLACE(132));
}

static void change_set_stored(void)
{
	blksnap_extent_map_set_stored(&map_under_change, 16, 8, PLACE(116));
}

static void change_set_stored_alone(void)
{
	blksnap_extent_map_set_stored(&map_under_change, 40, 8, PLACE(300));
}

static void change_replace_head(void)
{
	replace(&map_under_change, 56, 8, PLACE(300));
}

static void change_replace_middle(void)
{
	replace(&map_under_change, 64, 8, PLACE(300));
}

static void change_replace_tail(void)
{
	replace(&map_under_change, 72, 8, PLACE(300));
}

static void change_replace_all(void)
{
	replace(&map_under_change, 104, 8, PLACE(300));
}

static void change_much(void)
{
	u32 i;

	for (i = 112; i < SMALL; i += 2)
		insert(&map_under_change, i, 1, PLACE_MEMORY);
	change_set_stored();
	change_replace_middle();
}

static void (*const changes[])(void) = {
	change_nothing, change_insert, change_insert_joining,
	change_insert_between, change_set_stored, change_set_stored_alone,
	change_replace_head, change_replace_middle, change_replace_tail,
	change_replace_all, change_much,
};

static void (*change)(void);
static int reads_until_change, reads_seen;

static void change_at_read(void)
{
	if (reads_seen++ != reads_until_change)
		return;
	change();
	use_freed_extents_again();
}

static bool is_saved(u32 start, u32 count)
{
	struct extent_piece piece;

	for (; count; start += piece.count, count -= piece.count) {
		piece = blksnap_extent_map_lookup(&map_under_change, start, count);
		if (!piece.is_saved)
			return false;
	}
	return true;
}

/* Returns false if there is no such read any more. */
static bool try_change_at_read(u32 start, u32 count, int read)
{
	bool is_covered, is_over;

	make_small_map();
	reads_until_change = read;
	reads_seen = 0;
	shim_on_read = change_at_read;
	is_covered = blksnap_extent_map_covers(&map_under_change, start, count);
	shim_on_read = NULL;
	is_over = reads_seen <= read;

	if (is_covered)
		assert_true(is_saved(start, count));
	free_small_map();
	return !is_over;
}

static void test_change_at_every_read(void **state)
{
	size_t i;
	u32 start, count;
	int read;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		change = changes[i];
		for (start = 0; start < SMALL; start += 4)
			for (count = 4; start + count <= SMALL; count += 4)
				for (read = 0; try_change_at_read(start, count, read);
				     read++)
					assert_true(read < 4000);
	}
}

static bool is_saved_at_last[SMALL];
static int lies;

/* Asks about every range: no longer one can be covered than will be saved. */
static void read_at_write(void)
{
	u32 start, end, saved_end;

	for (start = 0; start < SMALL; start += 4) {
		saved_end = start;
		while (saved_end < SMALL && is_saved_at_last[saved_end])
			saved_end++;
		for (end = saved_end + 1; end <= SMALL; end++)
			lies += blksnap_extent_map_covers(&map_under_change, start,
							  end - start);
	}
}

static void note_what_will_be_saved(void)
{
	u32 i;

	make_small_map();
	change();
	for (i = 0; i < SMALL; i++)
		is_saved_at_last[i] = is_saved(i, 1);
	free_small_map();
}

static void test_read_at_every_write(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		change = changes[i];
		note_what_will_be_saved();
		make_small_map();
		shim_on_write = read_at_write;
		change();
		shim_on_write = NULL;
		free_small_map();
	}
	assert_int_equal(lies, 0);
}

static void overtake(void)
{
	map_under_change.seq.sequence += 2;
}

/* Readers that are overtaken for ever give up, and with the right answer. */
static void test_overtaken_for_ever(void **state)
{
	(void)state;
	make_small_map();
	assert_true(blksnap_extent_map_covers(&map_under_change, 8, 24));
	shim_on_read = overtake;
	assert_false(blksnap_extent_map_covers(&map_under_change, 8, 24));
	shim_on_read = NULL;

	raw_write_seqcount_begin(&map_under_change.seq);
	assert_false(blksnap_extent_map_covers(&map_under_change, 8, 24));
	raw_write_seqcount_end(&map_under_change.seq);
	assert_true(blksnap_extent_map_covers(&map_under_change, 8, 24));
	free_small_map();
}

static void test_loop_in_the_tree(void **state)
{
	struct extent_map map;
	struct extent *a, *b;
	struct rb_node *kept;

	(void)state;
	blksnap_extent_map_setup(&map);
	insert(&map, 0, 8, PLACE_MEMORY);
	insert(&map, 16, 8, PLACE_MEMORY);
	a = first_extent(&map);
	b = next_extent(a);
	if (map.root.rb_node == &a->node) {
		kept = b->node.rb_right;
		b->node.rb_right = &a->node;
		assert_false(blksnap_extent_map_covers(&map, 100, 8));
		b->node.rb_right = kept;
	} else {
		kept = a->node.rb_right;
		a->node.rb_right = &b->node;
		assert_false(blksnap_extent_map_covers(&map, 12, 2));
		a->node.rb_right = kept;
	}
	blksnap_extent_map_destroy(&map);
}

/* -- readers and a writer at the same time -------------------------------------------- */

#define UNITS	4096

static struct {
	struct extent_map map, other;
	bool is_noted[UNITS];	/* before it is inserted, so never too late */
	bool is_done;
	int lies;
	u64 hits;
} race;

static void *read_for_a_while(void *data)
{
	u64 random = (uintptr_t)data, hits = 0;
	u32 first, count, i;

	while (!__atomic_load_n(&race.is_done, __ATOMIC_ACQUIRE)) {
		first = random_below(&random, UNITS - 4);
		count = 1 + random_below(&random, 4);
		if (!blksnap_extent_map_covers(&race.map, first * 8, count * 8))
			continue;
		hits++;
		for (i = first; i < first + count; i++)
			if (!__atomic_load_n(&race.is_noted[i], __ATOMIC_ACQUIRE))
				__atomic_add_fetch(&race.lies, 1, __ATOMIC_RELAXED);
	}
	__atomic_add_fetch(&race.hits, hits, __ATOMIC_RELAXED);
	return NULL;
}

static void note(u32 unit, u32 count)
{
	while (count--)
		__atomic_store_n(&race.is_noted[unit++], true, __ATOMIC_RELEASE);
}

/* Two units of every three; what is freed goes to the other map and back. */
static void write_for_a_while(u64 *random)
{
	static const u32 step = 1021;
	u32 i, unit, at = random_below(random, UNITS);

	for (i = 0; i < UNITS; i++) {
		unit = (at + i * step) % UNITS;
		if (unit % 3 == 2 || unit == UNITS - 1)
			continue;
		note(unit, 1);
		insert(&race.map, unit * 8, 8, i % 5 ? PLACE_MEMORY : PLACE_ZERO);
		if (i % 5)
			blksnap_extent_map_set_stored(&race.map, unit * 8, 8,
						      PLACE(unit * 8));
		else
			replace(&race.map, unit * 8 + i % 3, 5, PLACE(unit * 8));
		insert(&race.other, i % 2 ? i * 8 : REGION_SECTORS - 8 - i * 8, 8,
		       i % 3 ? PLACE_MEMORY : PLACE_ZERO);
		if (i % 64 == 0) {
			blksnap_extent_map_destroy(&race.other);
			blksnap_extent_map_setup(&race.other);
		}
	}
}

static void test_threads(void **state)
{
	pthread_t readers[3];
	u64 random = 5;
	int round;
	uintptr_t i;

	(void)state;
	for (round = 0; round < 30; round++) {
		memset(&race.is_noted, 0, sizeof(race.is_noted));
		blksnap_extent_map_setup(&race.map);
		blksnap_extent_map_setup(&race.other);
		race.is_done = false;
		for (i = 0; i < ARRAY_SIZE(readers); i++)
			pthread_create(&readers[i], NULL, read_for_a_while,
				       (void *)(i + 1));
		write_for_a_while(&random);
		__atomic_store_n(&race.is_done, true, __ATOMIC_RELEASE);
		for (i = 0; i < ARRAY_SIZE(readers); i++)
			pthread_join(readers[i], NULL);
		for (i = 0; i < UNITS; i++)
			assert_int_equal(blksnap_extent_map_covers(&race.map, i * 8, 8),
					 race.is_noted[i]);
		blksnap_extent_map_destroy(&race.map);
		blksnap_extent_map_destroy(&race.other);
	}
	assert_int_equal(race.lies, 0);
	assert_true(race.hits > 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SENTENCE("covers never lies, whatever change at whichever of its reads",
			 test_change_at_every_read),
		SENTENCE("covers never lies, at whichever write of whatever change",
			 test_read_at_every_write),
		SENTENCE("covers gives up when it is overtaken again and again",
			 test_overtaken_for_ever),
		SENTENCE("covers comes out of a loop in the tree",
			 test_loop_in_the_tree),
		SENTENCE("three readers beside a writer never see what is not saved",
			 test_threads),
	};

	return cmocka_run_group_tests_name("extent_map_race", tests, NULL, NULL);
}
