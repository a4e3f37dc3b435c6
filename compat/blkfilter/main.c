// SPDX-License-Identifier: GPL-2.0-only
/*
 * blkfilter: block device filters on a kernel that has none.
 */
#include <linux/module.h>

#include "blkfilter.h"

static int __init blkfilter_init(void)
{
	int ret;

	ret = records_init();
	if (ret)
		return ret;
	ret = bioset_init(&below_set, BIO_POOL_SIZE, 0, BIOSET_NEED_BVECS);
	if (ret)
		goto out_records;
	ret = filters_init();
	if (ret)
		goto out_bioset;
	return 0;

out_bioset:
	bioset_exit(&below_set);
out_records:
	records_exit();
	return ret;
}

static void __exit blkfilter_exit(void)
{
	filters_exit();
	records_exit();
	bioset_exit(&below_set);
}

module_init(blkfilter_init);
module_exit(blkfilter_exit);

MODULE_DESCRIPTION("Block device filters by ftrace");
MODULE_AUTHOR("The blksnap authors");
MODULE_LICENSE("GPL");
