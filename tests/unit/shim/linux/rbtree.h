/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's interface over a treap: see shim.c. */
#ifndef SHIM_LINUX_RBTREE_H
#define SHIM_LINUX_RBTREE_H

#include <linux/kernel.h>

struct rb_node {
	struct rb_node *parent;
	struct rb_node *rb_right;
	struct rb_node *rb_left;
};

struct rb_root {
	struct rb_node *rb_node;
};

#define RB_ROOT		((struct rb_root){ NULL })

#define rb_entry_safe(ptr, type, member) ({ \
	typeof(ptr) ptr_ = (ptr); \
	ptr_ ? container_of(ptr_, type, member) : NULL; })

static inline void rb_link_node(struct rb_node *node, struct rb_node *parent,
				struct rb_node **link)
{
	*node = (struct rb_node){ .parent = parent };
	WRITE_ONCE(*link, node);
}

void rb_insert_color(struct rb_node *node, struct rb_root *root);
void rb_erase(struct rb_node *node, struct rb_root *root);
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);
struct rb_node *rb_first_postorder(const struct rb_root *root);
struct rb_node *rb_next_postorder(const struct rb_node *node);

#define rbtree_postorder_for_each_entry_safe(pos, n, root, member) \
	for (pos = rb_entry_safe(rb_first_postorder(root), typeof(*pos), member); \
	     pos && (n = rb_entry_safe(rb_next_postorder(&pos->member), \
				       typeof(*pos), member), true); \
	     pos = n)

#endif
