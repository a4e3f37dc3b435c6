// SPDX-License-Identifier: GPL-2.0-only
/*
 * answers: has a device answered what it was asked before a filter came?
 */
#include <linux/delay.h>
#include <linux/part_stat.h>

#include "blk-filter-core.h"

/* Bios that statistics count as under way on the disk and its partitions. */
long blk_filter_under_way(struct gendisk *disk, int rw)
{
	struct block_device *part;
	unsigned long index;
	long sum = 0;
	int cpu;

	rcu_read_lock();
	xa_for_each(&disk->part_tbl, index, part)
		for_each_possible_cpu(cpu)
			sum += part_stat_local_read_cpu(part, in_flight[rw], cpu);
	rcu_read_unlock();
	return sum;
}

/*
 * A driver that drains may have to stop all I/O until the last bio has ended, reads
 * too, and if one does not end (multipath without a path) for good. So it is asked
 * only once the device has answered: no write was under way, which must come, for
 * the gate keeps new ones away, and of reads, which go on, none was or as many have
 * ended since as there were. A device without statistics is taken at its word.
 */
int blk_filter_wait_for_answers(struct gendisk *disk, unsigned long deadline)
{
	unsigned long ended = part_stat_read(disk->part0, ios[STAT_READ]);
	long reads = blk_filter_under_way(disk, READ);

	while (blk_filter_under_way(disk, WRITE) > 0 ||
	       (blk_filter_under_way(disk, READ) > 0 &&
		(long)(part_stat_read(disk->part0, ios[STAT_READ]) - ended) < reads)) {
		if (time_after(jiffies, deadline))
			return -ETIMEDOUT;
		fsleep(1000);
	}
	return 0;
}
