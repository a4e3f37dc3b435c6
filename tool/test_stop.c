// SPDX-License-Identifier: GPL-2.0-only
#include <assert.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "test_stop.h"

static bool is_listed(const char *step)
{
#define NAME(text) text,
	static const char *const steps[] = { TEST_STOPS(NAME) };

	for (unsigned int i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		if (!strcmp(steps[i], step))
			return true;
	return false;
}

void test_stop(const char *step)
{
	const char *wanted = getenv("BLKSNAP_TEST_STOP");

	assert(is_listed(step));
	if (wanted && !strcmp(wanted, step))
		raise(SIGKILL);
}
