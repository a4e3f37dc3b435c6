// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all plumbing commands share: the words of the command line, the way
 * from them to an exit status, and how an error is told.
 *
 * Words are read in their order, so that "-r 0:8 16:8" gives two ranges: a word
 * that follows a list belongs to it. All that can be found wrong without the
 * module is found before its node is opened.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "klog.h"
#include "plumb.h"

#define OPTIONS_MAX	8
#define MiB		(1ull << 20)

const struct plumb_advice plumb_no_snapshot[] = {
	{ ESRCH, "there is no such snapshot; 'blksnap snapshot_collect' lists all" },
	{ 0, NULL },
};

enum status plumb_failed(const char *what, int ret,
			 const struct plumb_advice *advice, int log)
{
	while (advice && advice->error && advice->error != -ret)
		advice++;
	say_error("%s: %s", what, advice && advice->error ? advice->text :
							     strerror(-ret));
	klog_tell(log);
	return FAILED;
}

void plumb_print_ranges(const struct blk_snap_block_range *ranges,
			uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		printf("allocate range: ofs=%" PRIu64 " cnt=%" PRIu64 "\n",
		       (uint64_t)ranges[i].sector_offset,
		       (uint64_t)ranges[i].sector_count);
}

static volatile sig_atomic_t interrupted;

/* Comes back every second, for the wait may not have begun yet. */
static void interrupt_again(int number)
{
	if (number != SIGALRM)
		interrupted = 1;
	alarm(1);
}

void plumb_catch_signals(void)
{
	struct sigaction action = { .sa_handler = interrupt_again };

	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

bool plumb_is_interrupted(void)
{
	return interrupted;
}

/* Decimal digits and nothing else, up to @end. */
static bool read_number(const char **text, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)**text))
		return false;
	errno = 0;
	*value = strtoull(*text, &end, 10);
	*text = end;
	return !errno;
}

static bool read_range(const char *text, struct blk_snap_block_range *range)
{
	uint64_t offset, count;

	if (!read_number(&text, &offset) || *text++ != ':' ||
	    !read_number(&text, &count) || *text)
		return false;
	range->sector_offset = offset;
	range->sector_count = count;
	return count && count <= UINT64_MAX - offset;
}

static enum status add_device(struct plumb_args *args, const char *text)
{
	size_t room = args->dev_count + 1u;
	struct blk_snap_dev *devs = reallocarray(args->devs, room,
						 sizeof(*devs));
	const char **words = reallocarray(args->dev_words, room,
					  sizeof(*words));

	args->devs = devs ? devs : args->devs;
	args->dev_words = words ? words : args->dev_words;
	if (!devs || !words) {
		say_error("%s: %s", text, strerror(ENOMEM));
		return FAILED;
	}
	words[args->dev_count] = text;
	if (device_of_word(text, &devs[args->dev_count]) != DONE)
		return FAILED;
	args->dev_count++;
	return DONE;
}

static enum status add_range(struct plumb_args *args, const char *text,
			     const char *verb)
{
	struct blk_snap_block_range *ranges =
		reallocarray(args->ranges, args->range_count + 1u,
			     sizeof(*ranges));

	if (!ranges) {
		say_error("%s: %s", text, strerror(ENOMEM));
		return FAILED;
	}
	args->ranges = ranges;
	if (!read_range(text, &ranges[args->range_count]))
		return usage_wrong(verb, "'%s' is not a range; write OFFSET:COUNT in sectors of 512 bytes, as in 2048:8",
				   text);
	args->range_count++;
	return DONE;
}

static enum status take_limit(struct plumb_args *args, const char *text,
			      const char *verb)
{
	const char *end = text;
	uint64_t value;

	if (!read_number(&end, &value) || *end || !value ||
	    value > UINT64_MAX / MiB)
		return usage_wrong(verb, "'%s' is not a limit; write a number of MiB, 1 or more",
				   text);
	args->limit_bytes = value * MiB;
	return DONE;
}

static enum status take_timeout(struct plumb_args *args, const char *text,
				const char *verb)
{
	const char *end = text;
	uint64_t value;

	if (!read_number(&end, &value) || *end || value > UINT32_MAX)
		return usage_wrong(verb, "'%s' is not a timeout; write a number of milliseconds",
				   text);
	args->timeout_ms = (uint32_t)value;
	return DONE;
}

static enum status take_value(struct plumb_args *args, int letter,
			      const char *text, const char *verb)
{
	switch (letter) {
	case 'd':
		return add_device(args, text);
	case 'r':
		return add_range(args, text, verb);
	case 'l':
		return take_limit(args, text, verb);
	case 't':
		return take_timeout(args, text, verb);
	case 'f':
		args->file = text;
		return DONE;
	case 'p':
		args->path = text;
		return DONE;
	}
	args->id_text = text;
	if (blksnap_uuid_parse(text, &args->id))
		return usage_wrong(verb, "'%s' is not a snapshot id; 'blksnap snapshot_collect' shows those there are",
				   text);
	return DONE;
}

static const char *name_of(const struct plumb_command *command, int letter)
{
	const struct option *option = command->options;

	while (option->name && option->val != letter)
		option++;
	return option->name;
}

static enum status missed(const struct plumb_command *command, int letter,
			  const char *verb)
{
	fprintf(stderr, "Argument '%s' is missed.\n", name_of(command, letter));
	return usage_wrong(verb, NULL);
}

static enum status check_given(const struct plumb_command *command,
			       const struct plumb_args *args, const char *verb)
{
	const bool *is_given = args->is_given;

	for (const char *letter = command->required; *letter; letter++)
		if (!is_given[(int)*letter])
			return missed(command, *letter, verb);
	if (!command->wants_place)
		return DONE;
	if (is_given['f'] && (is_given['d'] || is_given['r']))
		return usage_wrong(verb, "give either a file, or a device and ranges of it");
	if (is_given['f'] || (is_given['d'] && is_given['r']))
		return DONE;
	if (is_given['d'])
		return missed(command, 'r', verb);
	return missed(command, is_given['r'] ? 'd' : 'f', verb);
}

/* For getopt: '-' has it give words in their order, as the value of option 1. */
static void short_options(const struct option *options,
			  char text[2 * OPTIONS_MAX + 2])
{
	*text++ = '-';
	for (; options->name; options++) {
		*text++ = (char)options->val;
		if (options->has_arg)
			*text++ = ':';
	}
	*text = '\0';
}

static enum status read_words(const struct plumb_command *command,
			      struct plumb_args *args, int argc, char **argv,
			      bool *is_help)
{
	char letters[2 * OPTIONS_MAX + 2];
	enum status status = DONE;
	int option, last = 0;

	short_options(command->options, letters);
	while (status == DONE &&
	       (option = getopt_long(argc, argv, letters, command->options,
				     NULL)) != -1) {
		*is_help = option == 'h';
		if (*is_help)
			return DONE;
		if (option == '?')
			return usage_wrong(argv[0], NULL);
		if (option == 1 && (!last || !strchr(command->lists, last)))
			return usage_wrong(argv[0], "'%s' is one word too many",
					   optarg);
		if (option != 1)
			last = option;
		if (option != 1 && args->is_given[option] &&
		    !strchr(command->lists, option))
			return usage_wrong(argv[0], "'--%s' is given twice",
					   name_of(command, option));
		args->is_given[last] = true;
		status = take_value(args, last, optarg, argv[0]);
	}
	if (status == DONE && optind < argc)
		return usage_wrong(argv[0], "'%s' is one word too many",
				   argv[optind]);
	return status == DONE ? check_given(command, args, argv[0]) : status;
}

int plumb_main(const struct plumb_command *command, int argc, char **argv)
{
	struct plumb_args args = { .id_text = NULL };
	bool is_help = false;
	enum status status;
	int fd;

	status = read_words(command, &args, argc, argv, &is_help);
	if (is_help) {
		usage_help(command->usage);
	} else if (status == DONE) {
		status = control_open(&fd);
		if (status == DONE) {
			status = command->run(fd, &args);
			close(fd);
		}
	}
	free(args.devs);
	free(args.dev_words);
	free(args.ranges);
	return status == DONE ? 0 : 1;
}
