/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A snapshot being made and used: everything from the names of the devices to
 * the images, with what has to run beside it and be undone after it.
 */
#ifndef SESSION_H
#define SESSION_H

#include "feeder.h"
#include "guardian.h"
#include "libblksnap.h"
#include "manifest.h"
#include "storage.h"
#include "tool.h"

/**
 * struct session - one snapshot.
 * @fd: the control node.
 * @id: the snapshot.
 * @devs: its devices, in the order of the command line.
 * @entries: what is known of them, in the same order.
 * @count: how many.
 * @info: as of the take.
 * @feeder: gives it storage.
 * @guardian: destroys it if we are killed.
 * @module_version: as text.
 */
struct session {
	int fd;
	struct blk_snap_uuid id;
	struct blk_snap_dev *devs;
	struct device_entry *entries;
	size_t count;
	struct blksnap_info info;
	struct feeder feeder;
	struct guardian guardian;
	char module_version[32];
};

/**
 * struct session_options - how.
 * @words: devices and mount points, NULL at the end.
 * @storage: where overwritten data goes.
 * @limits: what the snapshot may use; zeros are the module's parameters.
 * @must_not_grow: give the first portion and no more.
 */
struct session_options {
	char **words;
	struct storage_options storage;
	struct blksnap_limits limits;
	bool must_not_grow;
};

/**
 * session_take - creates and takes a snapshot.
 *
 * On failure nothing is left. The feeder does not run yet: feeder_start() or
 * feeder_leave_behind() is the caller's next call.
 */
enum status session_take(struct session *session,
			 const struct session_options *options);

/**
 * session_check - is the snapshot there, whole, and the one that was taken?
 *
 * OVERFLOWED if the storage ran out, having said what to do.
 */
enum status session_check(const struct session *session);

/* Ends it: with the snapshot, or leaving it to a feeder of its own. */
void session_destroy(struct session *session);
enum status session_leave(struct session *session);

/* The option letters and help that all verbs share which take a snapshot. */
enum {
	OPT_STORAGE = 512, OPT_STORAGE_DEVICE, OPT_STORAGE_SIZE,
	OPT_STORAGE_LIMIT, OPT_STORAGE_PORTION, OPT_STORAGE_TIMEOUT,
	OPT_MEMORY_LIMIT,
};
#define STORAGE_LONG_OPTIONS \
	{ "storage", required_argument, NULL, OPT_STORAGE }, \
	{ "storage-device", required_argument, NULL, OPT_STORAGE_DEVICE }, \
	{ "storage-size", required_argument, NULL, OPT_STORAGE_SIZE }, \
	{ "storage-limit", required_argument, NULL, OPT_STORAGE_LIMIT }, \
	{ "storage-portion", required_argument, NULL, OPT_STORAGE_PORTION }, \
	{ "storage-timeout", required_argument, NULL, OPT_STORAGE_TIMEOUT }, \
	{ "memory-limit", required_argument, NULL, OPT_MEMORY_LIMIT }
#define STORAGE_USAGE \
	"      --storage DIR      keep overwritten data on the ext4 or XFS file system\n" \
	"                         of DIR (default: the one with most room)\n" \
	"      --storage-device DEV\n" \
	"                         keep it on this whole device, WHICH IS OVERWRITTEN\n" \
	"      --storage-size SIZE\n" \
	"                         room to give at first (default: as the module asks)\n" \
	"      --storage-limit SIZE\n" \
	"                         give no more than that\n" \
	"      --storage-portion SIZE\n" \
	"                         room to ask for each time that it runs low\n" \
	"      --storage-timeout SECONDS\n" \
	"                         longest wait of a write for storage that hangs\n" \
	"      --memory-limit SIZE\n" \
	"                         most memory for data on its way to the storage\n"

/* A complaint of a value; it takes the value. */
#define STORAGE_WRONG \
	"'%s' is neither a size nor a time that can be: sizes begin at 1M, --storage-portion ends at 1T, --memory-limit at 64G, and --storage-timeout is 1 to 3600 seconds"

/* True if it took the option; not 0 in @error for a bad size or time. */
bool storage_take_option(struct session_options *options, int option,
			 const char *argument, int *error);

#endif /* SESSION_H */
