/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What diff_storage.c and storage_file.c tell each other, and nobody else.
 */
#ifndef _BLKSNAP_DIFF_STORAGE_INTERNAL_H
#define _BLKSNAP_DIFF_STORAGE_INTERNAL_H

#include <linux/fs.h>

#include "geometry.h"

/* Ranges of one device, growing; starts as all zeros. */
struct range_list {
	struct sector_range *array;	/* kvfree() it */
	unsigned int count;
	unsigned int room;
};

/*
 * Takes the file behind @file into custody: nobody can write, truncate or move
 * it until blksnap_storage_file_release(), and no data is on its way to its blocks. The
 * answer is a reference of our own; file or ERR_PTR. May sleep.
 */
struct file *blksnap_storage_file_hold(struct file *file);
void blksnap_storage_file_release(struct file *held);

/*
 * Where a held file lies on the device of its file system, appended to @list,
 * neighbours joined. Needs a user's address space. @list is the caller's to
 * free whatever the answer.
 */
int blksnap_storage_file_map(struct file *held, struct range_list *list);

static inline struct block_device *storage_file_bdev(struct file *held)
{
	return file_inode(held)->i_sb->s_bdev;
}

#endif /* _BLKSNAP_DIFF_STORAGE_INTERNAL_H */
