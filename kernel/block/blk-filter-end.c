// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a passed bio.
 *
 * bio_endio() takes the records off before it looks what kind of end it is, so
 * that long chains of bios end in its loop as they always do.
 */
#include "blk-filter.h"

void __blk_filter_end_bio(struct bio *bio)
{
	rcu_read_lock();		/* the filter is freed behind that */
	while (bio->bi_end_io == blk_filter_end_io)
		blk_filter_record_free(blk_filter_take_off(bio));
	rcu_read_unlock();
}

/* Only somebody who ends a bio without bio_endio() gets here. */
void blk_filter_end_io(struct bio *bio)
{
	__blk_filter_end_bio(bio);
	if (bio->bi_end_io)
		bio->bi_end_io(bio);
}
