/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chains: which point an increment can be based on, and which images a point
 * needs. Looks at manifests, and at images only for whether they are there.
 */
#ifndef CHAIN_H
#define CHAIN_H

#include "manifest.h"
#include "repo.h"

/**
 * struct base - the outcome of the search for a base.
 * @point: the base, NULL if a full backup is needed.
 * @device: the device's entry in it.
 * @reason: why this one, or why none; for a person.
 */
struct base {
	const struct manifest *point;
	const struct device_entry *device;
	char reason[256];
};

/**
 * chain_find_base - finds what @device can be an increment of.
 * @device: its identity, capacity, generation and number as of the take.
 *
 * That is the last committed point of the same generation, whatever its number,
 * however many snapshots were taken since: the map tells what changed since
 * any number of its generation. Capacity must be the same, and all that the
 * point is itself based on must be there: else the increment could not be read.
 */
void chain_find_base(const struct repo *repo, const struct device_entry *device,
		     struct base *base);

/**
 * struct layer - an image that a point needs.
 * @point: where it belongs.
 * @device: its entry there.
 */
struct layer {
	const struct manifest *point;
	const struct device_entry *device;
};

/**
 * chain_layers - all images that a device of a point consists of.
 * @layers: on return an allocated array, the full backup first.
 *
 * MISMATCH: a parent is missing or is not the one that was there when the
 * child was made.
 */
enum status chain_layers(const struct repo *repo, const struct manifest *point,
			 const struct device_entry *device,
			 struct layer **layers, size_t *count);

#endif /* CHAIN_H */
