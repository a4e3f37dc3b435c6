// SPDX-License-Identifier: GPL-2.0-only
/*
 * blksnap: snapshots of block devices, and what changed between them.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

#include "control.h"
#include "copy.h"
#include "diff_area.h"
#include "extent_map.h"
#include "filter.h"
#include "freeze.h"
#include "image.h"
#include "tracker.h"

static int __init blksnap_init(void)
{
	int ret;

	ret = blksnap_extent_cache_init();
	if (ret)
		return ret;
	ret = blksnap_copies_init();
	if (ret)
		goto out_extents;
	ret = blksnap_images_init();
	if (ret)
		goto out_copies;
	ret = blksnap_freeze_init();
	if (ret)
		goto out_images;
	blksnap_trackers_init(&blksnap_filter_ops);
	ret = blksnap_control_init();
	if (ret)
		goto out_freeze;
	return 0;

out_freeze:
	blksnap_trackers_exit();
	blksnap_freeze_exit();
out_images:
	blksnap_images_exit();
out_copies:
	blksnap_copies_exit();
out_extents:
	blksnap_extent_cache_exit();
	return ret;
}

/* Snapshots and open images hold the module: what is left are trackers. */
static void __exit blksnap_exit(void)
{
	blksnap_control_exit();
	blksnap_trackers_exit();
	/* Whoever completed the last I/O may still be on its way out of our code. */
	synchronize_rcu();
	synchronize_rcu_tasks();
	blksnap_freeze_exit();
	blksnap_images_exit();
	blksnap_copies_exit();
	blksnap_extent_cache_exit();
}

module_init(blksnap_init);
module_exit(blksnap_exit);

MODULE_DESCRIPTION("Snapshots of block devices, and what changed between them");
MODULE_AUTHOR("The blksnap authors");
MODULE_VERSION("2.0.0");
MODULE_LICENSE("GPL");
