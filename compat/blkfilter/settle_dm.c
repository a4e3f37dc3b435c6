// SPDX-License-Identifier: GPL-2.0-only
/*
 * settle_dm: waiting for what was under way on a device-mapper device.
 *
 * Targets like crypt, thin and delay keep bios in queues of their own, where no
 * statistics and no queue reference tell of them. Device mapper itself counts
 * each bio, and waits for that count when it suspends: so it is suspended and
 * resumed at once, by the internal interface that keeps user space's suspends
 * out. New bios wait meanwhile, none is lost. The caller has made sure, as far as
 * statistics go, that the device ends what it has: until then all its I/O waits.
 *
 * The suspend cannot be interrupted, so a worker does it. If it takes too long
 * the caller goes away, and the worker resumes the device when it comes back:
 * whoever is last frees the request.
 */
#include <linux/completion.h>
#include <linux/device-mapper.h>
#include <linux/module.h>
#include <linux/refcount.h>
#include <linux/slab.h>

#include "blk-filter.h"

/* Exported, but declared in no public header. */
void dm_internal_suspend_fast(struct mapped_device *md);
void dm_internal_resume_fast(struct mapped_device *md);

/* Taken when needed: we do not depend on device mapper being there. */
struct dm_functions {
	typeof(&dm_get_md) get;
	typeof(&dm_put) put;
	typeof(&dm_internal_suspend_fast) suspend;
	typeof(&dm_internal_resume_fast) resume;
};

struct dm_drain {
	struct work_struct work;
	struct completion done;
	refcount_t owners;
	struct dm_functions dm;
	struct mapped_device *md;
};

static void functions_put(struct dm_functions *dm)
{
	if (dm->get)
		symbol_put(dm_get_md);
	if (dm->put)
		symbol_put(dm_put);
	if (dm->suspend)
		symbol_put(dm_internal_suspend_fast);
	if (dm->resume)
		symbol_put(dm_internal_resume_fast);
}

static bool functions_get(struct dm_functions *dm)
{
	dm->get = symbol_get(dm_get_md);
	dm->put = symbol_get(dm_put);
	dm->suspend = symbol_get(dm_internal_suspend_fast);
	dm->resume = symbol_get(dm_internal_resume_fast);
	if (dm->get && dm->put && dm->suspend && dm->resume)
		return true;
	functions_put(dm);
	return false;
}

static void drain_put(struct dm_drain *drain)
{
	if (!refcount_dec_and_test(&drain->owners))
		return;
	if (drain->md)
		drain->dm.put(drain->md);
	functions_put(&drain->dm);
	kfree(drain);
}

static void suspend_and_resume(struct work_struct *work)
{
	struct dm_drain *drain = container_of(work, struct dm_drain, work);

	drain->dm.suspend(drain->md);
	drain->dm.resume(drain->md);
	complete(&drain->done);
	drain_put(drain);
	module_put(THIS_MODULE);
}

int settle_dm(struct gendisk *disk, unsigned long deadline)
{
	struct dm_drain *drain = kzalloc(sizeof(*drain), GFP_KERNEL);
	unsigned long now = jiffies;
	int ret = 0;

	if (!drain)
		return -ENOMEM;
	refcount_set(&drain->owners, 1);
	init_completion(&drain->done);
	INIT_WORK(&drain->work, suspend_and_resume);
	if (!functions_get(&drain->dm)) {
		pr_err("%s: refused: this kernel's device mapper does not offer dm_internal_suspend_fast(), so that it cannot be told which writes are under way; use the devices below it\n",
		       disk->disk_name);
		kfree(drain);
		return -EOPNOTSUPP;
	}
	drain->md = drain->dm.get(disk_devt(disk));
	if (!drain->md) {
		drain_put(drain);
		return -ENODEV;
	}
	refcount_inc(&drain->owners);
	__module_get(THIS_MODULE);
	queue_work(blk_filter_wq, &drain->work);
	if (!wait_for_completion_timeout(&drain->done, time_before(now, deadline) ?
					 deadline - now : 1))
		ret = -ETIMEDOUT;
	drain_put(drain);
	return ret;
}
