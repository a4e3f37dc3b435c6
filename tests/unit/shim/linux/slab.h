/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_SLAB_H
#define SHIM_LINUX_SLAB_H

#include <linux/kernel.h>

#define GFP_KERNEL		1u
#define GFP_ATOMIC		2u
#define SLAB_TYPESAFE_BY_RCU	1u

/* The allocation after this many successful ones fails, once; -1: none. */
extern int shim_allocations_until_failure;

void *kzalloc(size_t bytes, gfp_t gfp);
void *kvcalloc(size_t count, size_t bytes, gfp_t gfp);
void kfree(const void *ptr);
void kvfree(const void *ptr);

/*
 * Objects of a cache stay mapped until the cache goes, and the last one freed
 * is the first one used again: the worst that SLAB_TYPESAFE_BY_RCU allows.
 */
struct kmem_cache;
struct kmem_cache *kmem_cache_create(const char *name, unsigned int bytes,
				     unsigned int align, unsigned int flags,
				     void (*ctor)(void *object));
void kmem_cache_destroy(struct kmem_cache *cache);
void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp);
void kmem_cache_free(struct kmem_cache *cache, void *object);

/* Objects in use, of all caches. */
extern int shim_objects;

#endif
