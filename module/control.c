// SPDX-License-Identifier: GPL-2.0-only
/*
 * control: the door for calls.
 *
 * A call is found by its full number, direction and size included, so that a
 * stray request on the node (isatty() is one) does nothing. What is wrong with
 * an argument is said here; below the door everything has been checked.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/device.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "control.h"
#include "control_internal.h"

#define VERSION_MAJOR		2
#define VERSION_MINOR		0
#define VERSION_REVISION	0

bool blksnap_argument_from_user(void *arg, void __user *at, size_t size,
				bool is_answered)
{
	if (copy_from_user(arg, at, size))
		return false;
	return !is_answered || !copy_to_user(at, arg, size);
}

void *blksnap_array_from_user(const void __user *array, u32 count, size_t size,
			      int unreadable)
{
	void *copy;

	/* Larger than any memory, or what kvmalloc() would warn about. */
	if ((u64)count * size > INT_MAX)
		return ERR_PTR(-ENOMEM);
	copy = kvmalloc(count * size, GFP_KERNEL | __GFP_NOWARN);
	if (!copy)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(copy, array, count * size)) {
		kvfree(copy);
		return ERR_PTR(unreadable);
	}
	return copy;
}

struct sector_range *blksnap_ranges_from_user(const void __user *array, u32 count,
					      int unreadable)
{
	/* Alike, but for what a sector number is on the kernel's side. */
	BUILD_BUG_ON(sizeof(struct sector_range) != sizeof(struct blk_snap_block_range));
	return blksnap_array_from_user(array, count,
				       sizeof(struct sector_range), unreadable);
}

static int call_version(struct blk_snap_version *arg)
{
	*arg = (struct blk_snap_version){
		.major = VERSION_MAJOR,
		.minor = VERSION_MINOR,
		.revision = VERSION_REVISION,
	};
	return 0;
}

static int call_collect(struct blk_snap_tracker_collect *arg)
{
	return blksnap_call_tracker_collect(&arg->count,
					    (void __user *)arg->cbt_info_array, false);
}

/* The calls take pointers to what the number says; here they are told apart. */
union argument {
	struct blk_snap_version version;
	struct blk_snap_tracker_remove remove;
	struct blk_snap_tracker_collect collect;
	struct blk_snap_tracker_read_cbt_bitmap read_map;
	struct blk_snap_tracker_mark_dirty_blocks mark_dirty;
	struct blk_snap_snapshot_create create;
	struct blk_snap_snapshot_destroy destroy;
	struct blk_snap_snapshot_append_storage append;
	struct blk_snap_snapshot_take take;
	struct blk_snap_snapshot_collect snapshots;
	struct blk_snap_snapshot_collect_images images;
	struct blk_snap_snapshot_event event;
	struct blk_snap_snapshot_append_file append_file;
	struct blk_snap_snapshot_info info;
	struct blk_snap_tracker_changed_ranges changed_ranges;
	struct blk_snap_snapshot_set_limits set_limits;
	struct blk_snap_tracker_info tracker_info;
};

static int dispatch(unsigned int cmd, union argument *arg)
{
	switch (cmd) {
	case IOCTL_BLK_SNAP_VERSION:
		return call_version(&arg->version);
	case IOCTL_BLK_SNAP_TRACKER_REMOVE:
		return blksnap_call_tracker_remove(&arg->remove);
	case IOCTL_BLK_SNAP_TRACKER_COLLECT:
		return call_collect(&arg->collect);
	case IOCTL_BLK_SNAP_TRACKER_READ_CBT_MAP:
		return blksnap_call_tracker_read_map(&arg->read_map);
	case IOCTL_BLK_SNAP_TRACKER_MARK_DIRTY_BLOCKS:
		return blksnap_call_tracker_mark_dirty(&arg->mark_dirty);
	case IOCTL_BLK_SNAP_SNAPSHOT_CREATE:
		return blksnap_call_snapshot_create(&arg->create);
	case IOCTL_BLK_SNAP_SNAPSHOT_DESTROY:
		return blksnap_call_snapshot_destroy(&arg->destroy);
	case IOCTL_BLK_SNAP_SNAPSHOT_APPEND_STORAGE:
		return blksnap_call_snapshot_append_storage(&arg->append);
	case IOCTL_BLK_SNAP_SNAPSHOT_TAKE:
		return blksnap_call_snapshot_take(&arg->take);
	case IOCTL_BLK_SNAP_SNAPSHOT_COLLECT:
		return blksnap_call_snapshot_collect(&arg->snapshots);
	case IOCTL_BLK_SNAP_SNAPSHOT_COLLECT_IMAGES:
		return blksnap_call_snapshot_collect_images(&arg->images);
	case IOCTL_BLK_SNAP_SNAPSHOT_WAIT_EVENT:
		return blksnap_call_snapshot_wait_event(&arg->event);
	case IOCTL_BLK_SNAP_SNAPSHOT_APPEND_FILE:
		return blksnap_call_snapshot_append_file(&arg->append_file);
	case IOCTL_BLK_SNAP_SNAPSHOT_INFO:
		return blksnap_call_snapshot_info(&arg->info);
	case IOCTL_BLK_SNAP_TRACKER_CHANGED_RANGES:
		return blksnap_call_tracker_changed_ranges(&arg->changed_ranges);
	case IOCTL_BLK_SNAP_SNAPSHOT_SET_LIMITS:
		return blksnap_call_snapshot_set_limits(&arg->set_limits);
	case IOCTL_BLK_SNAP_TRACKER_INFO:
		return blksnap_call_tracker_info(&arg->tracker_info);
	default:
		return -ENOTTY;
	}
}

/* The errno for an argument that cannot be read or written; 0: no such call. */
static int unreachable_argument(unsigned int cmd)
{
	switch (cmd) {
	case IOCTL_BLK_SNAP_VERSION:
	case IOCTL_BLK_SNAP_TRACKER_REMOVE:
	case IOCTL_BLK_SNAP_TRACKER_COLLECT:
	case IOCTL_BLK_SNAP_TRACKER_READ_CBT_MAP:
	case IOCTL_BLK_SNAP_TRACKER_MARK_DIRTY_BLOCKS:
	case IOCTL_BLK_SNAP_SNAPSHOT_CREATE:
	case IOCTL_BLK_SNAP_SNAPSHOT_DESTROY:
	case IOCTL_BLK_SNAP_SNAPSHOT_TAKE:
	case IOCTL_BLK_SNAP_SNAPSHOT_COLLECT:
	case IOCTL_BLK_SNAP_SNAPSHOT_COLLECT_IMAGES:
		return -ENODATA;
	case IOCTL_BLK_SNAP_SNAPSHOT_APPEND_STORAGE:
	case IOCTL_BLK_SNAP_SNAPSHOT_WAIT_EVENT:
		return -EINVAL;
	case IOCTL_BLK_SNAP_SNAPSHOT_APPEND_FILE:
	case IOCTL_BLK_SNAP_SNAPSHOT_INFO:
	case IOCTL_BLK_SNAP_TRACKER_CHANGED_RANGES:
	case IOCTL_BLK_SNAP_SNAPSHOT_SET_LIMITS:
	case IOCTL_BLK_SNAP_TRACKER_INFO:
		return -EFAULT;
	default:
		return 0;
	}
}

/* Calls that say something in their argument, and whether also on errors. */
static bool is_answered(unsigned int cmd, int ret)
{
	switch (cmd) {
	case IOCTL_BLK_SNAP_VERSION:
	case IOCTL_BLK_SNAP_SNAPSHOT_CREATE:
	case IOCTL_BLK_SNAP_SNAPSHOT_WAIT_EVENT:
	case IOCTL_BLK_SNAP_SNAPSHOT_APPEND_FILE:
	case IOCTL_BLK_SNAP_SNAPSHOT_INFO:
	case IOCTL_BLK_SNAP_TRACKER_CHANGED_RANGES:
	case IOCTL_BLK_SNAP_TRACKER_INFO:
		return !ret;
	case IOCTL_BLK_SNAP_TRACKER_COLLECT:
		return !ret || ret == -ENOBUFS;
	case IOCTL_BLK_SNAP_SNAPSHOT_COLLECT:
		return !ret || ret == -ENODATA;
	case IOCTL_BLK_SNAP_SNAPSHOT_COLLECT_IMAGES:
		return !ret || ret == -ENODATA || ret == -ENODEV;
	default:
		return false;
	}
}

#define CLEAR_BETWEEN(object, before, after)					\
	memset((char *)&(object) + offsetofend(typeof(object), before), 0,	\
	       offsetof(typeof(object), after) -				\
	       offsetofend(typeof(object), before))

/* What lies between members is not the user's own any more when we write it. */
static void clear_padding(unsigned int cmd, union argument *arg)
{
	switch (cmd) {
	case IOCTL_BLK_SNAP_TRACKER_COLLECT:
		CLEAR_BETWEEN(arg->collect, count, cbt_info_array);
		break;
	case IOCTL_BLK_SNAP_SNAPSHOT_CREATE:
		CLEAR_BETWEEN(arg->create, count, dev_id_array);
		break;
	case IOCTL_BLK_SNAP_SNAPSHOT_COLLECT:
		CLEAR_BETWEEN(arg->snapshots, count, ids);
		break;
	case IOCTL_BLK_SNAP_SNAPSHOT_COLLECT_IMAGES:
		CLEAR_BETWEEN(arg->images, count, image_info_array);
		break;
	}
}

/* Unmapped meanwhile: a snapshot that nobody was told of is taken back. */
static void undo_unanswered(unsigned int cmd, union argument *arg)
{
	if (cmd == IOCTL_BLK_SNAP_SNAPSHOT_CREATE)
		blksnap_undo_snapshot_create(&arg->create.id);
}

long blksnap_control_ioctl(struct file *file, unsigned int cmd, unsigned long user)
{
	void __user *at = (void __user *)user;
	int unreachable = unreachable_argument(cmd);
	union argument *arg;
	long ret;

	if (!unreachable)
		return -ENOTTY;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	arg = kzalloc(sizeof(*arg), GFP_KERNEL);
	if (!arg)
		return -ENOMEM;
	if (!blksnap_argument_from_user(arg, at, _IOC_SIZE(cmd), is_answered(cmd, 0))) {
		ret = unreachable;
		goto out;
	}
	ret = dispatch(cmd, arg);
	clear_padding(cmd, arg);
	if (is_answered(cmd, ret) && copy_to_user(at, arg, _IOC_SIZE(cmd))) {
		if (!ret)
			undo_unanswered(cmd, arg);
		ret = unreachable;
	}
out:
	kfree(arg);
	return ret;
}

static const struct file_operations control_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = blksnap_control_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = blksnap_control_compat_ioctl,
#endif
	.llseek = noop_llseek,
};

static int control_major;
static struct class *control_class;

static ssize_t major_show(COMPAT_CLASS_ATTR_CONST struct class *class,
			  COMPAT_CLASS_ATTR_CONST struct class_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%d\n", control_major);
}
static CLASS_ATTR_RO(major);

void blksnap_control_exit(void)
{
	blksnap_control_sysfs_exit();
	device_destroy(control_class, MKDEV(control_major, 0));
	class_remove_file(control_class, &class_attr_major);
	class_destroy(control_class);
	unregister_chrdev(control_major, BLK_SNAP_CTL);
}

int blksnap_control_init(void)
{
	struct device *node;
	int ret;

	control_major = register_chrdev(0, BLK_SNAP_CTL, &control_fops);
	if (control_major < 0)
		return control_major;
	control_class = class_create(BLK_SNAP_CTL);
	if (IS_ERR(control_class)) {
		ret = PTR_ERR(control_class);
		goto out_chrdev;
	}
	ret = class_create_file(control_class, &class_attr_major);
	if (ret)
		goto out_class;
	/* Before anybody can make a call that changes what it shows. */
	blksnap_control_sysfs_init(control_class);
	/* Mode 0600 root is what a node gets that its class says nothing of. */
	node = device_create(control_class, NULL, MKDEV(control_major, 0), NULL,
			     BLK_SNAP_CTL);
	if (IS_ERR(node)) {
		ret = PTR_ERR(node);
		goto out_sysfs;
	}
	return 0;

out_sysfs:
	blksnap_control_sysfs_exit();
	class_remove_file(control_class, &class_attr_major);
out_class:
	class_destroy(control_class);
out_chrdev:
	unregister_chrdev(control_major, BLK_SNAP_CTL);
	return ret;
}
