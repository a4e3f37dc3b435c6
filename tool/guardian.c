// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guardian.h"

#define FREEZE_MS_MAX 30000
#define RETRY_MS 1000

enum { WATCH_FREEZE = 'f', END_FREEZE = 't' };

/*
 * A freeze that still waits for writers cannot be undone: EINVAL now, and then
 * it succeeds. So what could not be thawed stays noted.
 */
static void thaw(struct guardian_shared *shared, const int *fds,
		 unsigned int count)
{
	/* The last one frozen lies lowest. */
	for (unsigned int i = count; i-- > 0;) {
		if (shared->is_frozen[i] && !ioctl(fds[i], FITHAW, 0))
			shared->is_frozen[i] = false;
	}
}

static void forget_file_systems(const int *fds, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		close(fds[i]);
}

static void destroy(const struct guardian_shared *shared, int control_fd)
{
	static const struct blk_snap_uuid none;
	const struct blk_snap_uuid *id = &shared->create.id;

	if (shared->must_destroy && memcmp(id, &none, sizeof(none)))
		blksnap_snapshot_destroy(control_fd, id);
}

static void detach(void)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	prctl(PR_SET_NAME, "blksnap-guard");
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	if (chdir("/"))
		return;
}

static void guard(struct guardian_shared *shared, int pipe_fd, int control_fd,
		  const int *fds, unsigned int count)
{
	int wait_ms = -1;

	detach();
	for (;;) {
		struct pollfd poll_fd = { .fd = pipe_fd, .events = POLLIN };
		int ret = poll(&poll_fd, 1, wait_ms);
		char word;

		if (ret < 0 && errno == EINTR)
			continue;
		if (!ret) {
			shared->was_too_slow = true;
			thaw(shared, fds, count);
			wait_ms = RETRY_MS;
			continue;
		}
		if (read(pipe_fd, &word, 1) != 1)
			break;
		wait_ms = word == WATCH_FREEZE ? FREEZE_MS_MAX : -1;
		/* An open file would keep them from being unmounted. */
		if (word == END_FREEZE) {
			forget_file_systems(fds, count);
			count = 0;
		}
	}
	thaw(shared, fds, count);
	destroy(shared, control_fd);
	_exit(0);
}

enum status guardian_start(struct guardian *guardian, int control_fd,
			   const int *freeze_fds, unsigned int freeze_count)
{
	int pipe_fds[2];

	guardian->shared = mmap(NULL, sizeof(*guardian->shared),
				PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (guardian->shared == MAP_FAILED || pipe2(pipe_fds, O_CLOEXEC)) {
		say_error("no guardian: %s", strerror(errno));
		return FAILED;
	}
	guardian->shared->must_destroy = true;
	guardian->pid = fork();
	if (!guardian->pid) {
		close(pipe_fds[1]);
		guard(guardian->shared, pipe_fds[0], control_fd, freeze_fds,
		      freeze_count);
	}
	close(pipe_fds[0]);
	guardian->pipe_fd = pipe_fds[1];
	if (guardian->pid < 0) {
		say_error("no guardian: %s", strerror(errno));
		close(pipe_fds[1]);
		return FAILED;
	}
	return DONE;
}

static void tell(struct guardian *guardian, char word)
{
	if (write(guardian->pipe_fd, &word, 1) != 1)
		guardian->shared->was_too_slow = true;
}

void guardian_watch_freeze(struct guardian *guardian)
{
	tell(guardian, WATCH_FREEZE);
}

void guardian_end_freeze(struct guardian *guardian)
{
	tell(guardian, END_FREEZE);
}

void guardian_stop(struct guardian *guardian)
{
	close(guardian->pipe_fd);
	while (waitpid(guardian->pid, NULL, 0) < 0 && errno == EINTR)
		;
	munmap(guardian->shared, sizeof(*guardian->shared));
	memset(guardian, 0, sizeof(*guardian));
}
