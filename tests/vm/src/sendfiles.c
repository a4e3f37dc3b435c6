// SPDX-License-Identifier: GPL-2.0-only
/*
 * sendfiles: copies a file into another by sendfile(2), again and again, until it
 * is killed. The second one's file system is being written to meanwhile, as it
 * sees it, also while the first one's answer is waited for.
 *
 *	sendfiles FROM TO
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int from, to;

	if (argc != 3)
		return 2;
	from = open(argv[1], O_RDONLY);
	to = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (from < 0 || to < 0) {
		perror("sendfiles");
		return 1;
	}
	for (;;) {
		off_t begin = 0;

		if (sendfile(to, from, &begin, 4096) < 0 || lseek(to, 0, SEEK_SET)) {
			perror("sendfiles");
			return 1;
		}
	}
}
