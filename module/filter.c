// SPDX-License-Identifier: GPL-2.0-only
/*
 * filter: the door for bios.
 *
 * Everything a write costs on a tracked device is here: mark it (I2), and if a
 * snapshot is held ask its area whether the old data is saved (I1). Runs with
 * preemption off.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "filter.h"
#include "tracker.h"

static enum blkfilter_verdict filter_submit_bio(struct blkfilter *flt,
						struct bio *bio, sector_t sector,
						sector_t nr_sects)
{
	struct tracker *tracker = flt->private;
	struct diff_area *area;

	blksnap_cbt_map_mark(tracker->map, sector, nr_sects);
	area = rcu_dereference_sched(tracker->area);
	if (area && blksnap_diff_area_hold(area, bio, sector, nr_sects))
		return BLKFILTER_TAKEN;
	this_cpu_inc(*tracker->passed_writes);
	return BLKFILTER_PASS;
}

const struct blkfilter_operations blksnap_filter_ops = {
	.name = "blksnap",
	.submit_bio = filter_submit_bio,
	.gone = blksnap_tracker_gone,
};
