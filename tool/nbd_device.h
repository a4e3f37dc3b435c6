/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A qcow2 image as a block device, /dev/nbdN, served by a qemu-nbd that goes
 * on when we have ended. Writes, such as a journal's replay, go to a temporary
 * file that is gone with it: the image stays as it is.
 *
 * /run/blksnap/nbdN tells where it is mounted and who serves it, so that it can
 * be undone. Whoever disconnects it otherwise leaves that behind, and the device
 * may be somebody else's by then: who serves it must still be the same.
 */
#ifndef NBD_DEVICE_H
#define NBD_DEVICE_H

#include "tool.h"

#define NBD_PATH_SIZE 32

/* Shows @image; @device is set to the node. */
enum status nbd_device_connect(const char *image, char device[NBD_PATH_SIZE]);
enum status nbd_device_disconnect(const char *device);

/* Notes that it is mounted on @target, which is absolute. */
enum status nbd_device_record(const char *device, const char *target);
/**
 * nbd_device_of_target - the device that was noted for a mount point.
 * @source: what is mounted there, NULL if nothing is.
 */
bool nbd_device_of_target(const char *target, const char *source,
			  char device[NBD_PATH_SIZE]);

#endif /* NBD_DEVICE_H */
