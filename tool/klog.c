// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "klog.h"
#include "tool.h"

int klog_mark(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/* A record is "level,number,time,flags;text", newline, and more lines. */
static const char *text_of(char *record)
{
	char *text = strchr(record, ';');

	if (!text)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return text + 1;
}

void klog_tell(int fd)
{
	char record[8192];

	while (fd >= 0) {
		ssize_t got = read(fd, record, sizeof(record) - 1);
		const char *text;

		/* EPIPE: some was overwritten before it was read. */
		if (got < 0 && errno == EPIPE)
			continue;
		if (got <= 0)
			break;
		record[got] = '\0';
		text = text_of(record);
		if (text && (!strncmp(text, "blkfilter:", 10) ||
			     !strncmp(text, "blksnap:", 8)))
			say_hint("kernel: %s", text);
	}
	klog_close(fd);
}

void klog_close(int fd)
{
	if (fd >= 0)
		close(fd);
}
