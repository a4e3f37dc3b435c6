// SPDX-License-Identifier: GPL-2.0-only
/*
 * hook: where bios are found on a stock kernel.
 *
 * An ftrace callback decides about each bio, and does nothing else. To pass it
 * leaves the processor alone, and the function runs as if nothing had happened.
 * To take it it points the processor at an empty function, so that the
 * submission ends there. The original is never wrapped or called: no function
 * of ours is on the stack of a task that may sleep, which is what makes it safe
 * to remove the hook under load (unregistering waits for RCU-tasks).
 *
 * The place is submit_bio_noacct_nocheck(): all that submit_bio_noacct() lets
 * through goes there, and so does what was throttled, maybe long before a filter
 * came. A compiler could have put the one into the other; so before the first
 * filter a read is sent off to see whether it comes by, and if it does not, both
 * functions are hooked: what is met twice is found seen.
 *
 * Three more places:
 * - bdev_write_page() of kernels that have it: a page goes to brd, zram or pmem
 *   without a bio. Answered with EOPNOTSUPP for filtered disks, upon which the
 *   caller makes a bio.
 * - del_gendisk() and device_del(), to learn that a disk or a partition is removed.
 *   Plain hooks, they change nothing.
 *
 * The callbacks need no recursion guard of ftrace's, which would drop a nested
 * bio: they do not submit, so they cannot nest in one context.
 */
#include <linux/blk-cgroup.h>
#include <linux/blkdev.h>
#include <linux/ftrace.h>
#include <linux/module.h>

#include "blk-filter.h"

#define RETRIES_BUSY	50

static noinline void submission_taken(struct bio *bio)
{
	/* Nothing is left to be done here. Keep the address distinct. */
	asm volatile("");
}

static noinline int write_page_refused(struct block_device *bdev, sector_t sector,
				       struct page *page, void *wbc)
{
	asm volatile("");
	return -EOPNOTSUPP;
}

static void on_submit(unsigned long ip, unsigned long parent_ip,
		      struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct bio *bio = (struct bio *)compat_ftrace_argument(fregs, 0);

	if (!op_is_write(bio->bi_opf))
		return;
	preempt_disable_notrace();
	if (judge_bio(bio) == BLKFILTER_TAKEN)
		compat_ftrace_set_ip(fregs, (unsigned long)submission_taken);
	preempt_enable_notrace();
}

static void on_write_page(unsigned long ip, unsigned long parent_ip,
			  struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct block_device *bdev =
		(struct block_device *)compat_ftrace_argument(fregs, 0);

	preempt_disable_notrace();
	if (judge_is_filtered(bdev->bd_disk))
		compat_ftrace_set_ip(fregs, (unsigned long)write_page_refused);
	preempt_enable_notrace();
}

static void on_disk_removal(unsigned long ip, unsigned long parent_ip,
			    struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	const struct gendisk *disk =
		(const struct gendisk *)compat_ftrace_argument(fregs, 0);

	preempt_disable_notrace();
	judge_disk_gone(disk);
	preempt_enable_notrace();
}

/* Whatever it is: only a partition that has a filter will be found. */
static void on_device_removal(unsigned long ip, unsigned long parent_ip,
			      struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	const struct device *device =
		(const struct device *)compat_ftrace_argument(fregs, 0);

	preempt_disable_notrace();
	judge_device_gone(device);
	preempt_enable_notrace();
}

static struct bio *probe_bio;
static bool is_probe_seen;

static void on_probe(unsigned long ip, unsigned long parent_ip,
		     struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	if ((struct bio *)compat_ftrace_argument(fregs, 0) == READ_ONCE(probe_bio))
		WRITE_ONCE(is_probe_seen, true);
}

#define REDIRECTING	(COMPAT_FTRACE_ARGS_FLAGS | FTRACE_OPS_FL_IPMODIFY | \
			 FTRACE_OPS_FL_PERMANENT)
#define WATCHING	(COMPAT_FTRACE_ARGS_FLAGS | FTRACE_OPS_FL_PERMANENT)

struct hook {
	const char *function;
	bool is_optional;		/* newer kernels lack it */
	bool is_unneeded;
	bool is_installed;
	struct ftrace_ops ops;
};

enum { HOOK_SUBMIT, HOOK_DOOR, HOOK_WRITE_PAGE, HOOK_DISK, HOOK_DEVICE };

static const char at_the_door[] = "submit_bio_noacct";
static const char behind_it[] = "submit_bio_noacct_nocheck";

static struct hook hooks[] = {
	[HOOK_SUBMIT] = {
		.function = behind_it,
		.ops = { .func = on_submit, .flags = REDIRECTING } },
	[HOOK_DOOR] = {
		.function = at_the_door,
		.ops = { .func = on_submit, .flags = REDIRECTING } },
	[HOOK_WRITE_PAGE] = {
		.function = "bdev_write_page", .is_optional = true,
		.ops = { .func = on_write_page, .flags = REDIRECTING } },
	[HOOK_DISK] = {
		.function = "del_gendisk",
		.ops = { .func = on_disk_removal, .flags = WATCHING } },
	[HOOK_DEVICE] = {
		.function = "device_del",
		.ops = { .func = on_device_removal, .flags = WATCHING } },
};

static struct hook probe = {
	.ops = { .func = on_probe, .flags = COMPAT_FTRACE_ARGS_FLAGS },
};

static void forget_names(struct hook *hook)
{
	ftrace_free_filter(&hook->ops);
	/* Which leaves the pointers: the next filter would be put upon these. */
	RCU_INIT_POINTER(hook->ops.local_hash.filter_hash, NULL);
	RCU_INIT_POINTER(hook->ops.local_hash.notrace_hash, NULL);
}

/*
 * -ENOENT if the kernel has no such function, or none that can be traced: any other
 * failure must not pass for that. When ftrace finds the function, and has no memory to
 * note it, it says 0 and the filter is as empty as before, by which it would mean all
 * functions there are.
 */
static int find_function(struct hook *hook)
{
	/* ftrace wants a buffer that it may write to. */
	char name[KSYM_NAME_LEN];
	const void *empty;
	int ret;

	ret = ftrace_set_filter(&hook->ops, NULL, 0, true);
	if (ret)
		return ret;
	empty = rcu_access_pointer(hook->ops.local_hash.filter_hash);
	strscpy(name, hook->function, sizeof(name));
	ret = ftrace_set_filter(&hook->ops, name, strlen(name), true);
	if (!ret && rcu_access_pointer(hook->ops.local_hash.filter_hash) == empty)
		return -ENOMEM;
	return ret == -EINVAL ? -ENOENT : ret;
}

static int register_hook(struct hook *hook)
{
	unsigned int tries = 0;
	int ret;

	while ((ret = register_ftrace_function(&hook->ops)) == -EAGAIN &&
	       tries++ < RETRIES_BUSY)
		schedule_timeout_uninterruptible(HZ / 50);
	if (ret == -EBUSY)
		pr_err("%s() is in use by a live patch or a probe that redirects it (see /sys/kernel/livepatch and /sys/kernel/debug/kprobes/list); remove that first\n",
		       hook->function);
	else if (ret)
		pr_err("%s() cannot be hooked: error %d\n", hook->function, ret);
	hook->is_installed = !ret;
	return ret;
}

static int install_one(struct hook *hook)
{
	bool is_missing;
	int ret;

	ret = find_function(hook);
	is_missing = ret == -ENOENT;
	if (!ret)
		ret = register_hook(hook);
	if (!ret)
		return 0;
	forget_names(hook);
	if (!is_missing)
		return ret;
	if (hook->is_optional)
		return 0;
	pr_err("the kernel's %s() cannot be traced; a kernel with CONFIG_DYNAMIC_FTRACE_WITH_REGS or _ARGS is needed\n",
	       hook->function);
	return -EOPNOTSUPP;
}

static void remove_one(struct hook *hook)
{
	int ret;

	if (!hook->is_installed)
		return;
	ret = unregister_ftrace_function(&hook->ops);
	if (WARN(ret, "blkfilter: hook on %s() cannot be removed: %d; the module stays\n",
		 hook->function, ret)) {
		__module_get(THIS_MODULE);
		return;
	}
	hook->is_installed = false;
	forget_names(hook);
}

void hook_remove(void)
{
	unsigned int i;

	for (i = ARRAY_SIZE(hooks); i-- > 0;)
		remove_one(&hooks[i]);
	/* A task may stand in one of the empty functions. */
	synchronize_rcu_tasks();
}

static void probe_end_io(struct bio *bio)
{
	rcu_read_lock();		/* see end_settle() */
	bio_free_pages(bio);
	bio_put(bio);
	module_put(THIS_MODULE);
	rcu_read_unlock();
}

/*
 * A read of the first block, whose data nobody wants. What counts is whether it
 * comes by on its way; its end is not waited for, the device may be suspended.
 * It comes by before it enters the queue: NOWAIT fails it there if the queue is
 * frozen, where we would wait with filters_lock held. Of a driver that does not
 * know NOWAIT it is not asked, since such a bio would not come so far.
 */
static int send_probe(struct block_device *bdev)
{
	unsigned int size = bdev_logical_block_size(bdev);
	struct bio *bio;

	bio = bio_alloc(bdev, DIV_ROUND_UP(size, PAGE_SIZE),
			REQ_OP_READ | (bdev_nowait(bdev) ? REQ_NOWAIT : 0), GFP_KERNEL);
	while (bio->bi_iter.bi_size < size) {
		struct page *page = alloc_page(GFP_KERNEL);

		if (!page) {
			bio_free_pages(bio);
			bio_put(bio);
			return -ENOMEM;
		}
		__bio_add_page(bio, page, min_t(unsigned int, size, PAGE_SIZE), 0);
	}
	/* It says nothing about the way of others if the caller's limits stop it. */
	bio_associate_blkg_from_css(bio, blkcg_root_css);
	bio->bi_end_io = probe_end_io;
	__module_get(THIS_MODULE);
	WRITE_ONCE(is_probe_seen, false);
	WRITE_ONCE(probe_bio, bio);
	submit_bio_noacct(bio);
	WRITE_ONCE(probe_bio, NULL);
	return 0;
}

/* 1: what is submitted comes by @function; 0: it does not. */
static int is_on_the_way(const char *function, struct block_device *bdev)
{
	int ret;

	probe.function = function;
	ret = install_one(&probe) ?: send_probe(bdev);
	remove_one(&probe);
	return ret ?: READ_ONCE(is_probe_seen);
}

static int choose_place(struct block_device *bdev)
{
	int ret;

	hooks[HOOK_DOOR].is_unneeded = true;
	ret = is_on_the_way(behind_it, bdev);
	if (ret)
		return min(ret, 0);
	hooks[HOOK_DOOR].is_unneeded = false;
	ret = is_on_the_way(at_the_door, bdev);
	if (ret)
		return min(ret, 0);
	pr_err("the hook does not see what is submitted: is kernel.ftrace_enabled 1, and CONFIG_DYNAMIC_FTRACE_WITH_REGS or _ARGS set?\n");
	return -EOPNOTSUPP;
}

int hook_install(struct block_device *bdev)
{
	unsigned int i;
	int ret;

	/* What could not be removed goes on serving. */
	if (!hooks[HOOK_SUBMIT].is_installed) {
		ret = choose_place(bdev);
		if (ret)
			return ret;
	}
	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		if (hooks[i].is_installed || hooks[i].is_unneeded)
			continue;
		ret = install_one(&hooks[i]);
		if (ret) {
			hook_remove();
			return ret;
		}
	}
	return 0;
}
