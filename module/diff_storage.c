// SPDX-License-Identifier: GPL-2.0-only
/*
 * diff_storage: the room in which one snapshot keeps overwritten data.
 *
 * A batch is what one append gives: an open device or a held file, and its
 * ranges. The ranges of all batches of all storages, also of those only
 * prepared, stand in one registry, a tree ordered by disk and absolute sector.
 * So an overlap is found when a range enters, also between a partition and its
 * whole disk, and within one append. What is registered is the range as it was
 * given; what is used may be less, after rounding.
 *
 * A storage's places are looked up in a table of pointers to its ranges, in
 * order of appending, with the place at which each begins. Committing replaces
 * the table under RCU, then raises the total: a place is handed out only when
 * whoever looks it up finds it.
 *
 * Low room: one event is allocated ahead with each append. As long as it is
 * there, none was sent since; sending it takes no allocation. Free room is
 * judged whenever some is asked for, not where it passes a mark, so the event
 * comes also when an append leaves less than half a portion.
 *
 * Lock order: registry_lock > storage->lock > that of the event queue.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/blksnap.h>

#include "diff_storage.h"
#include "diff_storage_internal.h"

/* Fixed once registered, but for place, which committing sets. */
struct range_node {
	struct rb_node node;
	struct gendisk *disk;
	struct sector_range given;	/* on disk */
	struct storage_range use;
	place_t place;			/* of its first sector */
};

struct storage_batch {
	struct list_head link;		/* in its storage, once committed */
	struct file *bdev_file;		/* either this */
	struct file *held_file;		/* or that */
	unsigned int count;		/* of these a unit or more is used, */
	unsigned int given_count;	/* behind them is what is too small */
	struct range_node nodes[];
};

struct range_table {
	struct rcu_head rcu;
	unsigned int count;
	struct range_node *nodes[];
};

/*
 * I set at creation, R changed under registry_lock, L under lock.
 */
struct diff_storage {
	struct event_queue *events;		/* I */
	struct list_head batches;		/* R */
	struct range_table __rcu *table;	/* R, read under RCU; NULL if empty */
	spinlock_t lock;			/* irqs off */
	sector_t portion;			/* L, constant once places are handed out */
	sector_t total;				/* L */
	sector_t used;				/* L */
	struct event *low_event;		/* L: NULL if sent since the last append */
};

static DEFINE_MUTEX(registry_lock);
static struct rb_root registry = RB_ROOT;	/* under registry_lock */
static unsigned long removals;			/* under registry_lock; read by anybody */

/* Equal are ranges that overlap: of two in the tree, none do. */
static int range_compare(struct rb_node *left, const struct rb_node *right)
{
	const struct range_node *a = rb_entry(left, struct range_node, node);
	const struct range_node *b = rb_entry(right, struct range_node, node);

	if (a->disk != b->disk)
		return a->disk < b->disk ? -1 : 1;
	if (range_end(a->given) <= b->given.start)
		return -1;
	return a->given.start >= range_end(b->given);
}

static void unregister_nodes(struct storage_batch *batch, unsigned int count)
{
	unsigned int i;

	lockdep_assert_held(&registry_lock);
	for (i = 0; i < count; i++)
		rb_erase(&batch->nodes[i].node, &registry);
}

/*
 * All of the batch's ranges or none. Also what is too small to be used: the same
 * sectors are not given twice, however few they are.
 */
static int register_batch(struct storage_batch *batch)
{
	struct range_node *n = batch->nodes;
	unsigned int i;
	int ret = 0;

	mutex_lock(&registry_lock);
	for (i = 0; i < batch->given_count; i++, n++) {
		sector_t start = n->given.start - n->use.bdev->bd_start_sect;

		if (!rb_find_add(&n->node, &registry, range_compare))
			continue;
		pr_err("%pg: refused as storage: sectors %llu to %llu are storage already\n",
		       n->use.bdev, start, start + n->given.count - 1);
		unregister_nodes(batch, i);
		ret = -EINVAL;
		break;
	}
	mutex_unlock(&registry_lock);
	return ret;
}

static int check_bdev(struct block_device *bdev)
{
	const char *why = NULL;

	if (bdev_read_only(bdev))
		why = "it is read-only";
	else if (bdev_is_zoned(bdev))
		why = "zoned devices are not supported";
	if (!why)
		return 0;
	pr_err("%pg: refused as storage: %s\n", bdev, why);
	return -EINVAL;
}

static int check_range(struct block_device *bdev, struct sector_range range)
{
	u32 align = bdev_logical_block_size(bdev) >> SECTOR_SHIFT;
	const char *why = NULL;

	if (!range_is_inside(range.start, range.count, bdev_nr_sectors(bdev)))
		why = "not inside the device";
	else if (!IS_ALIGNED(range.start | range.count, align))
		why = "not aligned to the device's logical block";
	if (!why)
		return 0;
	pr_err("%pg: refused as storage: %llu sectors from %llu are %s\n",
	       bdev, range.count, range.start, why);
	return -EINVAL;
}

/* Used ones come first, in order; from @end on are those that are too small. */
static void add_node(struct storage_batch *batch, struct block_device *bdev,
		     struct sector_range given, unsigned int *end)
{
	u32 unit = unit_sectors(bdev_logical_block_size(bdev));
	struct sector_range use = range_round_in(given, unit);
	struct range_node *n = &batch->nodes[use.count ? batch->count++ : --*end];

	n->disk = bdev->bd_disk;
	n->given.start = bdev->bd_start_sect + given.start;
	n->given.count = given.count;
	n->use.bdev = bdev;
	n->use.range = use;
}

/* A batch of checked ranges, which nobody knows of yet. */
static struct storage_batch *alloc_batch(struct block_device *bdev,
					 const struct sector_range *ranges,
					 unsigned int count)
{
	struct storage_batch *batch;
	unsigned int end = count, i;
	int ret;

	ret = check_bdev(bdev);
	for (i = 0; i < count && !ret; i++)
		ret = check_range(bdev, ranges[i]);
	if (ret)
		return ERR_PTR(ret);

	batch = kvzalloc(struct_size(batch, nodes, count),
			 GFP_KERNEL | __GFP_NOWARN);
	if (!batch)
		return ERR_PTR(-ENOMEM);
	batch->given_count = count;
	for (i = 0; i < count; i++)
		add_node(batch, bdev, ranges[i], &end);
	if (!batch->count) {
		pr_err("%pg: refused as storage: no whole unit of %u bytes in it\n",
		       bdev, unit_sectors(bdev_logical_block_size(bdev)) << SECTOR_SHIFT);
		kvfree(batch);
		return ERR_PTR(-EINVAL);
	}
	return batch;
}

static int make_batch(struct block_device *bdev, const struct sector_range *ranges,
		      unsigned int count, struct storage_batch **batch)
{
	struct storage_batch *b = alloc_batch(bdev, ranges, count);
	int ret;

	if (IS_ERR(b))
		return PTR_ERR(b);
	ret = register_batch(b);
	if (ret)
		kvfree(b);
	else
		*batch = b;
	return ret;
}

static void free_batch(struct storage_batch *batch)
{
	if (batch->bdev_file)
		bdev_fput(batch->bdev_file);
	if (batch->held_file)
		blksnap_storage_file_release(batch->held_file);
	kvfree(batch);
}

void blksnap_storage_batch_abandon(struct storage_batch *batch)
{
	mutex_lock(&registry_lock);
	WRITE_ONCE(removals, removals + 1);
	unregister_nodes(batch, batch->given_count);
	mutex_unlock(&registry_lock);
	free_batch(batch);
}

int blksnap_diff_storage_prepare_device(dev_t dev, const struct sector_range *ranges,
					unsigned int count, struct storage_batch **batch)
{
	struct file *bdev_file;
	int ret;

	/*
	 * For reading, though we shall write: that keeps the device just as
	 * well, and to open a mounted one for writing may be refused
	 * (CONFIG_BLK_DEV_WRITE_MOUNTED). Bios do not ask how it was opened.
	 */
	bdev_file = bdev_file_open_by_dev(dev, BLK_OPEN_READ, NULL, NULL);
	if (IS_ERR(bdev_file))
		return PTR_ERR(bdev_file);
	ret = make_batch(file_bdev(bdev_file), ranges, count, batch);
	if (ret)
		bdev_fput(bdev_file);
	else
		(*batch)->bdev_file = bdev_file;
	return ret;
}

int blksnap_diff_storage_prepare_file(struct file *file, struct storage_batch **batch)
{
	struct range_list list = {};
	struct file *held;
	int ret;

	held = blksnap_storage_file_hold(file);
	if (IS_ERR(held))
		return PTR_ERR(held);
	ret = blksnap_storage_file_map(held, &list);
	if (!ret)
		ret = make_batch(storage_file_bdev(held), list.array, list.count,
				 batch);
	if (ret)
		blksnap_storage_file_release(held);
	else
		(*batch)->held_file = held;
	kvfree(list.array);
	return ret;
}

unsigned int blksnap_storage_batch_count(const struct storage_batch *batch)
{
	return batch->count;
}

const struct storage_range *
blksnap_storage_batch_range(const struct storage_batch *batch,
			    unsigned int index)
{
	return &batch->nodes[index].use;
}

/* The present table of @storage and the nodes of @batch behind it. */
static struct range_table *extend_table(const struct range_table *old,
					struct storage_batch *batch)
{
	unsigned int old_count = old ? old->count : 0;
	struct range_table *table;
	unsigned int i;

	table = kvmalloc(struct_size(table, nodes, (size_t)old_count + batch->count),
			 GFP_KERNEL | __GFP_NOWARN);
	if (!table)
		return NULL;
	table->count = old_count + batch->count;
	if (old_count)
		memcpy(table->nodes, old->nodes, old_count * sizeof(*old->nodes));
	for (i = 0; i < batch->count; i++)
		table->nodes[old_count + i] = &batch->nodes[i];
	return table;
}

/* Gives each range of @batch its place, from @place on. Returns what follows. */
static place_t set_places(struct storage_batch *batch, place_t place)
{
	unsigned int i;

	for (i = 0; i < batch->count; i++) {
		batch->nodes[i].place = place;
		place += batch->nodes[i].use.range.count;
	}
	return place;
}

/* The room is there: to be handed out, and to be told of anew once low. */
static void raise_total(struct diff_storage *storage, sector_t total,
			struct event *event)
{
	unsigned long flags;

	spin_lock_irqsave(&storage->lock, flags);
	storage->total = total;
	swap(storage->low_event, event);
	spin_unlock_irqrestore(&storage->lock, flags);
	blksnap_event_free(event);
}

int blksnap_diff_storage_commit(struct diff_storage *storage,
				struct storage_batch *batch)
{
	struct range_table *old, *table;
	struct event *event;
	place_t end;

	event = blksnap_event_alloc(GFP_KERNEL);
	mutex_lock(&registry_lock);
	old = rcu_dereference_protected(storage->table,
					lockdep_is_held(&registry_lock));
	table = event ? extend_table(old, batch) : NULL;
	if (!table) {
		mutex_unlock(&registry_lock);
		blksnap_event_free(event);
		return -ENOMEM;
	}
	/* total is changed here only, so it may be read without its lock. */
	end = set_places(batch, storage->total);
	list_add_tail(&batch->link, &storage->batches);
	rcu_assign_pointer(storage->table, table);
	raise_total(storage, end, event);
	mutex_unlock(&registry_lock);

	if (old)
		kvfree_rcu(old, rcu);
	return 0;
}

static void send_low(struct diff_storage *storage, struct event *event)
{
	struct blk_snap_event_low_free_space data = {
		.requested_nr_sect = storage->portion,
	};

	blksnap_event_queue_send(storage->events, event,
				 blk_snap_event_code_low_free_space, &data, sizeof(data));
}

void blksnap_diff_storage_set_portion(struct diff_storage *storage, sector_t portion)
{
	unsigned long flags;

	spin_lock_irqsave(&storage->lock, flags);
	storage->portion = portion;
	spin_unlock_irqrestore(&storage->lock, flags);
}

bool blksnap_diff_storage_reserve(struct diff_storage *storage, sector_t sectors,
				  place_t *place)
{
	struct event *event = NULL;
	unsigned long flags;
	bool is_room;

	spin_lock_irqsave(&storage->lock, flags);
	is_room = sectors <= storage->total - storage->used;
	if (is_room) {
		*place = storage->used;
		storage->used += sectors;
	}
	if (!is_room || storage->total - storage->used <= storage->portion / 2)
		swap(storage->low_event, event);
	spin_unlock_irqrestore(&storage->lock, flags);

	if (event)
		send_low(storage, event);
	return is_room;
}

/* The last range that begins at @place or before. */
static const struct range_node *find_node(const struct range_table *table,
					  place_t place)
{
	unsigned int low = 0, high = table->count;

	while (high - low > 1) {
		unsigned int mid = low + (high - low) / 2;

		if (table->nodes[mid]->place <= place)
			low = mid;
		else
			high = mid;
	}
	return table->nodes[low];
}

sector_t blksnap_diff_storage_locate(struct diff_storage *storage, place_t place,
				     sector_t sectors, struct block_device **bdev,
				     sector_t *sector)
{
	const struct range_node *n;
	sector_t offset;

	/* The node lives as long as the storage; only the table may go. */
	rcu_read_lock();
	n = find_node(rcu_dereference(storage->table), place);
	rcu_read_unlock();

	offset = place - n->place;
	*bdev = n->use.bdev;
	*sector = n->use.range.start + offset;
	return min(sectors, n->use.range.count - offset);
}

void blksnap_diff_storage_usage(struct diff_storage *storage,
				struct storage_usage *usage)
{
	const struct range_table *table;
	unsigned long flags;

	rcu_read_lock();
	table = rcu_dereference(storage->table);
	usage->range_count = table ? table->count : 0;
	rcu_read_unlock();

	spin_lock_irqsave(&storage->lock, flags);
	usage->total = storage->total;
	usage->used = storage->used;
	spin_unlock_irqrestore(&storage->lock, flags);
}

int blksnap_diff_storage_range(struct diff_storage *storage, unsigned int index,
			       struct storage_range *range)
{
	const struct range_table *table;
	int ret = -ENOENT;

	rcu_read_lock();
	table = rcu_dereference(storage->table);
	if (table && index < table->count) {
		*range = table->nodes[index]->use;
		ret = 0;
	}
	rcu_read_unlock();
	return ret;
}

int blksnap_diff_storage_for_each(int (*fn)(const struct storage_range *range,
					    void *arg),
				  void *arg)
{
	struct rb_node *node;
	int ret = 0;

	mutex_lock(&registry_lock);
	for (node = rb_first(&registry); node && !ret; node = rb_next(node))
		ret = fn(&rb_entry(node, struct range_node, node)->use, arg);
	mutex_unlock(&registry_lock);
	return ret;
}

unsigned long blksnap_diff_storage_removals(void)
{
	return READ_ONCE(removals);
}

void blksnap_diff_storage_unregister(struct diff_storage *storage)
{
	struct storage_batch *batch;

	mutex_lock(&registry_lock);
	WRITE_ONCE(removals, removals + 1);
	list_for_each_entry(batch, &storage->batches, link)
		unregister_nodes(batch, batch->given_count);
	mutex_unlock(&registry_lock);
}

void blksnap_diff_storage_free(struct diff_storage *storage)
{
	struct storage_batch *batch, *next;

	list_for_each_entry_safe(batch, next, &storage->batches, link)
		free_batch(batch);
	/* Nobody looks anything up any more: no grace period is needed. */
	kvfree(rcu_dereference_protected(storage->table, true));
	blksnap_event_free(storage->low_event);
	kfree(storage);
}

struct diff_storage *blksnap_diff_storage_alloc(struct event_queue *events,
						sector_t portion)
{
	struct diff_storage *storage = kzalloc(sizeof(*storage), GFP_KERNEL);
	struct event *event = blksnap_event_alloc(GFP_KERNEL);

	if (!storage || !event) {
		blksnap_event_free(event);
		kfree(storage);
		return ERR_PTR(-ENOMEM);
	}
	storage->events = events;
	storage->portion = portion;
	INIT_LIST_HEAD(&storage->batches);
	spin_lock_init(&storage->lock);
	send_low(storage, event);
	return storage;
}
