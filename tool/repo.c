// SPDX-License-Identifier: GPL-2.0-only
/* Opening a backup directory, its lock, its points, its leftovers. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "repo.h"

/* In data/: no image is removed while it is there. */
#define KEEP_NAME	"keep-all"

#define LOCK_TRIES	30
#define LOCK_WAIT_US	100000

/* True if @name starts with an id of ours: 20261122T170657Z-3f9a */
static bool starts_with_id(const char *name)
{
	static const char pattern[] = "########T######Z-xxxx";

	for (const char *p = pattern; *p; p++, name++) {
		if (*p == '#' ? *name < '0' || *name > '9' :
		    *p == 'x' ? !strchr("0123456789abcdef", *name) || !*name :
		    *name != *p)
			return false;
	}
	return true;
}

static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), end_length = strlen(end);

	return length > end_length && !strcmp(name + length - end_length, end);
}

static char *read_file(int dir_fd, const char *name, int *error)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	struct stat st;
	ssize_t got;

	if (fd < 0 || fstat(fd, &st)) {
		*error = -errno;
		goto out;
	}
	text = calloc(1, (size_t)st.st_size + 1);
	got = text ? read(fd, text, (size_t)st.st_size) : -1;
	if (got != st.st_size) {
		*error = text ? -EIO : -ENOMEM;
		free(text);
		text = NULL;
	}
out:
	if (fd >= 0)
		close(fd);
	return text;
}

/*
 * Who reads a directory wants to know that it is damaged, and only that; who
 * adds to it has simply failed.
 */
static enum status is_damaged(const struct repo *repo)
{
	return repo->lock_fd < 0 ? MISMATCH : FAILED;
}

static enum status load_point(struct repo *repo, const char *name)
{
	struct manifest *points;
	int error = 0;
	char *text = read_file(repo->points_fd, name, &error);

	points = reallocarray(repo->points, repo->count + 1, sizeof(*points));
	if (!points)
		error = -ENOMEM;
	else
		repo->points = points;
	if (!error)
		error = manifest_from_text(&points[repo->count], text);
	free(text);
	if (error == -EPROTONOSUPPORT) {
		say_error("%s/points/%s was written by a newer version; use that version of blksnap",
			  repo->path, name);
		return FAILED;
	}
	if (error) {
		say_error("%s/points/%s cannot be read: %s; bring it back from a copy, or move it and the files of data/ with that id away",
			  repo->path, name, strerror(-error));
		return error == -EBADMSG ? is_damaged(repo) : FAILED;
	}
	repo->count++;
	if (strncmp(repo->points[repo->count - 1].id, name, POINT_ID_SIZE - 1)) {
		say_error("%s/points/%s holds the point %s; give the file its own name back",
			  repo->path, name, repo->points[repo->count - 1].id);
		return is_damaged(repo);
	}
	return DONE;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct manifest *)a)->id,
		      ((const struct manifest *)b)->id);
}

static DIR *open_dir(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);

	if (!dir && copy >= 0)
		close(copy);
	return dir;
}

/* NULL is the end only if errno is 0; else there is more that cannot be read. */
static struct dirent *next_entry(DIR *dir)
{
	errno = 0;
	return readdir(dir);
}

static enum status load_points(struct repo *repo)
{
	DIR *dir = open_dir(repo->points_fd);
	enum status status = DONE;
	struct dirent *entry = NULL;

	while (dir && status == DONE && (entry = next_entry(dir)))
		if (starts_with_id(entry->d_name) &&
		    !strcmp(entry->d_name + POINT_ID_SIZE - 1, ".json"))
			status = load_point(repo, entry->d_name);
	if (!dir || (!entry && errno)) {
		say_error("%s/points cannot be read: %s", repo->path,
			  strerror(errno));
		status = FAILED;
	}
	if (dir)
		closedir(dir);
	if (repo->count)
		qsort(repo->points, repo->count, sizeof(*repo->points), by_id);
	return status;
}

static bool is_point(const struct repo *repo, const char *id)
{
	for (size_t i = 0; i < repo->count; i++)
		if (!strncmp(repo->points[i].id, id, POINT_ID_SIZE - 1))
			return true;
	return false;
}

/* The parent of a point whose manifest is not there, and perhaps not for good. */
static const char *missing_parent(const struct repo *repo)
{
	for (size_t i = 0; i < repo->count; i++) {
		const struct manifest *point = &repo->points[i];

		for (size_t d = 0; d < point->count; d++)
			if (point->devices[d].is_increment &&
			    !is_point(repo, point->devices[d].parent_point))
				return point->devices[d].parent_point;
	}
	return NULL;
}

static bool is_leftover(const struct repo *repo, const char *name)
{
	size_t prefix = strlen(TEMPORARY_PREFIX);
	bool is_temporary = !strncmp(name, TEMPORARY_PREFIX, prefix);

	if (is_temporary)
		name += prefix;
	if (!starts_with_id(name) || name[POINT_ID_SIZE - 1] != '.')
		return false;
	/* A manifest of that name is a point, whatever we know of it. */
	if (ends_with(name, ".json"))
		return is_temporary;
	if (!ends_with(name, ".qcow2") && !ends_with(name, ".hashes"))
		return false;
	return is_temporary || (!repo->keeps_images && !is_point(repo, name));
}

static enum status remove_leftovers(const struct repo *repo, int dir_fd)
{
	DIR *dir = open_dir(dir_fd);
	enum status status = DONE;
	struct dirent *entry;

	while (dir && (entry = next_entry(dir))) {
		if (!is_leftover(repo, entry->d_name))
			continue;
		if (unlinkat(dir_fd, entry->d_name, 0))
			say_error("%s, which no point needs, cannot be removed: %s",
				  entry->d_name, strerror(errno));
		else
			say_note("removed %s, which no point needs", entry->d_name);
	}
	if (errno) {
		say_error("%s cannot be searched for leftovers: %s",
			  repo->path, strerror(errno));
		status = FAILED;
	}
	if (dir)
		closedir(dir);
	return status;
}

/*
 * An interrupted backup leaves images of one point that is newer than all others, and
 * who removes old chains leaves none of these. Are there more?
 */
static enum status has_many_newer(const struct repo *repo, bool *is_many)
{
	const char *last = repo->count ? repo->points[repo->count - 1].id : "";
	char first[POINT_ID_SIZE] = "";
	DIR *dir = open_dir(repo->data_fd);
	struct dirent *entry = NULL;

	*is_many = false;
	while (dir && (entry = next_entry(dir))) {
		if (!starts_with_id(entry->d_name) ||
		    strncmp(entry->d_name, last, POINT_ID_SIZE - 1) <= 0)
			continue;
		if (!*first)
			memcpy(first, entry->d_name, POINT_ID_SIZE - 1);
		else if (strncmp(entry->d_name, first, POINT_ID_SIZE - 1))
			*is_many = true;
	}
	if (!dir || errno) {
		say_error("%s/data cannot be read: %s", repo->path,
			  strerror(errno));
		if (dir)
			closedir(dir);
		return FAILED;
	}
	closedir(dir);
	return DONE;
}

/*
 * An image without a manifest is the rest of a backup that was interrupted, or of a
 * chain whose manifests somebody has removed. Or else manifests were lost, and will be
 * brought back from a copy: where it looks like that, every image is kept.
 */
static enum status find_lost(struct repo *repo)
{
	const char *parent = missing_parent(repo);
	bool is_many = false;
	enum status status = has_many_newer(repo, &is_many);
	int fd;

	if (status != DONE)
		return status;
	/* The next backup, which sees the point that is made now, has to know. */
	fd = openat(repo->data_fd, KEEP_NAME,
		    O_RDONLY | O_CLOEXEC | (is_many ? O_CREAT : 0), 0600);
	if (fd < 0 && errno != ENOENT) {
		say_error("%s/data/" KEEP_NAME ": %s", repo->path, strerror(errno));
		return FAILED;
	}
	repo->keeps_images = parent || fd >= 0;
	if (parent)
		say_error("a point is based on %s, whose manifest is missing: nothing is removed from %s/data; bring %s/points/%s.json back from a copy, or remove what is based on it",
			  parent, repo->path, repo->path, parent);
	else if (fd >= 0)
		say_error("%s/data holds images whose manifests seem to be lost: nothing is removed; bring them back to %s/points from a copy, then, or if nobody needs these images, remove %s/data/" KEEP_NAME,
			  repo->path, repo->path, repo->path);
	if (fd >= 0)
		close(fd);
	return DONE;
}

static int open_or_make(int dir_fd, const char *name, bool to_write)
{
	if (to_write && mkdirat(dir_fd, name, 0700) && errno != EEXIST)
		return -1;
	return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static enum status lock(struct repo *repo, int dir_fd)
{
	repo->lock_fd = openat(dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC,
			       0600);
	if (repo->lock_fd < 0) {
		say_error("%s/lock: %s", repo->path, strerror(errno));
		return FAILED;
	}
	/* One that was killed may be holding it while its rests are removed. */
	for (int tries = 0; tries < LOCK_TRIES; tries++) {
		if (!flock(repo->lock_fd, LOCK_EX | LOCK_NB))
			return DONE;
		if (errno != EWOULDBLOCK)
			break;
		usleep(LOCK_WAIT_US);
	}
	if (errno == EWOULDBLOCK) {
		say_error("%s is in use by another backup; wait until it has ended",
			  repo->path);
		return IN_USE;
	}
	say_error("%s cannot be locked: %s", repo->path, strerror(errno));
	return FAILED;
}

static enum status open_dirs(struct repo *repo, const char *path, bool to_write)
{
	enum status status = DONE;
	int dir_fd;

	if (to_write && mkdir(path, 0700) && errno != EEXIST) {
		say_error("%s cannot be made: %s", path, strerror(errno));
		return FAILED;
	}
	dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0 || !realpath(path, repo->path)) {
		say_error("%s: %s", path, strerror(errno));
		status = FAILED;
	}
	if (status == DONE && to_write)
		status = lock(repo, dir_fd);
	if (status == DONE) {
		repo->points_fd = open_or_make(dir_fd, "points", to_write);
		repo->data_fd = open_or_make(dir_fd, "data", to_write);
		if (repo->points_fd < 0 || repo->data_fd < 0) {
			say_error("%s is not a backup directory: %s", path,
				  strerror(errno));
			status = FAILED;
		}
	}
	/* The names of the two have to last as long as what is in them. */
	if (status == DONE && to_write && fsync(dir_fd)) {
		say_error("%s: %s", path, strerror(errno));
		status = FAILED;
	}
	if (dir_fd >= 0)
		close(dir_fd);
	return status;
}

enum status repo_open(struct repo *repo, const char *path, bool to_write)
{
	enum status status;

	memset(repo, 0, sizeof(*repo));
	repo->points_fd = repo->data_fd = repo->lock_fd = -1;
	status = open_dirs(repo, path, to_write);
	if (status == DONE)
		status = load_points(repo);
	if (status == DONE && to_write)
		status = find_lost(repo);
	if (status == DONE && to_write)
		status = remove_leftovers(repo, repo->points_fd);
	if (status == DONE && to_write)
		status = remove_leftovers(repo, repo->data_fd);
	if (status != DONE)
		repo_close(repo);
	return status;
}

void repo_close(struct repo *repo)
{
	for (size_t i = 0; i < repo->count; i++)
		manifest_free(&repo->points[i]);
	free(repo->points);
	if (repo->points_fd >= 0)
		close(repo->points_fd);
	if (repo->data_fd >= 0)
		close(repo->data_fd);
	if (repo->lock_fd >= 0)
		close(repo->lock_fd);
	memset(repo, 0, sizeof(*repo));
	repo->points_fd = repo->data_fd = repo->lock_fd = -1;
}

const struct manifest *repo_find(const struct repo *repo, const char *id)
{
	const struct manifest *found = NULL;

	if (!repo->count) {
		say_error("%s holds no backup point", repo->path);
		return NULL;
	}
	if (!id || !*id)
		return &repo->points[repo->count - 1];
	for (size_t i = 0; i < repo->count; i++) {
		if (strncmp(repo->points[i].id, id, strlen(id)))
			continue;
		if (found) {
			say_error("%s fits several points of %s; give more of the id, 'blksnap restore --list --from %s' shows them",
				  id, repo->path, repo->path);
			return NULL;
		}
		found = &repo->points[i];
	}
	if (!found)
		say_error("%s holds no point %s; 'blksnap restore --list --from %s' shows those it has",
			  repo->path, id, repo->path);
	return found;
}

void repo_data_path(const struct repo *repo, const char *name,
		    char path[PATH_MAX])
{
	if (snprintf(path, PATH_MAX, "%s/data/%s", repo->path, name) >= PATH_MAX)
		path[0] = '\0';
}

void repo_new_id(const struct repo *repo, char id[POINT_ID_SIZE])
{
	const char *last = repo->count ? repo->points[repo->count - 1].id : "";
	time_t now = time(NULL);
	uint16_t salt = 0;

	if (getrandom(&salt, sizeof(salt), GRND_NONBLOCK) != sizeof(salt))
		salt = (uint16_t)getpid();
	/* A clock that was set back must not put a child before its parent. */
	for (;; now++) {
		char stamp[32];
		struct tm utc;

		gmtime_r(&now, &utc);
		strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
		snprintf(id, POINT_ID_SIZE, "%.16s-%04x", stamp, salt);
		if (strncmp(id, last, 16) > 0)
			return;
		if (strncmp(id, last, 8) < 0) {
			struct tm then = { .tm_isdst = 0 };

			if (strptime(last, "%Y%m%dT%H%M%SZ", &then))
				now = timegm(&then);
		}
	}
}

static bool is_directory(const char *text, size_t length)
{
	char path[PATH_MAX];
	struct stat st;

	if (length >= sizeof(path))
		return false;
	memcpy(path, text, length);
	path[length] = '\0';
	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/*
 * Both signs can also be in a directory's name, and in a device's: the longest
 * that is a directory is meant, or all up to the first sign if nothing is.
 */
static size_t directory_length(const char *text)
{
	size_t length = strlen(text);

	for (size_t i = length; i > 0; i--)
		if ((i == length || strchr("@:", text[i])) &&
		    is_directory(text, i))
			return i;
	return strcspn(text, "@:");
}

int point_name_parse(const char *text, struct point_name *name)
{
	size_t length = directory_length(text), point = 0;
	const char *rest = text + length;

	memset(name, 0, sizeof(*name));
	if (!length || length >= sizeof(name->dir))
		return -EINVAL;
	memcpy(name->dir, text, length);
	if (*rest == '@') {
		point = strcspn(++rest, ":");
		if (point >= sizeof(name->point))
			return -EINVAL;
		memcpy(name->point, rest, point);
		rest += point;
	}
	if (!*rest)
		return 0;
	if (strlen(++rest) >= sizeof(name->device))
		return -EINVAL;
	strcpy(name->device, rest);
	return 0;
}
