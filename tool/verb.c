// SPDX-License-Identifier: GPL-2.0-only
/* Finds the verb that a command line means. */
#include <stdio.h>
#include <string.h>

#include "tool.h"

/* As wide as the longest name up to the next heading. */
static int width_of(const struct verb *verb)
{
	size_t width = 10;

	for (; verb->name && verb->run; verb++)
		if (strlen(verb->name) > width)
			width = strlen(verb->name);
	return (int)width;
}

static int help(const struct verb *verbs, const char *usage)
{
	int width = width_of(verbs);

	fputs(usage, stdout);
	if (verbs->run)
		fputs("\nVerbs:\n", stdout);
	for (const struct verb *verb = verbs; verb->name; verb++) {
		if (verb->run) {
			printf("  %-*s  %s\n", width, verb->name, verb->brief);
			continue;
		}
		printf("\n%s:\n", verb->name);
		width = width_of(verb + 1);
	}
	return DONE;
}

int verb_dispatch(const struct verb *verbs, const char *usage,
		  int argc, char **argv)
{
	static char name[64];

	if (argc < 2)
		return usage_wrong(argv[0], "a verb is missing");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return help(verbs, usage);
	for (const struct verb *verb = verbs; verb->name; verb++) {
		char whole[sizeof(name)];

		if (!verb->run || strcmp(argv[1], verb->name))
			continue;
		snprintf(whole, sizeof(whole), "%s %s", argv[0], verb->name);
		memcpy(name, whole, sizeof(name));
		argv[1] = name;
		return verb->run(argc - 1, argv + 1);
	}
	return usage_wrong(argv[0], "'%s' is not a verb", argv[1]);
}
