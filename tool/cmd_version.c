// SPDX-License-Identifier: GPL-2.0-only
/* blksnap version: one line that scripts read. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control.h"

static const char usage[] =
	"Usage: blksnap version\n"
	"\n"
	"Prints the version of the kernel module, as in 2.0.0.0. 'blksnap --version'\n"
	"prints that of this program.\n"
	"\n"
	"  -h, --help             print this\n";

int cmd_version(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct blk_snap_version version;
	enum status status;
	int option, fd, ret;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
		return option == 'h' ? usage_help(usage) :
				       usage_wrong(argv[0], NULL);
	if (optind < argc)
		return usage_wrong(argv[0], "'%s' is one word too many",
				   argv[optind]);
	status = control_open(&fd);
	if (status != DONE)
		return status;
	ret = blksnap_version(fd, &version);
	close(fd);
	if (ret) {
		say_error("the module does not tell its version: %s",
			  strerror(-ret));
		return NO_MODULE;
	}
	printf("%u.%u.%u.%u\n", version.major, version.minor,
	       version.revision, version.build);
	return DONE;
}
