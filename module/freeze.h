/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * freeze: file systems on a set of devices, frozen together.
 */
#ifndef _BLKSNAP_FREEZE_H
#define _BLKSNAP_FREEZE_H

#include <linux/blkdev.h>

struct freeze;

/* Module-wide. */
int blksnap_freeze_init(void);
void blksnap_freeze_exit(void);

/*
 * Freezes the file systems on @bdevs, and those on the partitions of whole
 * disks, top of the stack first; flushes the caches of devices without one.
 * Sleeps up to @timeout_ms. ERR_PTR: -ETIMEDOUT (what was frozen is thawed as
 * soon as that can be done), -ENOMEM, or the file system's own error.
 */
struct freeze *blksnap_freeze_devices(struct block_device **bdevs, unsigned int count,
				      unsigned int timeout_ms);

/*
 * Thaws in the reverse order, without waiting for it: a file system may write
 * to its device to be thawed (ext4 does), and that write may be held until the
 * caller has gone on.
 */
void blksnap_freeze_thaw(struct freeze *freeze);

#endif /* _BLKSNAP_FREEZE_H */
