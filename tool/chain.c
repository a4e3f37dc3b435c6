// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "chain.h"

static bool is_same_generation(const struct device_entry *a,
			       const struct device_entry *b)
{
	return !memcmp(&a->generation, &b->generation, sizeof(a->generation));
}

/* As it was when it was committed, as far as its size tells. */
static bool image_is_there(const struct repo *repo,
			   const struct device_entry *device)
{
	struct stat st;

	return !fstatat(repo->data_fd, device->image, &st, 0) &&
	       S_ISREG(st.st_mode) && (uint64_t)st.st_size == device->image_bytes;
}

/* Without them nothing that is based on the image could be restored. */
static bool are_hashes_there(const struct repo *repo,
			     const struct device_entry *device)
{
	struct stat st;

	return !fstatat(repo->data_fd, device->hashes, &st, 0) &&
	       S_ISREG(st.st_mode) && st.st_size;
}

static void explain_full(struct base *base, const struct device_entry *device,
			 const struct manifest *point,
			 const struct device_entry *last)
{
	char before[16], now[16];

	if (!last)
		snprintf(base->reason, sizeof(base->reason),
			 "first backup of this device here");
	else if (last->capacity != device->capacity)
		snprintf(base->reason, sizeof(base->reason),
			 "the size changed from %s to %s since %s",
			 format_size(last->capacity, before),
			 format_size(device->capacity, now), point->id);
	else
		snprintf(base->reason, sizeof(base->reason),
			 "tracking of changes started anew since %s (reboot, module reload, or the map was lost)",
			 point->id);
}

/* What is wrong with all that an increment would need, or NULL. */
static const char *chain_refusal(const struct repo *repo,
				 const struct base *base)
{
	const char *refusal = NULL;
	struct layer *layers;
	size_t count;

	if (chain_layers(repo, base->point, base->device, &layers, &count) != DONE)
		return "is based on a point that is not there as it was";
	for (size_t i = 0; !refusal && i < count; i++) {
		if (!image_is_there(repo, layers[i].device))
			refusal = layers[i].device == base->device ?
				  "has an image that is missing, or not as long as when it was committed" :
				  "is based on an image that is missing, or not as long as when it was committed";
		else if (!are_hashes_there(repo, layers[i].device))
			refusal = layers[i].device == base->device ?
				  "has lost the list of its hashes" :
				  "is based on an image that has lost the list of its hashes";
	}
	free(layers);
	return refusal;
}

static void judge_candidate(const struct repo *repo,
			    const struct device_entry *device,
			    struct base *base)
{
	const char *id = base->point->id, *refusal = NULL;

	if (base->device->capacity != device->capacity)
		refusal = "has another size although its tracking generation is the same";
	else if (base->device->number >= device->number)
		refusal = "has a snapshot number that does not precede this one's";
	else
		refusal = chain_refusal(repo, base);

	if (!refusal) {
		snprintf(base->reason, sizeof(base->reason),
			 "changes since %s (number %" PRIu64 " to %" PRIu64 ")",
			 id, base->device->number, device->number);
		return;
	}
	snprintf(base->reason, sizeof(base->reason), "%s %s", id, refusal);
	base->point = NULL;
	base->device = NULL;
}

void chain_find_base(const struct repo *repo, const struct device_entry *device,
		     struct base *base)
{
	const struct manifest *last_point = NULL;
	const struct device_entry *last = NULL;

	memset(base, 0, sizeof(*base));
	for (size_t i = 0; i < repo->count; i++) {
		const struct manifest *point = &repo->points[i];

		for (size_t d = 0; d < point->count; d++) {
			const struct device_entry *entry = &point->devices[d];

			if (!strcmp(entry->identity, device->identity)) {
				last = entry;
				last_point = point;
			}
			/*
			 * The last one, whatever the numbers say: of a machine that
			 * was put back to an earlier state, memory and all, there may
			 * be points of what then did not happen.
			 */
			if (is_same_generation(entry, device)) {
				base->device = entry;
				base->point = point;
			}
		}
	}
	if (base->device)
		judge_candidate(repo, device, base);
	else
		explain_full(base, device, last_point, last);
}

static const struct manifest *point_with_id(const struct repo *repo,
					    const char *id)
{
	for (size_t i = 0; i < repo->count; i++)
		if (!strcmp(repo->points[i].id, id))
			return &repo->points[i];
	return NULL;
}

static const struct device_entry *entry_with_image(const struct manifest *point,
						   const char *image)
{
	for (size_t d = 0; d < point->count; d++)
		if (!strcmp(point->devices[d].image, image))
			return &point->devices[d];
	return NULL;
}

/* The layer beneath, or NULL having said what is wrong with it. */
static bool parent_of(const struct repo *repo, const struct layer *child,
		      struct layer *parent)
{
	const char *id = child->device->parent_point;

	parent->point = point_with_id(repo, id);
	if (!parent->point) {
		say_error("the point %s needs %s, whose manifest is missing; bring %s/points/%s.json back from a copy",
			  child->point->id, id, repo->path, id);
		return false;
	}
	if (strcmp(parent->point->hash, child->device->parent_hash)) {
		say_error("the manifest of %s is not the one that %s was made upon; bring it back from a copy",
			  id, child->point->id);
		return false;
	}
	parent->device = entry_with_image(parent->point,
					  child->device->parent_image);
	if (!parent->device ||
	    parent->device->capacity != child->device->capacity) {
		say_error("the point %s has no image %s that %s could be based on",
			  id, child->device->parent_image, child->point->id);
		return false;
	}
	return true;
}

enum status chain_layers(const struct repo *repo, const struct manifest *point,
			 const struct device_entry *device,
			 struct layer **layers, size_t *count)
{
	struct layer *found = calloc(repo->count, sizeof(*found));
	size_t place = repo->count;

	if (!found) {
		say_error("no memory");
		return FAILED;
	}
	/* A parent is older than its child, so the array is long enough. */
	found[--place] = (struct layer){ .point = point, .device = device };
	while (found[place].device->is_increment) {
		struct layer parent;

		if (!place || !parent_of(repo, &found[place], &parent) ||
		    strcmp(parent.point->id, found[place].point->id) >= 0) {
			free(found);
			return MISMATCH;
		}
		found[--place] = parent;
	}
	*count = repo->count - place;
	memmove(found, found + place, *count * sizeof(*found));
	*layers = found;
	return DONE;
}
