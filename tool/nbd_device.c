// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "nbd_device.h"

#define RUN_DIR		"/run/blksnap"
#define NBD_COUNT_MAX	256
#define READY_TRIES	100
#define READY_WAIT_US	50000

static bool exists(unsigned int number, const char *attribute)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/block/nbd%u/%s", number, attribute);
	return !access(path, F_OK);
}

/* 0 without that attribute. */
static uint64_t attribute_of(const char *name, const char *attribute)
{
	char path[64], text[32] = "0";
	FILE *file;

	snprintf(path, sizeof(path), "/sys/block/%s/%s", name, attribute);
	file = fopen(path, "re");
	if (file && !fgets(text, sizeof(text), file))
		text[0] = '0';
	if (file)
		fclose(file);
	return strtoull(text, NULL, 10);
}

static bool has_size(unsigned int number)
{
	char name[16];

	snprintf(name, sizeof(name), "nbd%u", number);
	return attribute_of(name, "size") > 0;
}

static bool module_is_there(void)
{
	const char *const argv[] = { "modprobe", "nbd", NULL };

	return exists(0, "size") || (!child_run(argv) && exists(0, "size"));
}

/* The kernel tells the size a moment after qemu-nbd says that it is ready. */
static bool becomes_ready(unsigned int number)
{
	for (int tries = 0; tries < READY_TRIES; tries++) {
		if (has_size(number))
			return true;
		usleep(READY_WAIT_US);
	}
	return false;
}

static enum status detach(const char *device)
{
	const char *const argv[] = { "qemu-nbd", "--disconnect", device, NULL };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	pid_t pid = child_start(argv, -1, null);

	if (null >= 0)
		close(null);
	if (pid >= 0 && !child_wait(pid))
		return DONE;
	say_error("%s could not be disconnected; try 'qemu-nbd --disconnect %s'",
		  device, device);
	return FAILED;
}

/* IN_USE: somebody else was faster. */
static enum status connect_to(unsigned int number, const char *image,
			      const char *device)
{
	char connect[64];
	const char *const argv[] = {
		"qemu-nbd", connect, "--snapshot", "--format=qcow2", "--",
		image, NULL,
	};

	snprintf(connect, sizeof(connect), "--connect=%s", device);
	if (child_run(argv)) {
		if (becomes_ready(number))
			return IN_USE;
		say_error("qemu-nbd could not show %s as %s", image, device);
		return FAILED;
	}
	if (becomes_ready(number))
		return DONE;
	say_error("%s, which shows %s, gets no size", device, image);
	detach(device);
	return FAILED;
}

enum status nbd_device_connect(const char *image, char device[NBD_PATH_SIZE])
{
	if (!module_is_there()) {
		say_error("mounting a backup needs the kernel module nbd; load it with 'modprobe nbd', or restore to a file and mount that");
		return FAILED;
	}
	for (unsigned int i = 0; i < NBD_COUNT_MAX && exists(i, "size"); i++) {
		enum status status;

		if (exists(i, "pid") || has_size(i))
			continue;
		snprintf(device, NBD_PATH_SIZE, "/dev/nbd%u", i);
		status = connect_to(i, image, device);
		if (status != IN_USE)
			return status;
	}
	say_error("all nbd devices are in use; free one with 'qemu-nbd --disconnect /dev/nbdN'");
	return IN_USE;
}

static const char *name_of(const char *device)
{
	return strrchr(device, '/') + 1;
}

static void record_path(const char *device, char path[64])
{
	snprintf(path, 64, RUN_DIR "/%s", name_of(device));
}

enum status nbd_device_disconnect(const char *device)
{
	enum status status = detach(device);
	char path[64];

	if (status == DONE) {
		record_path(device, path);
		unlink(path);
	}
	return status;
}

enum status nbd_device_record(const char *device, const char *target)
{
	char path[64];
	FILE *file;

	if (mkdir(RUN_DIR, 0700) && errno != EEXIST) {
		say_error(RUN_DIR ": %s", strerror(errno));
		return FAILED;
	}
	record_path(device, path);
	file = fopen(path, "we");
	if (!file || fprintf(file, "%s\n%" PRIu64 "\n", target,
			     attribute_of(name_of(device), "pid")) < 0 ||
	    fclose(file)) {
		say_error("%s: %s", path, strerror(errno));
		return FAILED;
	}
	return DONE;
}

static bool is_recorded(const char *device, const char *target)
{
	char path[64], line[PATH_MAX + 2] = "", pid[32] = "";
	uint64_t server;
	FILE *file;

	record_path(device, path);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(line, sizeof(line), file) || !fgets(pid, sizeof(pid), file))
		line[0] = '\0';
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, target))
		return false;
	server = strtoull(pid, NULL, 10);
	if (server && server == attribute_of(name_of(device), "pid"))
		return true;
	/* It was disconnected by somebody else. */
	unlink(path);
	return false;
}

bool nbd_device_of_target(const char *target, const char *source,
			  char device[NBD_PATH_SIZE])
{
	for (unsigned int i = 0; i < NBD_COUNT_MAX; i++) {
		snprintf(device, NBD_PATH_SIZE, "/dev/nbd%u", i);
		if ((!source || !strcmp(source, device)) &&
		    is_recorded(device, target))
			return true;
	}
	return false;
}
