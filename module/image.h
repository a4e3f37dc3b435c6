/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * image: the block device that shows a snapshotted device as it was.
 */
#ifndef _BLKSNAP_IMAGE_H
#define _BLKSNAP_IMAGE_H

#include "cbt_map.h"
#include "diff_area.h"

struct image;

/* Module-wide: the driver's major number and pools. */
int blksnap_images_init(void);
void blksnap_images_exit(void);

/*
 * An image that is not shown yet, with the block sizes of @origin. @area and
 * @map (writes to the image count as changes of the original) must outlive it.
 * May sleep. ERR_PTR: -ENOMEM, -ENOSPC all numbers are taken.
 */
struct image *blksnap_image_alloc(struct block_device *origin, struct diff_area *area,
				  struct cbt_map *map);

/* Makes it appear, @capacity sectors large. May sleep. 0 or a negative errno. */
int blksnap_image_show(struct image *image, sector_t capacity);

/*
 * Takes it away, even if it is open or mounted; when this returns it uses
 * neither area nor map any more. May sleep. NULL is fine, and so is an image
 * that was never shown.
 */
void blksnap_image_free(struct image *image);

/* Is this disk an image? Any context. */
bool blksnap_image_is_image(const struct gendisk *disk);

/* Number and name (DISK_NAME_LEN bytes) of a shown image. */
dev_t blksnap_image_dev(const struct image *image);
const char *blksnap_image_name(const struct image *image);

#endif /* _BLKSNAP_IMAGE_H */
