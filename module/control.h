/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * control: the door for calls, /dev/blksnap and /sys/class/blksnap.
 */
#ifndef _BLKSNAP_CONTROL_H
#define _BLKSNAP_CONTROL_H

int blksnap_control_init(void);
void blksnap_control_exit(void);

#endif /* _BLKSNAP_CONTROL_H */
