// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <syslog.h>
#include <unistd.h>

#include "feeder.h"
#include "progress.h"

#define WAIT_MS		500
/* While storage is owed: how soon to look whether there is room again. */
#define OWED_WAIT_MS	100
/* Two requests within this time ask for larger portions. */
#define HASTE_MS	10000
#define HASTE_MAX	16

int feeder_give(struct feeder *feeder, uint64_t bytes)
{
	struct storage_file file;
	uint64_t sectors;
	int ret;

	ret = storage_next(&feeder->storage, bytes, &file);
	if (ret)
		return ret;
	ret = blksnap_snapshot_append_file(feeder->fd, &feeder->id, file.fd,
					   &sectors);
	/* The module has its own hold on the file now. */
	close(file.fd);
	if (ret)
		return ret;
	feeder->last_given = file.bytes;
	feeder->last_ms = now_ms();
	return 0;
}

static uint64_t request_of(const struct blk_snap_snapshot_event *event)
{
	struct blk_snap_event_low_free_space low;

	memcpy(&low, event->data, sizeof(low));
	return low.requested_nr_sect * 512;
}

int feeder_first_request(struct feeder *feeder, uint64_t *bytes)
{
	struct blk_snap_snapshot_event event;
	int ret = blksnap_snapshot_wait_event(feeder->fd, &feeder->id, 1000,
					      &event);

	*bytes = 1ull << 30;
	if (!ret && event.code == blk_snap_event_code_low_free_space)
		*bytes = request_of(&event);
	return ret == -ENOENT ? 0 : ret;
}

static uint64_t bytes_free(struct feeder *feeder)
{
	struct blksnap_info info;
	uint64_t sectors;

	if (blksnap_snapshot_info(feeder->fd, &feeder->id, &info))
		return 0;
	sectors = info.fixed.storage_sectors - info.fixed.storage_used_sectors;
	blksnap_info_free(&info);
	return sectors * 512;
}

static void complain(struct feeder *feeder, int error)
{
	const char *text = "a file for overwritten data could not be given";

	if (feeder->has_complained)
		return;
	feeder->has_complained = true;
	if (error == -EDQUOT)
		text = "the limit for overwritten data is reached";
	else if (error == -ENOSPC)
		text = "there is no more room for overwritten data";
	else if (error == -EBUSY)
		text = "another snapshot has been taken of the device with overwritten data, and more files could spoil it";
	if (feeder->is_running)
		say_error("%s on %s: %s; the snapshot lasts as long as what it was given",
			  text, feeder->storage.dir, strerror(-error));
	else
		syslog(LOG_WARNING, "%s on %s: %s", text, feeder->storage.dir,
		       strerror(-error));
}

/*
 * Less than asked for was given because there was less: the next request comes
 * at once, but is answered only when half of that is used, so that a small
 * file system is not emptied for nothing.
 */
static void pay(struct feeder *feeder)
{
	uint64_t wanted = feeder->owed;
	int ret;

	if (feeder->last_given && feeder->last_given < feeder->owed &&
	    bytes_free(feeder) > feeder->last_given / 2)
		return;
	if (now_ms() - feeder->last_ms > HASTE_MS)
		feeder->haste = 1;
	else if (feeder->haste < HASTE_MAX)
		feeder->haste *= 2;
	ret = feeder_give(feeder, wanted * feeder->haste);
	if (!ret)
		feeder->owed = 0;
	else
		complain(feeder, ret);
}

static void take_event(struct feeder *feeder,
		       const struct blk_snap_snapshot_event *event)
{
	struct blk_snap_event_corrupted corrupted;

	if (event->code == blk_snap_event_code_low_free_space) {
		if (feeder->does_grow)
			feeder->owed = request_of(event);
	} else if (event->code == blk_snap_event_code_corrupted) {
		memcpy(&corrupted, event->data, sizeof(corrupted));
		atomic_store(&feeder->corrupt_error,
			     corrupted.err_code ? corrupted.err_code : EIO);
	}
}

void feeder_loop(struct feeder *feeder)
{
	struct blk_snap_snapshot_event event;

	feeder->haste = 1;
	while (!atomic_load(&feeder->must_stop) &&
	       !atomic_load(&feeder->corrupt_error)) {
		int ret = blksnap_snapshot_wait_event(feeder->fd, &feeder->id,
				feeder->owed ? OWED_WAIT_MS : WAIT_MS, &event);

		if (!ret)
			take_event(feeder, &event);
		else if (ret != -ENOENT && ret != -EINTR)
			break;
		if (feeder->owed)
			pay(feeder);
	}
}

static void *feed(void *argument)
{
	feeder_loop(argument);
	return NULL;
}

int feeder_start(struct feeder *feeder)
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	feeder->is_running = true;
	ret = pthread_create(&feeder->thread, NULL, feed, feeder);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret)
		feeder->is_running = false;
	return -ret;
}

void feeder_stop(struct feeder *feeder)
{
	if (!feeder->is_running)
		return;
	atomic_store(&feeder->must_stop, true);
	pthread_join(feeder->thread, NULL);
	feeder->is_running = false;
	atomic_store(&feeder->must_stop, false);
}

static bool is_ours(const struct feeder *feeder, int fd)
{
	const struct storage *storage = &feeder->storage;

	for (unsigned int i = storage->pool_next; i < storage->pool_count; i++)
		if (fd == storage->pool[i].fd)
			return true;
	return fd == feeder->fd || fd == storage->dir_fd ||
	       fd == storage->device_fd;
}

/* The lock on a backup directory, above all, is not ours to keep. */
static void close_what_is_not_ours(const struct feeder *feeder)
{
	for (int fd = 3; fd < 1024; fd++)
		if (!is_ours(feeder, fd))
			close(fd);
}

static void become_daemon(struct feeder *feeder)
{
	int null;

	close_what_is_not_ours(feeder);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	setsid();
	prctl(PR_SET_NAME, "blksnap-feeder");
	if (null < 0 || chdir("/"))
		_exit(FAILED);
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	openlog("blksnap", LOG_PID, LOG_DAEMON);
	feeder_loop(feeder);
	if (atomic_load(&feeder->corrupt_error))
		syslog(LOG_ERR, "a snapshot is corrupt: %s",
		       strerror(atomic_load(&feeder->corrupt_error)));
	_exit(DONE);
}

enum status feeder_leave_behind(struct feeder *feeder)
{
	pid_t pid;

	feeder_stop(feeder);
	pid = fork();
	if (!pid)
		become_daemon(feeder);
	if (pid < 0) {
		say_error("no process to feed the snapshot: %s",
			  strerror(errno));
		return FAILED;
	}
	return DONE;
}
