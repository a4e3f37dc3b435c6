/* SPDX-License-Identifier: GPL-2.0-only */
/* Words in a no-op, by which a guest talks to the plugin. */
#ifndef MARK_H
#define MARK_H

#define MARK_BEGIN	0x62736b01
#define MARK_END	0x62736b02

#endif /* MARK_H */
