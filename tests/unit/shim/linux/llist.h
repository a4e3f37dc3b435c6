/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_LLIST_H
#define SHIM_LINUX_LLIST_H

#include <linux/kernel.h>

struct llist_node {
	struct llist_node *next;
};

struct llist_head {
	struct llist_node *first;
};

#define LLIST_HEAD(name)	struct llist_head name = { NULL }
#define llist_entry(ptr, type, member)	container_of(ptr, type, member)

static inline bool llist_empty(const struct llist_head *head)
{
	return !__atomic_load_n(&head->first, __ATOMIC_RELAXED);
}

static inline void llist_add(struct llist_node *node, struct llist_head *head)
{
	node->next = __atomic_load_n(&head->first, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&head->first, &node->next, node,
					    false, __ATOMIC_SEQ_CST,
					    __ATOMIC_RELAXED))
		;
}

static inline struct llist_node *llist_del_all(struct llist_head *head)
{
	return __atomic_exchange_n(&head->first, NULL, __ATOMIC_SEQ_CST);
}

#define llist_entry_or_null(ptr, type, member) ({ \
	struct llist_node *ptr_ = (ptr); \
	ptr_ ? llist_entry(ptr_, type, member) : NULL; })

#define llist_for_each_entry_safe(pos, n, node, member) \
	for (pos = llist_entry_or_null(node, typeof(*pos), member); \
	     pos && (n = llist_entry_or_null(pos->member.next, \
					     typeof(*pos), member), true); \
	     pos = n)

#endif
