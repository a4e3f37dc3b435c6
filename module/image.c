// SPDX-License-Identifier: GPL-2.0-only
/*
 * image: the block device that shows a snapshotted device as it was.
 *
 * A bio is cut into pieces each of which lies wholly in one place, and each
 * piece is answered from there:
 *
 *	storage		the bio is sent on to it, as it is
 *	memory		copied from the copy that is on its way to the storage
 *	origin		sent on to the origin, and when it comes back looked at
 *			again: if anything of the range was saved meanwhile, what
 *			was read may be new data, and the piece is read anew
 *	lost		EIO
 *
 * That looking twice is enough rests on I1: a block is published as saved
 * before a write to it is let go. No writer ever waits for a reader.
 *
 * Writes are done one after another by a worker: it has the range saved, so
 * that all of it has a place on the storage, marks it changed, and overwrites
 * it there. The origin is never touched. Without room on the storage the write
 * ends with ENOSPC; what the image shows is none the worse for it.
 *
 * Teardown: blksnap_image_free() deletes the disk, after which no bio begins; those that
 * have begun are counted, and waited for.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blk-filter-inject.h>
#include <linux/blk-filter.h>
#include <linux/blksnap.h>
#include <linux/idr.h>
#include <linux/mempool.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "image.h"

#define SENT_READS_MIN	64

/* Legend: I set at creation or when shown; L under @lock; A atomic. */
struct image {
	struct gendisk *disk;			/* I */
	struct diff_area *area;			/* I */
	struct cbt_map *map;			/* I */
	struct block_device *origin;		/* I */
	int number;				/* I */
	bool is_shown;				/* I */

	spinlock_t lock;			/* irqs off; workqueue locks nest in it */
	struct bio_list writes;			/* L */
	struct bio_list rereads;		/* L */
	struct workqueue_struct *wq;		/* I */
	struct work_struct write_work;
	struct work_struct reread_work;
	atomic_t bios;				/* A, begun, and one until the removal */
	struct completion idle;
};

/* A piece that was sent on, to the origin or to the storage. */
struct sent_read {
	struct image *image;
	bool is_final;		/* saved data does not change */
	struct bvec_iter iter;
	bio_end_io_t *end_io;
	void *private;
};

static int major;
static DEFINE_IDA(numbers);
static struct kmem_cache *read_cache;
static mempool_t read_pool;
static struct bio_set split_set;

/*
 * What each processor has at hand: an allocation is a fifth of what a read of 4 KiB
 * costs here.
 */
static DEFINE_PER_CPU(struct sent_read *, spare_read);

/* Not past those who may be waiting for the pool to be filled. */
static void free_read(struct sent_read *read)
{
	if (READ_ONCE(read_pool.curr_nr) < read_pool.min_nr ||
	    this_cpu_cmpxchg(spare_read, NULL, read))
		mempool_free(read, &read_pool);
}

static void bio_done(struct image *image)
{
	if (atomic_dec_and_test(&image->bios))
		complete(&image->idle);
}

static void answer(struct image *image, struct bio *bio, blk_status_t status)
{
	/* Pieces that were cut off may have left an error: it stays. */
	if (status)
		bio->bi_status = status;
	bio_endio(bio);
	bio_done(image);
}

/*
 * The worker is called under the lock: it takes the bio under it, and when the last
 * bio has ended the image may be freed.
 */
static void redo(struct image *image, struct bio_list *list, struct bio *bio,
		 struct work_struct *work)
{
	unsigned long flags;

	spin_lock_irqsave(&image->lock, flags);
	bio_list_add(list, bio);
	queue_work(image->wq, work);
	spin_unlock_irqrestore(&image->lock, flags);
}

static bool is_still_unsaved(struct image *image, struct bvec_iter *iter)
{
	struct area_piece piece;

	/*
	 * What was read, perhaps by this processor, before what is saved: without a
	 * region no lock is taken. Pairs with blksnap_region_get()'s release and the
	 * locks that a write passes behind it, before it can change the data.
	 */
	smp_rmb();
	blksnap_diff_area_find(image->area, iter->bi_sector,
			       iter->bi_size >> SECTOR_SHIFT, &piece);
	if (piece.copy)
		blksnap_copy_put(piece.copy);
	return piece.source == AREA_ORIGIN &&
	       piece.count == iter->bi_size >> SECTOR_SHIFT;
}

static void end_sent_read(struct bio *bio)
{
	struct sent_read *read = bio->bi_private;
	struct image *image = read->image;

	inject_delay(200);
	bio->bi_end_io = read->end_io;
	bio->bi_private = read->private;
	/* It will end once more: what was accounted for is not to be again. */
	bio_clear_flag(bio, BIO_QOS_THROTTLED);
	bio_clear_flag(bio, BIO_QOS_MERGED);
	/* After an error, its own or a cut piece's, there is nothing to save. */
	if (read->is_final || bio->bi_status ||
	    likely(is_still_unsaved(image, &read->iter))) {
		free_read(read);
		bio_endio(bio);
		bio_done(image);
		return;
	}
	bio->bi_iter = read->iter;
	/* Cut pieces have ended, and left this at 0: it may be cut again. */
	atomic_set(&bio->__bi_remaining, 1);
	free_read(read);
	redo(image, &image->rereads, bio, &image->reread_work);
}

/*
 * What is submitted inside submit_bio() only begins when that returns: waiting
 * for memory there could be waiting for oneself. The worker may wait.
 */
static void send_read(struct image *image, struct bio *bio,
		      struct block_device *bdev, sector_t sector, bool is_final)
{
	struct sent_read *read = this_cpu_xchg(spare_read, NULL);

	if (!read)
		read = mempool_alloc(&read_pool, current->bio_list ?
				     GFP_NOWAIT | __GFP_NOWARN : GFP_NOIO);
	if (!read) {
		redo(image, &image->rereads, bio, &image->reread_work);
		return;
	}
	read->image = image;
	read->is_final = is_final;
	read->iter = bio->bi_iter;
	read->end_io = bio->bi_end_io;
	read->private = bio->bi_private;
	bio->bi_end_io = end_sent_read;
	bio->bi_private = read;
	bio_set_dev(bio, bdev);
	bio->bi_iter.bi_sector = sector;
	inject_delay(200);
	submit_bio_noacct(bio);
}

/* @bio lies wholly in @piece. */
static void read_piece(struct image *image, struct bio *bio,
		       struct area_piece *piece)
{
	switch (piece->source) {
	case AREA_ORIGIN:
		send_read(image, bio, image->origin, bio->bi_iter.bi_sector, false);
		break;
	case AREA_STORAGE:
		send_read(image, bio, piece->bdev, piece->sector, true);
		break;
	case AREA_MEMORY:
		blksnap_copy_to_bio(piece->copy, piece->offset, bio);
		blksnap_copy_put(piece->copy);
		answer(image, bio, BLK_STS_OK);
		break;
	case AREA_ZERO:
		zero_fill_bio(bio);
		answer(image, bio, BLK_STS_OK);
		break;
	default:
		answer(image, bio, BLK_STS_IOERR);
	}
}

/*
 * Cuts @sectors off the front of @bio, if that is not all; both are counted. NULL: there
 * is no memory now, and @gfp does not say to wait for it.
 */
static struct bio *cut(struct image *image, struct bio *bio, sector_t sectors, gfp_t gfp)
{
	struct bio *front;

	if (sectors >= bio_sectors(bio))
		return bio;
	front = bio_split(bio, sectors, gfp, &split_set);
	/* One or the other, as the kernel has it. */
	if (IS_ERR_OR_NULL(front))
		return NULL;
	bio_chain(front, bio);
	atomic_inc(&image->bios);
	return front;
}

/* False: what is left of @bio cannot be cut now. */
static bool read_image(struct image *image, struct bio *bio, gfp_t gfp)
{
	struct area_piece piece;
	struct bio *front;

	do {
		blksnap_diff_area_find(image->area, bio->bi_iter.bi_sector,
				       bio_sectors(bio), &piece);
		front = cut(image, bio, piece.count, gfp);
		if (!front) {
			if (piece.copy)
				blksnap_copy_put(piece.copy);
			return false;
		}
		read_piece(image, front, &piece);
	} while (front != bio);
	return true;
}

static struct bio *next_bio(struct image *image, struct bio_list *list)
{
	struct bio *bio;
	unsigned long flags;

	spin_lock_irqsave(&image->lock, flags);
	bio = bio_list_pop(list);
	spin_unlock_irqrestore(&image->lock, flags);
	return bio;
}

/*
 * What is set aside for cutting may be in the bios of this very list: so it is not
 * waited for. They are gone through in turn, with a pause for those who free memory.
 */
static void reread(struct work_struct *work)
{
	struct image *image = container_of(work, struct image, reread_work);
	struct bio *bio;

	while ((bio = next_bio(image, &image->rereads))) {
		if (read_image(image, bio, GFP_NOWAIT | __GFP_NOWARN))
			continue;
		redo(image, &image->rereads, bio, &image->reread_work);
		schedule_timeout_uninterruptible(1);
	}
}

static void end_write(struct bio *clone)
{
	struct bio *bio = clone->bi_private;
	blk_status_t status = clone->bi_status;

	bio_put(clone);
	answer(bio->bi_bdev->bd_disk->private_data, bio, status);
}

/* All of @bio lies at @piece on the storage. */
static void overwrite_piece(struct image *image, struct bio *bio,
			    struct area_piece *piece)
{
	struct bio *clone = blkfilter_bio_clone(piece->bdev, bio, GFP_NOIO);

	clone->bi_opf = REQ_OP_WRITE;
	clone->bi_iter.bi_sector = piece->sector;
	clone->bi_end_io = end_write;
	clone->bi_private = bio;
	blkfilter_submit_below(clone);
}

static void write_image(struct image *image, struct bio *bio)
{
	struct sector_range range = { bio->bi_iter.bi_sector, bio_sectors(bio) };
	struct area_piece piece;
	struct bio *front;
	int error;

	blksnap_cbt_map_mark_both(image->map, range.start, range.count);
	error = blksnap_diff_area_save(image->area, range);
	if (error) {
		answer(image, bio, errno_to_blk_status(error));
		return;
	}
	do {
		blksnap_diff_area_find(image->area, bio->bi_iter.bi_sector,
				       bio_sectors(bio), &piece);
		if (piece.copy)
			blksnap_copy_put(piece.copy);
		front = cut(image, bio, piece.count, GFP_NOIO);
		if (piece.source == AREA_STORAGE)
			overwrite_piece(image, front, &piece);
		else
			answer(image, front, BLK_STS_IOERR);
	} while (front != bio);
}

static void write_all(struct work_struct *work)
{
	struct image *image = container_of(work, struct image, write_work);
	struct bio *bio;

	while ((bio = next_bio(image, &image->writes)))
		write_image(image, bio);
}

static void image_submit_bio(struct bio *bio)
{
	struct image *image = bio->bi_bdev->bd_disk->private_data;

	if (!bio_sectors(bio)) {
		bio_endio(bio);
		return;
	}
	atomic_inc(&image->bios);
	switch (bio_op(bio)) {
	case REQ_OP_READ:
		read_image(image, bio, GFP_NOIO);
		break;
	case REQ_OP_WRITE:
		redo(image, &image->writes, bio, &image->write_work);
		break;
	default:
		answer(image, bio, BLK_STS_NOTSUPP);
	}
}

static const struct block_device_operations image_ops = {
	.owner = THIS_MODULE,
	.submit_bio = image_submit_bio,
};

bool blksnap_image_is_image(const struct gendisk *disk)
{
	return disk->fops == &image_ops;
}

dev_t blksnap_image_dev(const struct image *image)
{
	return disk_devt(image->disk);
}

const char *blksnap_image_name(const struct image *image)
{
	return image->disk->disk_name;
}

/*
 * To whoever has it open, a disk that was deleted is empty: reading would come to
 * an end as if all was well, and writing find no space. With its capacity back
 * the block layer has every bio fail, as the disk is dead.
 */
static void hide(struct gendisk *disk)
{
	sector_t capacity = get_capacity(disk);

	del_gendisk(disk);
	set_capacity(disk, capacity);
}

void blksnap_image_free(struct image *image)
{
	if (!image)
		return;
	if (image->is_shown)
		hide(image->disk);
	bio_done(image);
	wait_for_completion(&image->idle);
	if (image->wq)
		destroy_workqueue(image->wq);
	if (image->disk)
		put_disk(image->disk);
	if (image->number >= 0)
		ida_free(&numbers, image->number);
	kfree(image);
}

int blksnap_image_show(struct image *image, sector_t capacity)
{
	int ret;

	set_capacity(image->disk, capacity);
	ret = add_disk(image->disk);
	image->is_shown = !ret;
	return ret;
}

static struct gendisk *make_disk(struct image *image)
{
	struct block_device *origin = image->origin;
	struct queue_limits limits = {
		.logical_block_size = bdev_logical_block_size(origin),
		.physical_block_size = bdev_physical_block_size(origin),
		.io_min = bdev_io_min(origin),
		.io_opt = bdev_io_opt(origin),
		.max_hw_sectors = UINT_MAX,
		/* Storage may want whole sectors; none that is accepted wants more. */
		.dma_alignment = max_t(unsigned int, bdev_dma_alignment(origin),
				       min_t(unsigned int, PAGE_SIZE,
					     bdev_logical_block_size(origin)) - 1),
	};
	struct gendisk *disk = blk_alloc_disk(&limits, NUMA_NO_NODE);

	if (IS_ERR(disk))
		return NULL;
	disk->major = major;
	disk->first_minor = image->number;
	disk->minors = 1;
	disk->flags |= GENHD_FL_NO_PART;
	disk->fops = &image_ops;
	disk->private_data = image;
	snprintf(disk->disk_name, DISK_NAME_LEN, BLK_SNAP_IMAGE_NAME "%d",
		 image->number);
	return disk;
}

struct image *blksnap_image_alloc(struct block_device *origin, struct diff_area *area,
				  struct cbt_map *map)
{
	struct image *image = kzalloc(sizeof(*image), GFP_KERNEL);
	int ret = -ENOMEM;

	if (!image)
		return ERR_PTR(-ENOMEM);
	image->area = area;
	image->map = map;
	image->origin = origin;
	spin_lock_init(&image->lock);
	bio_list_init(&image->writes);
	bio_list_init(&image->rereads);
	INIT_WORK(&image->write_work, write_all);
	INIT_WORK(&image->reread_work, reread);
	atomic_set(&image->bios, 1);
	init_completion(&image->idle);
	image->number = ida_alloc_max(&numbers, MINORMASK, GFP_KERNEL);
	if (image->number < 0) {
		ret = image->number;
		goto out;
	}
	/* Two at a time: a reread never waits behind a write. */
	image->wq = alloc_workqueue("blksnap-image", WQ_MEM_RECLAIM | WQ_UNBOUND, 2);
	image->disk = make_disk(image);
	if (!image->wq || !image->disk)
		goto out;
	return image;

out:
	blksnap_image_free(image);
	return ERR_PTR(ret);
}

int blksnap_images_init(void)
{
	int ret;

	read_cache = KMEM_CACHE(sent_read, 0);
	if (!read_cache)
		return -ENOMEM;
	ret = mempool_init_slab_pool(&read_pool, SENT_READS_MIN, read_cache);
	if (ret)
		goto out_cache;
	ret = bioset_init(&split_set, BIO_POOL_SIZE, 0,
			  BIOSET_NEED_BVECS | BIOSET_NEED_RESCUER);
	if (ret)
		goto out_pool;
	major = register_blkdev(0, BLK_SNAP_IMAGE_NAME);
	if (major < 0) {
		ret = major;
		goto out_set;
	}
	return 0;

out_set:
	bioset_exit(&split_set);
out_pool:
	mempool_exit(&read_pool);
out_cache:
	kmem_cache_destroy(read_cache);
	return ret;
}

void blksnap_images_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		if (per_cpu(spare_read, cpu))
			kmem_cache_free(read_cache, per_cpu(spare_read, cpu));
	unregister_blkdev(major, BLK_SNAP_IMAGE_NAME);
	bioset_exit(&split_set);
	mempool_exit(&read_pool);
	kmem_cache_destroy(read_cache);
	ida_destroy(&numbers);
}
