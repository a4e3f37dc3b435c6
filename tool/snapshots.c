// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "snapshots.h"

enum status snapshots_read(int fd, struct snapshot **snapshots, size_t *count)
{
	struct blk_snap_uuid *ids;
	size_t id_count;
	int ret = blksnap_snapshot_collect(fd, &ids, &id_count);

	*count = 0;
	*snapshots = ret ? NULL : calloc(id_count + 1, sizeof(**snapshots));
	if (!*snapshots) {
		say_error("snapshots: %s", strerror(ret ? -ret : ENOMEM));
		return FAILED;
	}
	for (size_t i = 0; i < id_count; i++) {
		struct snapshot *snapshot = &(*snapshots)[*count];

		/* One that was deleted meanwhile is none. */
		if (blksnap_snapshot_info(fd, &ids[i], &snapshot->info))
			continue;
		blksnap_uuid_unparse(&ids[i], snapshot->id);
		(*count)++;
	}
	free(ids);
	return DONE;
}

void snapshots_free(struct snapshot *snapshots, size_t count)
{
	for (size_t i = 0; i < count; i++)
		blksnap_info_free(&snapshots[i].info);
	free(snapshots);
}

const char *snapshot_state(const struct snapshot *snapshot)
{
	switch (snapshot->info.fixed.state) {
	case blk_snap_snapshot_state_new:
		return "new";
	case blk_snap_snapshot_state_taken:
		return "taken";
	}
	return "corrupt";
}
