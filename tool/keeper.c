// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a pipe tells the keeper that its starter has ended, however. When
 * the module lets go of a file it closes it, and an inotify watch tells that;
 * so the keeper sleeps until there is something to do. The watch is set before
 * the first try, or else the close between the two would be missed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "keeper.h"

/* Where a watch could not be had. */
#define UNWATCHED_WAIT_MS 1000

struct kept_file {
	unsigned int number;
	ino_t inode;
};

struct kept {
	int dir_fd;
	const char *stem;
	struct kept_file *files;
	size_t count;
	size_t room;
};

static void name_of(const struct kept *kept, unsigned int number,
		    char name[NAME_MAX + 1])
{
	snprintf(name, NAME_MAX + 1, "%s%u", kept->stem, number);
}

/* Returns false if the module holds it still. */
static bool remove_file(const struct kept *kept, const struct kept_file *file)
{
	char name[NAME_MAX + 1];
	struct stat st;

	name_of(kept, file->number, name);
	if (fstatat(kept->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) ||
	    st.st_ino != file->inode)
		return true;
	if (!unlinkat(kept->dir_fd, name, 0))
		return true;
	if (errno == EPERM)
		return false;
	syslog(LOG_WARNING, "%s stays: %s; remove it", name, strerror(errno));
	return true;
}

static bool watch(const struct kept *kept, int inotify_fd)
{
	char name[NAME_MAX + 1], path[NAME_MAX + 64];
	bool is_complete = true;

	for (size_t i = 0; i < kept->count; i++) {
		name_of(kept, kept->files[i].number, name);
		snprintf(path, sizeof(path), "/proc/self/fd/%d/%s",
			 kept->dir_fd, name);
		if (inotify_add_watch(inotify_fd, path, IN_CLOSE) < 0 &&
		    errno != ENOENT)
			is_complete = false;
	}
	return is_complete;
}

static void remove_all(struct kept *kept)
{
	int inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	bool is_watched = watch(kept, inotify_fd);
	char events[4096];

	for (;;) {
		struct pollfd wait = { .fd = inotify_fd, .events = POLLIN };
		size_t left = 0;

		for (size_t i = 0; i < kept->count; i++)
			if (!remove_file(kept, &kept->files[i]))
				kept->files[left++] = kept->files[i];
		kept->count = left;
		if (!left)
			break;
		poll(&wait, 1, is_watched ? -1 : UNWATCHED_WAIT_MS);
		while (read(inotify_fd, events, sizeof(events)) > 0)
			;
	}
}

static void remember(struct kept *kept, struct kept_file file)
{
	struct kept_file *files = kept->files;

	if (kept->count == kept->room) {
		size_t room = kept->room ? kept->room * 2 : 16;

		files = reallocarray(files, room, sizeof(*files));
		if (!files) {
			syslog(LOG_WARNING, "%s%u will stay: no memory; remove it when the snapshot is gone",
			       kept->stem, file.number);
			return;
		}
		kept->files = files;
		kept->room = room;
	}
	files[kept->count++] = file;
}

/* Who waits for our starter's output must not wait for us. */
static void detach(int pipe_fd, int dir_fd)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	prctl(PR_SET_NAME, "blksnap-keeper");
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	for (int fd = 3; fd < 1024; fd++)
		if (fd != pipe_fd && fd != dir_fd)
			close(fd);
	openlog("blksnap", LOG_PID, LOG_DAEMON);
	if (chdir("/"))
		syslog(LOG_WARNING, "/: %s", strerror(errno));
}

static void keep(int pipe_fd, int dir_fd, const char *stem)
{
	struct kept kept = { .dir_fd = dir_fd, .stem = stem };
	struct kept_file file;
	ssize_t got;

	detach(pipe_fd, dir_fd);
	do {
		got = read(pipe_fd, &file, sizeof(file));
		if (got == (ssize_t)sizeof(file))
			remember(&kept, file);
	} while (got > 0 || (got < 0 && errno == EINTR));
	remove_all(&kept);
	_exit(0);
}

enum status keeper_start(struct keeper *keeper, int dir_fd, const char *stem)
{
	int pipe_fds[2];

	if (pipe2(pipe_fds, O_CLOEXEC)) {
		say_error("no process to remove files: %s", strerror(errno));
		return FAILED;
	}
	keeper->pid = fork();
	if (!keeper->pid)
		keep(pipe_fds[0], dir_fd, stem);
	close(pipe_fds[0]);
	keeper->pipe_fd = pipe_fds[1];
	if (keeper->pid > 0)
		return DONE;
	say_error("no process to remove files: %s", strerror(errno));
	close(pipe_fds[1]);
	return FAILED;
}

int keeper_remember(const struct keeper *keeper, unsigned int number,
		    ino_t inode)
{
	struct kept_file file;

	/* With its padding it goes through a pipe. */
	memset(&file, 0, sizeof(file));
	file.number = number;
	file.inode = inode;
	/* Less than PIPE_BUF: wholly or not at all. */
	if (write(keeper->pipe_fd, &file, sizeof(file)) < 0)
		return -errno;
	return 0;
}

void keeper_leave(struct keeper *keeper)
{
	close(keeper->pipe_fd);
}

void keeper_wait(struct keeper *keeper, bool (*is_impatient)(void))
{
	close(keeper->pipe_fd);
	while (waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
		if (is_impatient())
			break;
}
