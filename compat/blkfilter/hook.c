// SPDX-License-Identifier: GPL-2.0-only
/*
 * hook: where bios are found on a stock kernel.
 *
 * An ftrace callback on submit_bio_noacct() decides about each bio, and does
 * nothing else. To pass it leaves the processor alone, and the function runs as
 * if nothing had happened. To take it it points the processor at an empty
 * function, so that the submission ends there. The original is never wrapped or
 * called: no function of ours is on the stack of a task that may sleep, which
 * is what makes it safe to remove the hook under load (unregistering waits for
 * RCU-tasks).
 *
 * Three more places:
 * - submit_bio_noacct_nocheck(), where bios come by that were throttled: when a
 *   device is attached, these may have been submitted long before. All others
 *   are met a second time there, if at all, and found seen.
 * - bdev_write_page() of kernels that have it: a page goes to brd, zram or pmem
 *   without a bio. Answered with EOPNOTSUPP for filtered disks, upon which the
 *   caller makes a bio.
 * - del_gendisk(), to learn of removal. A plain hook, it changes nothing.
 *
 * The callback needs no recursion guard of ftrace's, which would drop a nested
 * bio: it does not submit, so it cannot nest in one context.
 */
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/ftrace.h>
#include <linux/module.h>

#include "blkfilter.h"

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

static void on_removal(unsigned long ip, unsigned long parent_ip,
		       struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	const struct gendisk *disk =
		(const struct gendisk *)compat_ftrace_argument(fregs, 0);

	preempt_disable_notrace();
	judge_disk_gone(disk);
	preempt_enable_notrace();
}

#define REDIRECTING	(COMPAT_FTRACE_ARGS_FLAGS | FTRACE_OPS_FL_IPMODIFY | \
			 FTRACE_OPS_FL_PERMANENT)

struct hook {
	const char *function;
	const char *also;		/* a second function, may be absent */
	bool is_optional;		/* newer kernels lack it */
	bool is_installed;
	struct ftrace_ops ops;
};

static struct hook hooks[] = {
	{ .function = "submit_bio_noacct", .also = "submit_bio_noacct_nocheck",
	  .ops = { .func = on_submit, .flags = REDIRECTING } },
	{ .function = "bdev_write_page", .is_optional = true,
	  .ops = { .func = on_write_page, .flags = REDIRECTING } },
	{ .function = "del_gendisk",
	  .ops = { .func = on_removal, .flags = COMPAT_FTRACE_ARGS_FLAGS |
						FTRACE_OPS_FL_PERMANENT } },
};

static int filter_by_name(struct hook *hook, const char *name, bool reset)
{
	/* ftrace wants a buffer that it may write to. */
	char buffer[KSYM_NAME_LEN];

	strscpy(buffer, name, sizeof(buffer));
	return ftrace_set_filter(&hook->ops, buffer, strlen(buffer), reset);
}

static int install_one(struct hook *hook)
{
	unsigned int tries = 0;
	int ret;

	ret = filter_by_name(hook, hook->function, true);
	if (ret) {
		if (hook->is_optional)
			return 0;
		pr_err("the kernel's %s() cannot be traced (%d); a kernel with CONFIG_DYNAMIC_FTRACE_WITH_REGS or _ARGS is needed\n",
		       hook->function, ret);
		return -EOPNOTSUPP;
	}
	if (hook->also)
		filter_by_name(hook, hook->also, false);
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

void hook_remove(void)
{
	unsigned int i;
	int ret;

	for (i = ARRAY_SIZE(hooks); i-- > 0;) {
		if (!hooks[i].is_installed)
			continue;
		ret = unregister_ftrace_function(&hooks[i].ops);
		if (WARN(ret, "blkfilter: hook on %s() cannot be removed: %d; the module stays\n",
			 hooks[i].function, ret)) {
			__module_get(THIS_MODULE);
			continue;
		}
		hooks[i].is_installed = false;
		ftrace_free_filter(&hooks[i].ops);
	}
	/* A task may stand in one of the empty functions. */
	synchronize_rcu_tasks();
}

int hook_install(void)
{
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		if (hooks[i].is_installed)
			continue;
		ret = install_one(&hooks[i]);
		if (ret) {
			hook_remove();
			return ret;
		}
	}
	return 0;
}

static void probe_end_io(struct bio *bio)
{
	complete(bio->bi_private);
}

/*
 * An empty flush, harmless if it should reach the device. The caller has put a
 * filter on the device, so that the probe is looked for.
 */
int hook_prove(struct block_device *bdev)
{
	DECLARE_COMPLETION_ONSTACK(ended);
	struct bio probe;
	bool is_seen;

	bio_init(&probe, bdev, NULL, 0, REQ_OP_WRITE | REQ_PREFLUSH);
	probe.bi_end_io = probe_end_io;
	probe.bi_private = &ended;
	WRITE_ONCE(probe_bio, &probe);
	submit_bio_noacct(&probe);
	is_seen = !READ_ONCE(probe_bio);
	if (!is_seen) {
		wait_for_completion_io(&ended);
		WRITE_ONCE(probe_bio, NULL);
		pr_err("the hook does not see what is submitted: is CONFIG_DYNAMIC_FTRACE_WITH_REGS or _ARGS set, and kernel.ftrace_enabled 1?\n");
	}
	bio_uninit(&probe);
	return is_seen ? 0 : -EOPNOTSUPP;
}
