/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compat: the words of newer kernels in those of older ones. Force-included
 * before every source of the modules in an out-of-tree build, and the only
 * place that knows how old a kernel can be. HAVE_ names are probed in the
 * kernel's headers by Kbuild.include.
 */
#ifndef _BLKSNAP_COMPAT_H
#define _BLKSNAP_COMPAT_H

/* Sources say the same; this comes before what they say. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/fs.h>

#ifdef BLKSNAP_COMPAT_FILTER
/* What only blkfilter needs. ftrace: what a callback may read and change. */
#include <linux/ftrace.h>
#include <linux/ptrace.h>

#ifdef CONFIG_DYNAMIC_FTRACE_WITH_ARGS
#define COMPAT_FTRACE_ARGS_FLAGS	0
#else
#define COMPAT_FTRACE_ARGS_FLAGS	FTRACE_OPS_FL_SAVE_REGS
#endif

static __always_inline unsigned long
compat_ftrace_argument(struct ftrace_regs *fregs, unsigned int n)
{
#ifdef HAVE_FTRACE_REGS_GET_ARGUMENT
	return ftrace_regs_get_argument(fregs, n);
#else
	return regs_get_kernel_argument(&fregs->regs, n);
#endif
}

static __always_inline void
compat_ftrace_set_ip(struct ftrace_regs *fregs, unsigned long ip)
{
#ifdef HAVE_FTRACE_REGS_SET_IP
	ftrace_regs_set_instruction_pointer(fregs, ip);
#else
	ftrace_instruction_pointer_set(fregs, ip);
#endif
}

/* Of a freeze that was only started, which leaves the task's flags alone. */
#ifdef HAVE_UNFREEZE_NOMEMRESTORE
#define compat_blk_mq_unfreeze_queue(q)	blk_mq_unfreeze_queue_nomemrestore(q)
#else
#define compat_blk_mq_unfreeze_queue(q)	blk_mq_unfreeze_queue(q)
#endif

/* The last step of a bio's end: some want it where they may sleep, as we may not. */
static inline void compat_bio_complete(struct bio *bio)
{
#ifdef HAVE_BIO_COMPLETE_IN_TASK
	if (bio_flagged(bio, BIO_COMPLETE_IN_TASK)) {
		__bio_complete_in_task(bio);
		return;
	}
#endif
	if (bio->bi_end_io)
		bio->bi_end_io(bio);
}

/* A zram disk that somebody other than a file system has claimed: swap. */
static inline bool compat_is_swap_notified(struct block_device *bdev)
{
	if (!bdev->bd_disk->fops->swap_slot_free_notify || !bdev->bd_holder)
		return false;
#ifdef HAVE_BDEV_HOLDER_OPS
	return !bdev->bd_holder_ops;
#else
	return !bdev->bd_super;
#endif
}
#endif /* BLKSNAP_COMPAT_FILTER */

#ifndef HAVE_BDEV_FREEZE
#define bdev_freeze(bdev)	freeze_bdev(bdev)
#define bdev_thaw(bdev)		thaw_bdev(bdev)
#endif

#ifndef HAVE_FILE_KATTR
#define file_kattr		fileattr	/* struct */
#endif

#ifndef HAVE_QUEUE_LIMITS
/* Limits are set one by one on a queue that exists. */
static inline struct gendisk *compat_alloc_disk(const struct queue_limits *limits,
						int node)
{
	struct gendisk *disk = blk_alloc_disk(node);

	if (!disk)
		return ERR_PTR(-ENOMEM);
	blk_queue_logical_block_size(disk->queue, limits->logical_block_size);
	blk_queue_physical_block_size(disk->queue, limits->physical_block_size);
	blk_queue_io_min(disk->queue, limits->io_min);
	blk_queue_io_opt(disk->queue, limits->io_opt);
	blk_queue_max_hw_sectors(disk->queue, limits->max_hw_sectors);
	blk_queue_dma_alignment(disk->queue, limits->dma_alignment);
	return disk;
}

#undef blk_alloc_disk
#define blk_alloc_disk(limits, node)	compat_alloc_disk(limits, node)
#endif

#ifndef HAVE_CLASS_CREATE_NAME_ONLY
#include <linux/device/class.h>

static inline struct class *compat_class_create(struct module *owner,
						const char *name)
{
	return class_create(owner, name);
}

#undef class_create
#define class_create(name)		compat_class_create(THIS_MODULE, name)
/* The attribute's function is declared with the newer kernel's arguments. */
#define COMPAT_CLASS_ATTR_CONST
#else
#define COMPAT_CLASS_ATTR_CONST		const
#endif

#ifndef HAVE_BDEV_FILE
/*
 * An open block device as a file. This one is not refcounted and nothing but
 * the functions below may have it, but it is filled in as far as they go.
 */
#include <linux/err.h>
#include <linux/slab.h>

typedef fmode_t blk_mode_t;
struct blk_holder_ops;

#define BLK_OPEN_READ	FMODE_READ
#define BLK_OPEN_WRITE	FMODE_WRITE

static inline struct block_device *file_bdev(struct file *bdev_file)
{
	return I_BDEV(bdev_file->f_mapping->host);
}

static inline struct file *
bdev_file_open_by_dev(dev_t dev, blk_mode_t mode, void *holder,
		      const struct blk_holder_ops *hops)
{
	struct file *file = kzalloc(sizeof(*file), GFP_KERNEL);
	struct block_device *bdev;

	if (!file)
		return ERR_PTR(-ENOMEM);
	file->f_mode = mode | (holder ? FMODE_EXCL : 0);
	bdev = blkdev_get_by_dev(dev, file->f_mode, holder);
	if (IS_ERR(bdev)) {
		kfree(file);
		return ERR_CAST(bdev);
	}
	file->f_inode = bdev->bd_inode;
	file->f_mapping = bdev->bd_inode->i_mapping;
	return file;
}

static inline void bdev_fput(struct file *bdev_file)
{
	blkdev_put(file_bdev(bdev_file), bdev_file->f_mode);
	kfree(bdev_file);
}
#endif /* HAVE_BDEV_FILE */

#endif /* _BLKSNAP_COMPAT_H */
