// SPDX-License-Identifier: GPL-2.0-only
/*
 * fork and exec. Other threads may be running, so the child calls nothing
 * between the two that is not safe in a signal handler: the environment is
 * made before, and the process id that it must name is filled in as digits.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "tool.h"

#define FIRST_LISTEN_FD 3

static char listen_pid[] = "LISTEN_PID=0000000000";
static char listen_fds[] = "LISTEN_FDS=1";

static char **environment_with_socket(void)
{
	size_t count = 0;
	char **env;

	while (environ[count])
		count++;
	env = calloc(count + 3, sizeof(*env));
	if (!env)
		return NULL;
	env[0] = listen_pid;
	env[1] = listen_fds;
	memcpy(env + 2, environ, count * sizeof(*env));
	return env;
}

static void write_own_pid(void)
{
	char *digit = listen_pid + sizeof(listen_pid) - 2;
	unsigned int pid = (unsigned int)getpid();

	for (int i = 0; i < 10; i++, pid /= 10)
		*digit-- = (char)('0' + pid % 10);
}

static void become(const char *const argv[], char **env, pid_t parent,
		   int listen_fd, int stdout_fd, int error_fd)
{
	sigset_t none;
	int error;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(127);
	if (dup2(stdout_fd >= 0 ? stdout_fd : STDERR_FILENO, STDOUT_FILENO) < 0)
		goto failed;
	if (listen_fd >= 0) {
		write_own_pid();
		/* dup2() onto itself would leave close-on-exec set. */
		if (listen_fd == FIRST_LISTEN_FD)
			fcntl(listen_fd, F_SETFD, 0);
		else if (dup2(listen_fd, FIRST_LISTEN_FD) < 0)
			goto failed;
	}
	execvpe(argv[0], (char *const *)argv, env);
failed:
	error = errno;
	if (write(error_fd, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

pid_t child_start(const char *const argv[], int listen_fd, int stdout_fd)
{
	char **env = listen_fd >= 0 ? environment_with_socket() : environ;
	pid_t parent = getpid(), pid = -1;
	int pipe_fds[2], error = 0;

	if (!env)
		return -ENOMEM;
	/* Above the descriptor that the socket takes in the child. */
	if (pipe2(pipe_fds, O_CLOEXEC)) {
		error = errno;
		goto out_env;
	}
	if (pipe_fds[1] <= FIRST_LISTEN_FD) {
		int higher = fcntl(pipe_fds[1], F_DUPFD_CLOEXEC,
				   FIRST_LISTEN_FD + 1);

		close(pipe_fds[1]);
		pipe_fds[1] = higher;
	}
	pid = fork();
	if (!pid)
		become(argv, env, parent, listen_fd, stdout_fd, pipe_fds[1]);
	if (pid < 0)
		error = errno;
	close(pipe_fds[1]);
	/* The pipe closes without a word when exec succeeds. */
	if (pid > 0 && read(pipe_fds[0], &error, sizeof(error)) > 0)
		waitpid(pid, NULL, 0);
	close(pipe_fds[0]);
out_env:
	if (listen_fd >= 0)
		free(env);
	return error ? -error : pid;
}

int child_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

int child_run(const char *const argv[])
{
	pid_t pid = child_start(argv, -1, -1);

	return pid < 0 ? (int)pid : child_wait(pid);
}

int child_output(const char *const argv[], char **output)
{
	size_t room = 0;
	FILE *stream;
	int pipe_fds[2], ret;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC))
		return -errno;
	pid = child_start(argv, -1, pipe_fds[1]);
	close(pipe_fds[1]);
	if (pid < 0) {
		close(pipe_fds[0]);
		return (int)pid;
	}
	*output = NULL;
	stream = fdopen(pipe_fds[0], "r");
	if (stream) {
		/* Up to a zero byte, that is: all there is. */
		if (getdelim(output, &room, '\0', stream) < 0) {
			free(*output);
			*output = strdup("");
		}
		fclose(stream);
	}
	ret = child_wait(pid);
	if (!*output)
		return -ENOMEM;
	/* The signal may have reached the child as well, or cut its output off. */
	return is_interrupted() ? -ECANCELED : ret;
}
