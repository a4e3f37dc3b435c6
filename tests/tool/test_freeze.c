// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nothing stays frozen, however long a freeze takes. The file systems are made
 * up: what the C library would ask the kernel is answered here, in memory that
 * the guardian shares.
 */
#include <errno.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cases.h"
#include "freeze.h"

/* The guardian's time runs faster: its half minute is a third of a second. */
#define FASTER		100
#define LONG_US		600000
#define FIRST_FD	1000
#define COUNT		2

enum fs_state { THAWED, WAITING_FOR_WRITERS, FROZEN };

static struct {
	_Atomic enum fs_state states[COUNT];
	atomic_uint freeze_us;
	atomic_int freeze_error;
} *kernel;

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	return (int)syscall(SYS_poll, fds, count,
			    timeout > 0 ? timeout / FASTER : timeout);
}

static int answer(int error)
{
	errno = error;
	return error ? -1 : 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	unsigned int number = (unsigned int)fd - FIRST_FD;

	if (number >= COUNT)
		return answer(EBADF);
	if (request == FITHAW) {
		if (kernel->states[number] != FROZEN)
			return answer(EINVAL);
		kernel->states[number] = THAWED;
		return 0;
	}
	if (number == COUNT - 1 && kernel->freeze_error)
		return answer(kernel->freeze_error);
	kernel->states[number] = WAITING_FOR_WRITERS;
	usleep(kernel->freeze_us);
	kernel->states[number] = FROZEN;
	return 0;
}

static struct freezer new_freezer(void)
{
	struct freezer freezer = { .count = COUNT };

	for (int i = 0; i < COUNT; i++)
		freezer.fds[i] = FIRST_FD + i;
	return freezer;
}

static void assert_states(enum fs_state state)
{
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(kernel->states[i], state);
}

static void start(struct guardian *guardian, struct freezer *freezer)
{
	*freezer = new_freezer();
	assert_int_equal(guardian_start(guardian, -1, freezer->fds,
					freezer->count), DONE);
}

static void what_was_frozen_is_thawed(void **state)
{
	struct guardian guardian;
	struct freezer freezer;
	unsigned int failed;

	(void)state;
	kernel->freeze_us = 0;
	start(&guardian, &freezer);
	assert_int_equal(freezer_freeze(&freezer, &guardian, &failed), 0);
	assert_states(FROZEN);
	freezer_thaw(&freezer, &guardian);
	assert_states(THAWED);
	assert_false(guardian.shared->was_too_slow);
	guardian_stop(&guardian);
}

static void a_freeze_that_fails_leaves_nothing_frozen(void **state)
{
	struct guardian guardian;
	struct freezer freezer;
	unsigned int failed;

	(void)state;
	kernel->freeze_us = 0;
	kernel->freeze_error = EIO;
	start(&guardian, &freezer);
	assert_int_equal(freezer_freeze(&freezer, &guardian, &failed), -EIO);
	assert_int_equal(failed, COUNT - 1);
	assert_states(THAWED);
	guardian_stop(&guardian);
	kernel->freeze_error = 0;
}

/* While it waits for writers it cannot be thawed, and then it is frozen. */
static void a_freeze_that_is_given_up_is_thawed_by_us(void **state)
{
	struct guardian guardian;
	struct freezer freezer;
	unsigned int failed;

	(void)state;
	kernel->freeze_us = LONG_US;
	start(&guardian, &freezer);
	assert_int_equal(freezer_freeze(&freezer, &guardian, &failed), 0);
	freezer_thaw(&freezer, &guardian);
	assert_true(guardian.shared->was_too_slow);
	assert_states(THAWED);
	guardian_stop(&guardian);
}

static void a_freeze_that_is_given_up_is_thawed_by_the_guardian(void **state)
{
	struct guardian guardian;
	struct freezer freezer;
	unsigned int failed;

	(void)state;
	kernel->freeze_us = LONG_US;
	start(&guardian, &freezer);
	assert_int_equal(freezer_freeze(&freezer, &guardian, &failed), 0);
	for (int tries = 0; tries < 100 && kernel->states[COUNT - 1]; tries++)
		usleep(100000);
	assert_states(THAWED);
	freezer_thaw(&freezer, &guardian);
	guardian_stop(&guardian);
}

static int set_up(void **state)
{
	(void)state;
	kernel = mmap(NULL, sizeof(*kernel), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return kernel == MAP_FAILED;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_frozen_is_thawed),
		cmocka_unit_test(a_freeze_that_fails_leaves_nothing_frozen),
		cmocka_unit_test(a_freeze_that_is_given_up_is_thawed_by_us),
		cmocka_unit_test(a_freeze_that_is_given_up_is_thawed_by_the_guardian),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
