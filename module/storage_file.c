// SPDX-License-Identifier: GPL-2.0-only
/*
 * storage_file: the blocks of a file as room for overwritten data.
 *
 * We write to the file's blocks behind its file system's back. That is sound
 * only while the file system neither writes there itself nor gives the blocks
 * to somebody else. It promises just that for swap files, so the file is marked
 * as one:
 *
 * 1. S_SWAPFILE is set. From here on writes, shrinking, fallocate, reflinks,
 *    defragmentation and unlink are refused, and so are stores through a
 *    mapping whose page is not writable already.
 * 2. What began before is waited for: direct I/O, then all dirty pages, which
 *    write-protects mapped ones. Dropping the page cache then proves that no
 *    page is left that could be written later.
 * 3. Only now is the file mapped.
 *
 * Growing is still allowed to others, as it is for swap files, and so is
 * trimming what was allocated past the end: nothing from there is used.
 *
 * Our reference is for reading, so the file system can still be remounted
 * read-only; it pins the mount, and so the device is open as long as we need it.
 *
 * The extents come from the file system's fiemap, which writes them to user
 * memory: a scratch mapping in the caller's address space. Whatever is read
 * back from there counts as the user's word. He may give us any part of any
 * device anyhow; it is checked as that would be.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/cred.h>
#include <linux/fiemap.h>
#include <linux/file.h>
#include <linux/fileattr.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "diff_storage_internal.h"

#define SCRATCH_BYTES	(64u * 1024)
#define SCRATCH_EXTENTS	(SCRATCH_BYTES / sizeof(struct fiemap_extent))

static const struct {
	u32 flags;
	const char *why;
} refused_extents[] = {
	{ FIEMAP_EXTENT_SHARED,
	  "shares blocks with another file; give one made by fallocate, not a reflink copy" },
	{ FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_DATA_TAIL |
	  FIEMAP_EXTENT_NOT_ALIGNED,
	  "is kept among metadata, not in blocks; give a larger one, made by fallocate" },
	{ FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_DATA_ENCRYPTED,
	  "is compressed or encrypted; give one in a directory that is not" },
	{ FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC,
	  "has no blocks yet; make it by fallocate, or sync it" },
};

static bool is_on(const struct inode *inode, const char *fs_name)
{
	return !strcmp(inode->i_sb->s_type->name, fs_name);
}

static bool is_realtime(struct file *file)
{
	struct file_kattr fa = {};

	return !vfs_fileattr_get(file->f_path.dentry, &fa) &&
	       fa.fsx_valid && (fa.fsx_xflags & FS_XFLAG_REALTIME);
}

/* What makes a file unfit whatever its blocks are; NULL if nothing. */
static const char *why_unsupported(struct file *file)
{
	struct inode *inode = file_inode(file);

	if (!IS_ENABLED(CONFIG_SWAP))
		return "files cannot be locked by a kernel without CONFIG_SWAP; give ranges";
	if (!is_on(inode, "ext4") && !is_on(inode, "xfs"))
		return "is not on ext4 or XFS; give one that is, or ranges of a device";
	if (!inode->i_sb->s_bdev || !inode->i_op->fiemap)
		return "does not lie on a block device";
	if (IS_DAX(inode))
		return "is accessed by DAX, which no lock covers; give one that is not";
	if (is_on(inode, "xfs") && is_realtime(file))
		return "is on the real-time device of its XFS; give one on the data device";
	return NULL;
}

static int check_kind(struct file *file)
{
	struct inode *inode = file_inode(file);
	const char *why;

	/* Its contents will be lost: so as much as a writer has to have. */
	if (!(file->f_mode & FMODE_WRITE)) {
		pr_err("%pD: refused as storage: not open for writing\n", file);
		return -EBADF;
	}
	if (!S_ISREG(inode->i_mode)) {
		pr_err("%pD: refused as storage: not a regular file\n", file);
		return -EINVAL;
	}
	why = why_unsupported(file);
	if (!why)
		return 0;
	pr_err("%pD: refused as storage: %s\n", file, why);
	return -EOPNOTSUPP;
}

static int lock_contents(struct file *held)
{
	struct inode *inode = file_inode(held);

	inode_lock(inode);
	if (inode->i_flags & S_SWAPFILE) {
		inode_unlock(inode);
		pr_err("%pD: refused as storage: in use as storage or swap\n", held);
		return -EBUSY;
	}
	inode_set_flags(inode, S_SWAPFILE, S_SWAPFILE);
	inode_dio_wait(inode);
	inode_unlock(inode);
	return 0;
}

static void unlock_contents(struct file *held)
{
	struct inode *inode = file_inode(held);

	inode_lock(inode);
	inode_set_flags(inode, 0, S_SWAPFILE);
	inode_unlock(inode);
}

/* Waits until nothing is on its way to the blocks of a locked file. */
static int settle(struct file *held)
{
	struct inode *inode = file_inode(held);
	sector_t block = 0;
	int ret;

	/* Pages pinned through a mapping can become dirty at any time. */
	if (mapping_writably_mapped(inode->i_mapping)) {
		pr_err("%pD: refused as storage: mapped into memory; unmap it first\n",
		       held);
		return -EBUSY;
	}
	ret = vfs_fsync(held, 1);
	if (ret)
		return ret;
	/* With journalled data this writes back what is in the journal only. */
	if (is_on(inode, "ext4"))
		bmap(inode, &block);
	ret = invalidate_inode_pages2(inode->i_mapping);
	if (ret)
		pr_err("%pD: refused as storage: its cached pages cannot be dropped\n",
		       held);
	return ret;
}

void blksnap_storage_file_release(struct file *held)
{
	/* Readers may have cached what was there before. */
	invalidate_inode_pages2(file_inode(held)->i_mapping);
	unlock_contents(held);
	fput(held);
}

struct file *blksnap_storage_file_hold(struct file *file)
{
	struct file *held;
	int ret;

	ret = check_kind(file);
	if (ret)
		return ERR_PTR(ret);
	held = dentry_open(&file->f_path, O_RDONLY | O_LARGEFILE, current_cred());
	if (IS_ERR(held))
		return held;

	ret = lock_contents(held);
	if (ret) {
		fput(held);
		return ERR_PTR(ret);
	}
	ret = settle(held);
	if (ret) {
		blksnap_storage_file_release(held);
		return ERR_PTR(ret);
	}
	return held;
}

/*
 * How much from the file's start is ours for good. If it ends within a page, to
 * grow it zeroes the rest of that page and writes back the folio around it.
 */
static u64 usable_bytes(const struct inode *inode)
{
	u64 size = i_size_read(inode);

	if (IS_ALIGNED(size, PAGE_SIZE))
		return size;
	if (mapping_large_folio_support(inode->i_mapping))
		return round_down(size, (u64)PMD_SIZE);
	return round_down(size, (u64)PAGE_SIZE);
}

static int list_grow(struct range_list *list)
{
	unsigned int room = list->room ? list->room * 2 : 64;
	struct sector_range *array;

	array = kvmalloc_array(room, sizeof(*array), GFP_KERNEL | __GFP_NOWARN);
	if (!array)
		return -ENOMEM;
	if (list->count)
		memcpy(array, list->array, list->count * sizeof(*array));
	kvfree(list->array);
	list->array = array;
	list->room = room;
	return 0;
}

/* Pieces that run on are joined, so that less is lost by rounding to units. */
static int list_add_range(struct range_list *list, struct sector_range range)
{
	struct sector_range *last = list->array + list->count - 1;
	int ret;

	if (list->count && range_end(*last) == range.start) {
		last->count += range.count;
		return 0;
	}
	if (list->count == list->room) {
		ret = list_grow(list);
		if (ret)
			return ret;
	}
	list->array[list->count++] = range;
	return 0;
}

static int check_extent(struct file *held, const struct fiemap_extent *e)
{
	u64 unaligned = e->fe_logical | e->fe_physical | e->fe_length;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refused_extents); i++) {
		if (!(e->fe_flags & refused_extents[i].flags))
			continue;
		pr_err("%pD: refused as storage: at byte %llu it %s\n", held,
		       e->fe_logical, refused_extents[i].why);
		return -EINVAL;
	}
	if (!IS_ALIGNED(unaligned, SECTOR_SIZE) || !e->fe_length ||
	    e->fe_logical + e->fe_length < e->fe_logical ||
	    e->fe_physical + e->fe_length < e->fe_physical) {
		pr_err("%pD: refused as storage: its extents make no sense\n", held);
		return -EINVAL;
	}
	return 0;
}

/* Adds what of an extent lies in [*@pos, @end), and moves *@pos behind it. */
static int add_extent(struct file *held, const struct fiemap_extent *e, u64 *pos,
		      u64 end, struct range_list *list)
{
	u64 start, stop;
	int ret;

	ret = check_extent(held, e);
	if (ret)
		return ret;
	start = max(e->fe_logical, *pos);
	stop = min(e->fe_logical + e->fe_length, end);
	if (stop <= start)
		return 0;
	*pos = stop;
	return list_add_range(list, (struct sector_range){
		.start = (e->fe_physical + (start - e->fe_logical)) >> SECTOR_SHIFT,
		.count = (stop - start) >> SECTOR_SHIFT,
	});
}

/*
 * Asks for one scratch mapping full of extents from *@pos on: 1 if there may be
 * more, 0 if that was all.
 */
static int map_some(struct file *held, struct fiemap_extent __user *scratch,
		    u64 *pos, u64 end, struct range_list *list)
{
	struct inode *inode = file_inode(held);
	struct fiemap_extent_info info = {
		.fi_extents_max = SCRATCH_EXTENTS,
		.fi_extents_start = scratch,
	};
	struct fiemap_extent e = {};
	u64 begin = *pos;
	unsigned int i;
	int ret;

	ret = inode->i_op->fiemap(inode, &info, begin, end - begin);
	for (i = 0; i < info.fi_extents_mapped && ret >= 0; i++) {
		if (copy_from_user(&e, scratch + i, sizeof(e)))
			return -EFAULT;
		ret = add_extent(held, &e, pos, end, list);
	}
	if (ret < 0)
		return ret;
	return *pos > begin && *pos < end && !(e.fe_flags & FIEMAP_EXTENT_LAST);
}

int blksnap_storage_file_map(struct file *held, struct range_list *list)
{
	u64 end = usable_bytes(file_inode(held));
	unsigned long scratch;
	u64 pos = 0;
	int ret;

	if (!end) {
		pr_err("%pD: refused as storage: it is empty, or too small\n", held);
		return -EINVAL;
	}
	scratch = vm_mmap(NULL, 0, SCRATCH_BYTES, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (IS_ERR_VALUE(scratch))
		return (long)scratch;
	do {
		ret = map_some(held, (struct fiemap_extent __user *)scratch,
			       &pos, end, list);
	} while (ret > 0 && !fatal_signal_pending(current));
	vm_munmap(scratch, SCRATCH_BYTES);
	if (ret)
		return ret > 0 ? -EINTR : ret;
	if (!list->count) {
		pr_err("%pD: refused as storage: it has no blocks; make it by fallocate\n",
		       held);
		return -EINVAL;
	}
	return 0;
}
