// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file is made without a name, and named only when it is whole and the keeper
 * knows of it: at no moment could a crash of ours leave one behind for which
 * nobody cares.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "stretch_files.h"

#define MiB (1ull << 20)
#define GiB (1ull << 30)

#define FILE_BYTES_MIN	MiB
/* Enough for a snapshot to last, where no limit says how much. */
#define ENOUGH_SHARE	10

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static bool split_prefix(const char *prefix, char dir[PATH_MAX],
			 char stem[STEM_SIZE])
{
	const char *slash = strrchr(prefix, '/');
	const char *base = slash ? slash + 1 : prefix;
	/* The directory "/" keeps its slash. */
	int length = slash == prefix ? 1 : (int)(slash ? slash - prefix : 1);

	return length < PATH_MAX &&
	       snprintf(dir, PATH_MAX, "%.*s", length,
			slash ? prefix : ".") < PATH_MAX &&
	       snprintf(stem, STEM_SIZE, "%sdiff_storage#", base) < STEM_SIZE;
}

enum status stretch_files_open(struct stretch_files *files,
			       const struct storage_user *user,
			       const char *prefix, uint64_t limit)
{
	char dir[PATH_MAX];
	enum status status;

	memset(files, 0, sizeof(*files));
	files->user = *user;
	files->limit = limit ? limit : UINT64_MAX;
	if (!split_prefix(prefix, dir, files->stem)) {
		say_error("%s: %s; choose a shorter prefix", prefix,
			  strerror(ENAMETOOLONG));
		return FAILED;
	}
	files->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (files->dir_fd < 0) {
		say_error("%s: %s; --path is a directory with a '/' behind it, or that and the beginning of a file's name",
			  dir, strerror(errno));
		return FAILED;
	}
	status = keeper_start(&files->keeper, files->dir_fd, files->stem);
	if (status != DONE)
		close(files->dir_fd);
	return status;
}

static uint64_t room_in(int dir_fd)
{
	struct statvfs vfs;

	return fstatvfs(dir_fd, &vfs) ? 0 :
	       (uint64_t)vfs.f_bavail * vfs.f_frsize;
}

int stretch_files_set_aside(struct stretch_files *files, uint64_t bytes,
			    uint64_t capacity, bool (*is_too_late)(void *),
			    void *context)
{
	uint64_t total = files->limit, left;
	int ret = 0;

	files->is_set_aside = true;
	if (total == UINT64_MAX)
		total = larger(4 * GiB, capacity / ENOUGH_SHARE);
	/* The file system is in use, and so is the rest of its room. */
	total = smaller(total, room_in(files->dir_fd) / 2);
	bytes = larger(bytes, (total / STORAGE_POOL_MAX + MiB - 1) / MiB * MiB);
	for (left = total; !ret && left >= FILE_BYTES_MIN &&
	     files->aside_count < STORAGE_POOL_MAX;) {
		struct storage_file *file = &files->aside[files->aside_count];
		uint64_t size = smaller(bytes, left);

		ret = storage_make_file(&files->user, files->dir_fd, size, file);
		if (!ret && is_too_late(context)) {
			close(file->fd);
			break;
		}
		if (!ret) {
			files->aside_count++;
			left -= size;
		} else if (ret == -ENOSPC && bytes / 2 >= FILE_BYTES_MIN) {
			bytes = bytes / 2;
			ret = 0;
		}
	}
	/* What was made before the room went is better than nothing. */
	return files->aside_count ? 0 : ret ? ret : -ENOSPC;
}

/* -EEXIST names are left out: they are not ours. */
static int name_file(struct stretch_files *files, int fd)
{
	char path[64], name[NAME_MAX + 1];
	struct stat st;
	int ret;

	if (fstat(fd, &st))
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	do {
		snprintf(name, sizeof(name), "%s%u", files->stem, files->next);
		if (keeper_remember(&files->keeper, files->next++, st.st_ino))
			say_error("somebody ended the process that removes %s; remove it when the snapshot is gone",
				  name);
		ret = linkat(AT_FDCWD, path, files->dir_fd, name,
			     AT_SYMLINK_FOLLOW) ? -errno : 0;
		if (ret == -EEXIST)
			say_note("%s exists already and is left alone; remove it if no snapshot uses it",
				 name);
	} while (ret == -EEXIST);
	return ret;
}

static int make_fitting(struct stretch_files *files, uint64_t bytes,
			struct storage_file *file)
{
	int ret;

	bytes = smaller(bytes, files->limit - files->given);
	if (bytes < FILE_BYTES_MIN)
		return -EDQUOT;
	do {
		ret = storage_make_file(&files->user, files->dir_fd, bytes, file);
		bytes = bytes / 2 / MiB * MiB;
	} while (ret == -ENOSPC && bytes >= FILE_BYTES_MIN);
	/* Somebody's quota is room that there is not, as well. */
	return ret == -EDQUOT ? -ENOSPC : ret;
}

int stretch_files_next(struct stretch_files *files, uint64_t bytes,
		       struct storage_file *file)
{
	int ret = 0;

	if (!files->is_set_aside)
		ret = make_fitting(files, bytes, file);
	else if (files->aside_next < files->aside_count)
		*file = files->aside[files->aside_next++];
	else
		ret = -EDQUOT;
	if (ret)
		return ret;
	ret = name_file(files, file->fd);
	if (ret)
		close(file->fd);
	else
		files->given += file->bytes;
	return ret;
}

void stretch_files_withdraw(struct stretch_files *files,
			    const struct storage_file *file)
{
	char name[NAME_MAX + 1];

	snprintf(name, sizeof(name), "%s%u", files->stem, files->next - 1);
	unlinkat(files->dir_fd, name, 0);
	files->given -= file->bytes;
	files->next--;
}

void stretch_files_close(struct stretch_files *files)
{
	for (unsigned int i = files->aside_next; i < files->aside_count; i++)
		close(files->aside[i].fd);
	close(files->dir_fd);
}
