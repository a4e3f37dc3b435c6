/* SPDX-License-Identifier: GPL-2.0-only */
/* Block devices as the system knows them: names, places, what lies on what. */
#ifndef DEVICE_H
#define DEVICE_H

#include <sys/types.h>

#include "libblksnap.h"
#include "manifest.h"
#include "tool.h"

/* The device that a word of the command line means; says why if none. */
enum status device_of_word(const char *word, struct blk_snap_dev *dev);

/* All that is known of a device: everything above capacity in the entry. */
enum status device_describe(struct blk_snap_dev dev, struct device_entry *entry);

/* The name below /dev, "dm/…" resolved: "vda1", "mapper/vg-root". */
void device_name(dev_t dev, char *name, size_t size);

/* A line of an attribute in sysfs, without newline. Returns false if none. */
bool device_attribute(dev_t dev, const char *attribute, char *text, size_t size);

/* The whole disk that it is a partition of, else itself, and where it starts. */
dev_t device_disk(dev_t dev, uint64_t *start_bytes);

/* True if @upper is @lower, a partition of it, or stacked on it in any depth. */
bool device_lies_on(dev_t upper, dev_t lower);

/* How many drivers lie between it and hardware: a partition adds none. */
unsigned int device_height(dev_t dev);

dev_t device_number(struct blk_snap_dev dev);

/**
 * device_content - what would be lost if it were overwritten: the name of a file
 *	system, a partition table or the like, NULL for nothing.
 * @fd: the device, or a file like one.
 *
 * What cannot be told counts as something.
 */
const char *device_content(int fd, char text[64]);

/**
 * device_storage - the parts of a device that are difference storage.
 * @info: of the snapshot.
 * @extents: to be empty; on return ascending, in bytes.
 *
 * Also those that were given on its disk or on its partitions. Returns 0 or
 * -ENOMEM.
 */
int device_storage(const struct blksnap_info *info, struct blk_snap_dev dev,
		   uint64_t capacity, struct blksnap_extents *extents);

#endif /* DEVICE_H */
