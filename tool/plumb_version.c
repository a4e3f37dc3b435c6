// SPDX-License-Identifier: GPL-2.0-only
/* blksnap version: one line that scripts read. */
#include <stdio.h>

#include "plumb.h"

static enum status run(int fd, const struct plumb_args *args)
{
	struct blk_snap_version version;
	int ret = blksnap_version(fd, &version);

	(void)args;
	if (ret)
		return plumb_failed("the module does not tell its version", ret,
				    NULL, -1);
	printf("%u.%u.%u.%u\n", version.major, version.minor,
	       version.revision, version.build);
	return DONE;
}

int plumb_version(int argc, char **argv)
{
	static const struct option options[] = {
		PLUMB_OPTION_HELP, PLUMB_OPTIONS_END,
	};
	static const struct plumb_command command = {
		.usage = "Usage: blksnap version\n"
			 "\n"
			 "Prints the version of the kernel module, as in 2.0.0.0. 'blksnap --version'\n"
			 "prints that of this program.\n"
			 "\n"
			 PLUMB_USAGE_HELP,
		.options = options,
		.required = "",
		.lists = "",
		.run = run,
	};

	return plumb_main(&command, argc, argv);
}
