// SPDX-License-Identifier: GPL-2.0-only
/*
 * shim: as much of a kernel as the pure rooms need, in user space.
 */
#include <pthread.h>
#include <stdlib.h>

#include <linux/hrtimer.h>
#include <linux/kernel.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include <linux/wait.h>

/* -- hooks ---------------------------------------------------------------- */

__thread void (*shim_on_read)(void);
__thread void (*shim_on_write)(void);
int shim_warnings;

void shim_call(void (*hook)(void))
{
	static __thread bool is_inside;

	if (!hook || is_inside)
		return;
	is_inside = true;
	hook();
	is_inside = false;
}

/* -- uuid ----------------------------------------------------------------- */

void uuid_gen(uuid_t *uuid)
{
	static u32 drawn;
	u32 number = __atomic_add_fetch(&drawn, 1, __ATOMIC_RELAXED);

	memset(uuid, 0, sizeof(*uuid));
	memcpy(uuid, &number, sizeof(number));
}

/* -- slab ----------------------------------------------------------------- */

int shim_allocations_until_failure = -1;
int shim_objects;

struct kmem_cache {
	pthread_mutex_t lock;
	unsigned int bytes;
	unsigned int made, room;
	unsigned int unused;
	void **objects;			/* all that were ever made */
	void **stack;			/* the unused ones */
};

static bool has_to_fail(void)
{
	if (shim_allocations_until_failure < 0)
		return false;
	return shim_allocations_until_failure-- == 0;
}

void *kvcalloc(size_t count, size_t bytes, gfp_t gfp)
{
	(void)gfp;
	return has_to_fail() ? NULL : calloc(count, bytes);
}

void *kzalloc(size_t bytes, gfp_t gfp)
{
	return kvcalloc(1, bytes, gfp);
}

void kvfree(const void *ptr)
{
	free((void *)ptr);
}

void kfree(const void *ptr)
{
	free((void *)ptr);
}

struct kmem_cache *kmem_cache_create(const char *name, unsigned int bytes,
				     unsigned int align, unsigned int flags,
				     void (*ctor)(void *object))
{
	struct kmem_cache *cache = kzalloc(sizeof(*cache), GFP_KERNEL);

	(void)name, (void)align, (void)flags, (void)ctor;
	if (cache) {
		pthread_mutex_init(&cache->lock, NULL);
		cache->bytes = bytes;
	}
	return cache;
}

void kmem_cache_destroy(struct kmem_cache *cache)
{
	while (cache->made)
		free(cache->objects[--cache->made]);
	free(cache->objects);
	free(cache->stack);
	free(cache);
}

static void *make_object(struct kmem_cache *cache)
{
	void *object = malloc(cache->bytes);

	memset(object, 0xa5, cache->bytes);
	if (cache->made == cache->room) {
		cache->room = cache->room * 2 + 64;
		cache->objects = realloc(cache->objects,
					 cache->room * sizeof(void *));
		cache->stack = realloc(cache->stack,
				       cache->room * sizeof(void *));
	}
	cache->objects[cache->made++] = object;
	return object;
}

void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	void *object;

	(void)gfp;
	if (has_to_fail())
		return NULL;
	pthread_mutex_lock(&cache->lock);
	object = cache->unused ? cache->stack[--cache->unused]
			       : make_object(cache);
	shim_objects++;
	pthread_mutex_unlock(&cache->lock);
	return object;
}

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	pthread_mutex_lock(&cache->lock);
	cache->stack[cache->unused++] = object;
	shim_objects--;
	pthread_mutex_unlock(&cache->lock);
}

/* -- rbtree: a treap, whose priorities are a hash of the node's address ----- */

static u64 priority(const struct rb_node *node)
{
	u64 hash = (uintptr_t)node * 0x9e3779b97f4a7c15ull;

	return (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9ull;
}

static struct rb_node **link_to(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *parent = node->parent;

	if (!parent)
		return &root->rb_node;
	return parent->rb_left == node ? &parent->rb_left : &parent->rb_right;
}

/* Moves @node to the place of its parent, which becomes its child. */
static void rotate_up(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *parent = node->parent;
	struct rb_node **link = link_to(parent, root), *moved;

	if (parent->rb_left == node) {
		moved = node->rb_right;
		WRITE_ONCE(parent->rb_left, moved);
		WRITE_ONCE(node->rb_right, parent);
	} else {
		moved = node->rb_left;
		WRITE_ONCE(parent->rb_right, moved);
		WRITE_ONCE(node->rb_left, parent);
	}
	WRITE_ONCE(*link, node);
	if (moved)
		moved->parent = parent;
	node->parent = parent->parent;
	parent->parent = node;
}

void rb_insert_color(struct rb_node *node, struct rb_root *root)
{
	while (node->parent && priority(node->parent) < priority(node))
		rotate_up(node, root);
}

void rb_erase(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *child;

	while (node->rb_left && node->rb_right) {
		if (priority(node->rb_left) > priority(node->rb_right))
			rotate_up(node->rb_left, root);
		else
			rotate_up(node->rb_right, root);
	}
	child = node->rb_left ? node->rb_left : node->rb_right;
	WRITE_ONCE(*link_to(node, root), child);
	if (child)
		child->parent = node->parent;
}

static struct rb_node *leftmost(struct rb_node *node)
{
	while (node && node->rb_left)
		node = node->rb_left;
	return node;
}

struct rb_node *rb_first(const struct rb_root *root)
{
	return leftmost(root->rb_node);
}

struct rb_node *rb_next(const struct rb_node *node)
{
	if (node->rb_right)
		return leftmost(node->rb_right);
	while (node->parent && node->parent->rb_right == node)
		node = node->parent;
	return node->parent;
}

struct rb_node *rb_prev(const struct rb_node *node)
{
	struct rb_node *below = node->rb_left;

	if (below) {
		while (below->rb_right)
			below = below->rb_right;
		return below;
	}
	while (node->parent && node->parent->rb_left == node)
		node = node->parent;
	return node->parent;
}

static struct rb_node *first_leaf(struct rb_node *node)
{
	while (node && (node->rb_left || node->rb_right))
		node = node->rb_left ? node->rb_left : node->rb_right;
	return node;
}

struct rb_node *rb_first_postorder(const struct rb_root *root)
{
	return first_leaf(root->rb_node);
}

struct rb_node *rb_next_postorder(const struct rb_node *node)
{
	struct rb_node *parent = node->parent;

	if (parent && parent->rb_left == node && parent->rb_right)
		return first_leaf(parent->rb_right);
	return parent;
}

/* -- tasks, sleep and time: one lock for all, one condition for each change -- */

struct task_struct {
	struct list_head link;		/* in sleepers, while in schedule */
	ktime_t deadline;
	bool is_sleepy;			/* from prepare_to_wait to a wake-up */
	bool has_signal;
};

static pthread_mutex_t sched_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t sched_change = PTHREAD_COND_INITIALIZER;
static ktime_t now = 1000000000000;
static struct list_head sleepers = { &sleepers, &sleepers };

void (*shim_before_wait)(void);
void (*shim_after_sleep)(void);

/* Whoever gets here first calls the hook. */
static void call_once(void (**hook)(void))
{
	void (*taken)(void) = __atomic_exchange_n(hook, NULL, __ATOMIC_SEQ_CST);

	if (taken)
		taken();
}

struct task_struct *shim_current(void)
{
	static __thread struct task_struct task;

	return &task;
}

bool signal_pending(struct task_struct *task)
{
	return __atomic_load_n(&task->has_signal, __ATOMIC_SEQ_CST);
}

void shim_set_signal(struct task_struct *task, bool is_pending)
{
	pthread_mutex_lock(&sched_lock);
	__atomic_store_n(&task->has_signal, is_pending, __ATOMIC_SEQ_CST);
	pthread_cond_broadcast(&sched_change);
	pthread_mutex_unlock(&sched_lock);
}

ktime_t ktime_get(void)
{
	return __atomic_load_n(&now, __ATOMIC_SEQ_CST);
}

void shim_advance_clock(u64 ms)
{
	pthread_mutex_lock(&sched_lock);
	__atomic_store_n(&now, ktime_add_ms(now, ms), __ATOMIC_SEQ_CST);
	pthread_cond_broadcast(&sched_change);
	pthread_mutex_unlock(&sched_lock);
}

static bool may_sleep_on(const struct task_struct *task)
{
	return task->is_sleepy && !task->has_signal && now < task->deadline;
}

int schedule_hrtimeout(ktime_t *deadline, enum hrtimer_mode mode)
{
	struct task_struct *task = current;
	int ret;

	(void)mode;
	pthread_mutex_lock(&sched_lock);
	task->deadline = *deadline;
	list_add_tail(&task->link, &sleepers);
	pthread_cond_broadcast(&sched_change);
	while (may_sleep_on(task))
		pthread_cond_wait(&sched_change, &sched_lock);
	list_del_init(&task->link);
	task->is_sleepy = false;
	ret = now < *deadline ? -EINTR : 0;
	pthread_mutex_unlock(&sched_lock);

	call_once(&shim_after_sleep);
	return ret;
}

static int count_sleepers(void)
{
	struct task_struct *task, *next;
	int count = 0;

	list_for_each_entry_safe(task, next, &sleepers, link)
		count += may_sleep_on(task);
	return count;
}

void shim_await_sleepers(int count)
{
	pthread_mutex_lock(&sched_lock);
	while (count_sleepers() != count)
		pthread_cond_wait(&sched_change, &sched_lock);
	pthread_mutex_unlock(&sched_lock);
}

void init_waitqueue_head(wait_queue_head_t *queue)
{
	INIT_LIST_HEAD(&queue->waiters);
}

void prepare_to_wait_exclusive(wait_queue_head_t *queue,
			       struct wait_queue_entry *wait, int state)
{
	(void)state;
	call_once(&shim_before_wait);
	pthread_mutex_lock(&sched_lock);
	if (list_empty(&wait->entry))
		list_add_tail(&wait->entry, &queue->waiters);
	wait->task->is_sleepy = true;
	pthread_mutex_unlock(&sched_lock);
}

void finish_wait(wait_queue_head_t *queue, struct wait_queue_entry *wait)
{
	(void)queue;
	pthread_mutex_lock(&sched_lock);
	list_del_init(&wait->entry);
	wait->task->is_sleepy = false;
	pthread_mutex_unlock(&sched_lock);
}

static void wake(wait_queue_head_t *queue, int count)
{
	struct wait_queue_entry *wait, *next;

	pthread_mutex_lock(&sched_lock);
	list_for_each_entry_safe(wait, next, &queue->waiters, entry) {
		if (!count--)
			break;
		list_del_init(&wait->entry);
		wait->task->is_sleepy = false;
	}
	pthread_cond_broadcast(&sched_change);
	pthread_mutex_unlock(&sched_lock);
}

void wake_up(wait_queue_head_t *queue)
{
	wake(queue, 1);
}

void wake_up_all(wait_queue_head_t *queue)
{
	wake(queue, -1);
}
