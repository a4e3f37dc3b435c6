/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A backup directory:
 *
 *	lock			held by whoever adds to it
 *	points/ID.json		a point: it exists if and only if this file does
 *	data/ID.NAME.qcow2	what it holds of the device NAME
 *	data/ID.NAME.hashes	the hashes of what that image holds
 *
 * While they are made, files are called .tmp-ID… in the same directories.
 */
#ifndef REPO_H
#define REPO_H

#include <limits.h>
#include <stdbool.h>

#include "manifest.h"
#include "tool.h"

#define TEMPORARY_PREFIX ".tmp-"

/**
 * struct repo - an open backup directory.
 * @path: of it, absolute.
 * @points_fd: points/
 * @data_fd: data/
 * @lock_fd: lock, or -1 if it is only read.
 * @points: all points, oldest first.
 * @count: how many.
 * @keeps_images: manifests may have been lost: what no point needs is not removed.
 */
struct repo {
	char path[PATH_MAX];
	int points_fd;
	int data_fd;
	int lock_fd;
	struct manifest *points;
	size_t count;
	bool keeps_images;
};

/**
 * repo_open - opens a directory and reads its points.
 * @to_write: makes it if it does not exist, locks it (IN_USE if somebody else
 *	has), and removes what no point needs.
 *
 * MISMATCH: a manifest is damaged; FAILED with @to_write.
 */
enum status repo_open(struct repo *repo, const char *path, bool to_write);
void repo_close(struct repo *repo);

/**
 * repo_find - a point by its id or the beginning of it.
 * @id: NULL for the newest.
 *
 * Says so and returns NULL if there is none, or several.
 */
const struct manifest *repo_find(const struct repo *repo, const char *id);

/* The path of a file in data/. */
void repo_data_path(const struct repo *repo, const char *name,
		    char path[PATH_MAX]);

/* A new id, which sorts after all others. */
void repo_new_id(const struct repo *repo, char id[POINT_ID_SIZE]);

/**
 * struct point_name - DIR[@POINT][:DEVICE] as typed.
 * @dir: the directory.
 * @point: id or its beginning, empty for the newest.
 * @device: empty if none was given.
 */
struct point_name {
	char dir[PATH_MAX];
	char point[POINT_ID_SIZE];
	char device[1024];
};

/* -EINVAL: too long. A directory that exists may have both signs in its name. */
int point_name_parse(const char *text, struct point_name *name);

#endif /* REPO_H */
