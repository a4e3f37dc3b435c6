// SPDX-License-Identifier: GPL-2.0-only
/*
 * parameters: their defaults, and what they refuse.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calls.h"
#include "facts.h"
#include "groups.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *name;
	unsigned int value;
	const char *refused[2];
} known[] = {
	{ "tracking_block_minimum_shift", 16, { "11", "27" } },
	{ "tracking_block_maximum_count", 2097152, { "1023", "268435457" } },
	{ "diff_storage_minimum", 2097152, { "0", "2147483649" } },
	{ "memory_budget_mb", 64, { "0", "65537" } },
	{ "storage_timeout_ms", 30000, { "99", "3600001" } },
	{ "take_timeout_ms", 30000, { "99", "3600001" } },
};

/* Of older modules; they have no effect any more. */
static const char *const accepted[] = {
	"chunk_minimum_shift", "chunk_maximum_count", "chunk_maximum_in_cache",
	"free_diff_buffer_pool_size",
};

/* As echo does: 0 or -errno. */
static long set_text(const char *name, const char *text)
{
	char path[128];
	long ret = 0;
	int fd;

	snprintf(path, sizeof(path), "/sys/module/blksnap/parameters/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		ret = -errno;
	if (fd >= 0)
		close(fd);
	return ret;
}

static bool has_mode(const char *name, mode_t mode)
{
	struct stat st;
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/blksnap/parameters/%s", name);
	return !stat(path, &st) && (st.st_mode & 07777) == mode;
}

void facts_of_parameters(void)
{
	size_t i, j;

	about("parameters");
	for (i = 0; i < COUNT(known); i++) {
		answers(parameter(known[i].name), known[i].value, "the default of %s",
			known[i].name);
		fact(has_mode(known[i].name, 0644), "%s can be read by all, set by root",
		     known[i].name);
		for (j = 0; j < 2; j++)
			answers(set_text(known[i].name, known[i].refused[j]), -EINVAL,
				"%s cannot be %s", known[i].name, known[i].refused[j]);
		answers(set_text(known[i].name, "many"), -EINVAL, "nor a word");
		answers(parameter(known[i].name), known[i].value, "and stays as it was");
	}
	for (i = 0; i < COUNT(accepted); i++)
		answers(set_text(accepted[i], "5"), 0, "%s is accepted still", accepted[i]);
}
