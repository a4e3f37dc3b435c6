/* SPDX-License-Identifier: GPL-2.0-only */
/* All snapshots with their state, for those who show them. */
#ifndef SNAPSHOTS_H
#define SNAPSHOTS_H

#include "libblksnap.h"
#include "tool.h"

struct snapshot {
	char id[BLKSNAP_UUID_STRING_SIZE];
	struct blksnap_info info;
};

/* On success @snapshots is for snapshots_free(). */
enum status snapshots_read(int fd, struct snapshot **snapshots, size_t *count);
void snapshots_free(struct snapshot *snapshots, size_t count);

/* "new", "taken" or "corrupt". */
const char *snapshot_state(const struct snapshot *snapshot);

#endif /* SNAPSHOTS_H */
