/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The manifest of a backup point: one JSON file that makes the point exist.
 * Keys are never renamed; a reader ignores those it does not know, and refuses
 * a schema_version that is greater than its own.
 */
#ifndef MANIFEST_H
#define MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libblksnap.h"
#include "pieces.h"
#include "tool.h"

#define MANIFEST_SCHEMA		"blksnap-point"
#define MANIFEST_SCHEMA_VERSION	1

/* 20261122T170657Z-3f9a and a zero: it sorts by time. */
#define POINT_ID_SIZE 22
/* ID.NAME.qcow2 */
#define FILE_NAME_SIZE 160
#define DEVICE_NAME_SIZE 80

/**
 * struct device_entry - a device in a point.
 * @name: short, unique in the point, part of file names: "vda1", "vg-root".
 * @path: node below /dev.
 * @major: number at the time.
 * @minor: likewise.
 * @identity: what tells it from other devices across reboots.
 * @serial: of the disk, if it has one.
 * @part_uuid: of the partition, if it is one.
 * @fs_type: as libblkid names it, empty without a file system.
 * @fs_uuid: of the file system.
 * @fs_label: likewise.
 * @mount_point: where it was mounted, empty if nowhere.
 * @capacity: bytes.
 * @logical_block_size: bytes.
 * @tracking_block_size: bytes.
 * @generation: of the tracking of changes.
 * @number: of the take, in that generation.
 * @is_increment: the image holds only what changed since the parent.
 * @reason: why it is an increment or a full.
 * @image: file in data/.
 * @image_bytes: its size as it was committed.
 * @hashes: file in data/ with the hashes of all pieces.
 * @hashes_hash: hash of that file.
 * @parent_point: the point that it is based on, empty for a full.
 * @parent_hash: hash of that point's manifest.
 * @parent_image: file in data/ that @image is based on.
 * @bytes_read: from the snapshot.
 * @bytes_stored: of data.
 * @extent_count: parts that were copied.
 * @storage: difference storage on this device: the snapshot shows no content
 *	of it.
 */
struct device_entry {
	char name[DEVICE_NAME_SIZE];
	char path[256];
	uint64_t major;
	uint64_t minor;
	char identity[272];
	char serial[128];
	char part_uuid[64];
	char fs_type[32];
	char fs_uuid[64];
	char fs_label[264];
	char mount_point[1024];
	uint64_t capacity;
	uint64_t logical_block_size;
	uint64_t tracking_block_size;
	struct blk_snap_uuid generation;
	uint64_t number;
	bool is_increment;
	char reason[256];
	char image[FILE_NAME_SIZE];
	uint64_t image_bytes;
	char hashes[FILE_NAME_SIZE];
	char hashes_hash[HASH_TEXT_SIZE];
	char parent_point[POINT_ID_SIZE];
	char parent_hash[HASH_TEXT_SIZE];
	char parent_image[FILE_NAME_SIZE];
	uint64_t bytes_read;
	uint64_t bytes_stored;
	uint64_t extent_count;
	struct blksnap_extents storage;
};

/**
 * struct manifest - a point.
 * @id: its name.
 * @created: time of the take, ISO 8601 in UTC.
 * @hostname: of the machine.
 * @tool_version: that wrote it.
 * @module_version: that took the snapshot.
 * @snapshot: its id.
 * @hash: of the manifest's file; not in the file itself.
 * @devices: allocated.
 * @count: how many.
 */
struct manifest {
	char id[POINT_ID_SIZE];
	char created[32];
	char hostname[128];
	char tool_version[32];
	char module_version[32];
	struct blk_snap_uuid snapshot;
	char hash[HASH_TEXT_SIZE];
	struct device_entry *devices;
	size_t count;
};

struct json_object;

/* Returns the JSON text in a new string, NULL without memory. */
char *manifest_to_text(const struct manifest *manifest);
/* The same as an object, which may carry more than the file does. */
struct json_object *manifest_to_json(const struct manifest *manifest);
/*
 * Reads it. -EBADMSG: not a manifest; -EPROTONOSUPPORT: a newer one. @hash is
 * set from the text.
 */
int manifest_from_text(struct manifest *manifest, const char *text);
void manifest_free(struct manifest *manifest);

struct device_entry *manifest_add_device(struct manifest *manifest);
/*
 * Finds a device by what a person would call it: name or path, else mount point,
 * serial or file system UUID. These can be the same for several devices, as the
 * serial is for the partitions of a disk. NULL: none or several, having said so.
 */
struct device_entry *manifest_find(const struct manifest *manifest,
				   const char *word);

#endif /* MANIFEST_H */
