// SPDX-License-Identifier: GPL-2.0-only
/*
 * blkfilter: block device filters on a kernel that has none.
 */
#include <linux/module.h>

#include "blk-filter.h"

static int __init blkfilter_init(void)
{
	int ret;

	ret = blk_filter_records_init();
	if (ret)
		return ret;
	end_init();
	ret = bioset_init(&blk_filter_below_set, BIO_POOL_SIZE, 0, BIOSET_NEED_BVECS);
	if (ret)
		goto out_records;
	ret = filters_init();
	if (ret)
		goto out_bioset;
	return 0;

out_bioset:
	bioset_exit(&blk_filter_below_set);
out_records:
	blk_filter_records_exit();
	return ret;
}

static void __exit blkfilter_exit(void)
{
	filters_exit();
	end_settle();
	blk_filter_records_exit();
	bioset_exit(&blk_filter_below_set);
}

module_init(blkfilter_init);
module_exit(blkfilter_exit);

MODULE_DESCRIPTION("Block device filters by ftrace");
MODULE_AUTHOR("The blksnap authors");
MODULE_LICENSE("GPL");
