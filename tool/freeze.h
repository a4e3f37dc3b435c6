/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * File systems that the module cannot freeze itself: those on devices stacked
 * above a snapshotted one (LVM, md, loop), and btrfs. They are frozen around
 * the take, the top of the stack first.
 */
#ifndef FREEZE_H
#define FREEZE_H

#include "guardian.h"
#include "libblksnap.h"
#include "tool.h"

/**
 * struct freezer - what is to be frozen, in that order.
 * @fds: a descriptor on each.
 * @names: where they are mounted.
 * @is_frozen: we have frozen it; the guardian may have thawed it since.
 */
struct freezer {
	int fds[FREEZE_MAX];
	char names[FREEZE_MAX][256];
	unsigned int heights[FREEZE_MAX];
	bool is_frozen[FREEZE_MAX];
	unsigned int count;
};

/* Finds them. FAILED: there are more than FREEZE_MAX. */
enum status freezer_plan(struct freezer *freezer,
			 const struct blk_snap_dev *devs, size_t count);

/*
 * Between the two nothing may be written anywhere, a message least of all.
 * freezer_freeze() returns 0 or -errno with nothing frozen and @failed set.
 */
int freezer_freeze(struct freezer *freezer, struct guardian *guardian,
		   unsigned int *failed);
void freezer_thaw(struct freezer *freezer, struct guardian *guardian);

/* Forgets them; an open file would keep them from being unmounted. */
void freezer_close(struct freezer *freezer);

#endif /* FREEZE_H */
