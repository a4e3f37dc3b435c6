// SPDX-License-Identifier: GPL-2.0-only
/*
 * Manifests to JSON and back. One table says what a key is called and where it
 * is kept, for both ways; so what was written can be read.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest.h"

enum field_kind { TEXT, NUMBER, UUID };

struct field {
	const char *key;
	enum field_kind kind;
	size_t offset;
	size_t size;
};

#define FIELD(type, member, json_key, json_kind) { \
	.key = (json_key), .kind = (json_kind), \
	.offset = offsetof(struct type, member), \
	.size = sizeof(((struct type *)0)->member), \
}

static const struct field point_fields[] = {
	FIELD(manifest, id, "id", TEXT),
	FIELD(manifest, created, "created", TEXT),
	FIELD(manifest, hostname, "hostname", TEXT),
	FIELD(manifest, tool_version, "tool_version", TEXT),
	FIELD(manifest, module_version, "module_version", TEXT),
	FIELD(manifest, snapshot, "snapshot_id", UUID),
	{ .key = NULL },
};

static const struct field device_fields[] = {
	FIELD(device_entry, name, "name", TEXT),
	FIELD(device_entry, path, "path", TEXT),
	FIELD(device_entry, major, "major", NUMBER),
	FIELD(device_entry, minor, "minor", NUMBER),
	FIELD(device_entry, identity, "identity", TEXT),
	FIELD(device_entry, serial, "serial", TEXT),
	FIELD(device_entry, part_uuid, "part_uuid", TEXT),
	FIELD(device_entry, fs_type, "fs_type", TEXT),
	FIELD(device_entry, fs_uuid, "fs_uuid", TEXT),
	FIELD(device_entry, fs_label, "fs_label", TEXT),
	FIELD(device_entry, mount_point, "mount_point", TEXT),
	FIELD(device_entry, capacity, "capacity", NUMBER),
	FIELD(device_entry, logical_block_size, "logical_block_size", NUMBER),
	FIELD(device_entry, tracking_block_size, "tracking_block_size", NUMBER),
	FIELD(device_entry, generation, "generation_id", UUID),
	FIELD(device_entry, number, "snap_number", NUMBER),
	FIELD(device_entry, reason, "reason", TEXT),
	FIELD(device_entry, image, "image", TEXT),
	FIELD(device_entry, image_bytes, "image_bytes", NUMBER),
	FIELD(device_entry, hashes, "hashes", TEXT),
	FIELD(device_entry, hashes_hash, "hashes_xxh3_128", TEXT),
	FIELD(device_entry, bytes_read, "bytes_read", NUMBER),
	FIELD(device_entry, bytes_stored, "bytes_stored", NUMBER),
	FIELD(device_entry, extent_count, "extent_count", NUMBER),
	{ .key = NULL },
};

static const struct field parent_fields[] = {
	FIELD(device_entry, parent_point, "point", TEXT),
	FIELD(device_entry, parent_hash, "manifest_xxh3_128", TEXT),
	FIELD(device_entry, parent_image, "image", TEXT),
	{ .key = NULL },
};

static struct json_object *value_of(const struct field *field,
				    const void *record)
{
	const void *place = (const char *)record + field->offset;
	char uuid[BLKSNAP_UUID_STRING_SIZE];

	if (field->kind == NUMBER)
		return json_object_new_uint64(*(const uint64_t *)place);
	if (field->kind == TEXT)
		return json_object_new_string(place);
	blksnap_uuid_unparse(place, uuid);
	return json_object_new_string(uuid);
}

static void put_fields(struct json_object *object, const struct field *fields,
		       const void *record)
{
	for (; fields->key; fields++)
		json_object_object_add(object, fields->key,
				       value_of(fields, record));
}

static struct json_object *storage_to_json(const struct blksnap_extents *storage)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < storage->count; i++) {
		struct json_object *range = json_object_new_object();

		json_object_object_add(range, "offset",
			json_object_new_uint64(storage->items[i].offset));
		json_object_object_add(range, "length",
			json_object_new_uint64(storage->items[i].length));
		json_object_array_add(array, range);
	}
	return array;
}

static struct json_object *device_to_json(const struct device_entry *device)
{
	struct json_object *object = json_object_new_object();
	struct json_object *parent = NULL;

	put_fields(object, device_fields, device);
	json_object_object_add(object, "kind",
		json_object_new_string(device->is_increment ? "increment" :
							      "full"));
	json_object_object_add(object, "image_format",
			       json_object_new_string("qcow2"));
	if (device->is_increment) {
		parent = json_object_new_object();
		put_fields(parent, parent_fields, device);
	}
	json_object_object_add(object, "parent", parent);
	json_object_object_add(object, "storage_ranges",
			       storage_to_json(&device->storage));
	return object;
}

struct json_object *manifest_to_json(const struct manifest *manifest)
{
	struct json_object *object = json_object_new_object();
	struct json_object *devices = json_object_new_array();

	json_object_object_add(object, "schema",
			       json_object_new_string(MANIFEST_SCHEMA));
	json_object_object_add(object, "schema_version",
			       json_object_new_int(MANIFEST_SCHEMA_VERSION));
	put_fields(object, point_fields, manifest);
	for (size_t i = 0; i < manifest->count; i++)
		json_object_array_add(devices,
				      device_to_json(&manifest->devices[i]));
	json_object_object_add(object, "devices", devices);
	return object;
}

char *manifest_to_text(const struct manifest *manifest)
{
	struct json_object *object = manifest_to_json(manifest);
	const char *text = json_object_to_json_string_ext(object,
				JSON_C_TO_STRING_PRETTY |
				JSON_C_TO_STRING_SPACED |
				JSON_C_TO_STRING_NOSLASHESCAPE);
	char *copy = NULL;

	if (text && asprintf(&copy, "%s\n", text) < 0)
		copy = NULL;
	json_object_put(object);
	return copy;
}

static int get_field(struct json_object *object, const struct field *field,
		     void *record)
{
	char *place = (char *)record + field->offset;
	struct json_object *value;
	const char *text;

	if (!json_object_object_get_ex(object, field->key, &value))
		return -EBADMSG;
	if (field->kind == NUMBER) {
		if (!json_object_is_type(value, json_type_int))
			return -EBADMSG;
		*(uint64_t *)(void *)place = json_object_get_uint64(value);
		return 0;
	}
	if (!json_object_is_type(value, json_type_string))
		return -EBADMSG;
	text = json_object_get_string(value);
	if (field->kind == UUID)
		return blksnap_uuid_parse(text, (void *)place) ? -EBADMSG : 0;
	if (strlen(text) >= field->size)
		return -EBADMSG;
	strcpy(place, text);
	return 0;
}

static int get_fields(struct json_object *object, const struct field *fields,
		      void *record)
{
	int ret = 0;

	for (; !ret && fields->key; fields++)
		ret = get_field(object, fields, record);
	return ret;
}

static int get_storage(struct json_object *object,
		       struct blksnap_extents *storage)
{
	struct json_object *array, *offset, *length;
	int ret = 0;

	if (!json_object_object_get_ex(object, "storage_ranges", &array) ||
	    !json_object_is_type(array, json_type_array))
		return -EBADMSG;
	for (size_t i = 0; !ret && i < json_object_array_length(array); i++) {
		struct json_object *range = json_object_array_get_idx(array, i);

		if (!json_object_object_get_ex(range, "offset", &offset) ||
		    !json_object_object_get_ex(range, "length", &length))
			return -EBADMSG;
		ret = blksnap_extents_add(storage,
					  json_object_get_uint64(offset),
					  json_object_get_uint64(length));
	}
	return ret == -EINVAL ? -EBADMSG : ret;
}

/* A name that becomes part of a path must not lead out of its directory. */
static bool is_plain_file_name(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/');
}

static int device_from_json(struct json_object *object,
			    struct device_entry *device)
{
	struct json_object *parent;
	int ret = get_fields(object, device_fields, device);

	if (ret)
		return ret;
	if (!is_plain_file_name(device->image) ||
	    !is_plain_file_name(device->hashes))
		return -EBADMSG;
	if (!json_object_object_get_ex(object, "parent", &parent))
		return -EBADMSG;
	if (parent) {
		device->is_increment = true;
		ret = get_fields(parent, parent_fields, device);
		if (ret)
			return ret;
		if (!is_plain_file_name(device->parent_point) ||
		    !is_plain_file_name(device->parent_image))
			return -EBADMSG;
	}
	return get_storage(object, &device->storage);
}

static int check_schema(struct json_object *object)
{
	struct json_object *schema, *version;

	if (!json_object_object_get_ex(object, "schema", &schema) ||
	    !json_object_is_type(schema, json_type_string) ||
	    strcmp(json_object_get_string(schema), MANIFEST_SCHEMA) ||
	    !json_object_object_get_ex(object, "schema_version", &version))
		return -EBADMSG;
	return json_object_get_int(version) > MANIFEST_SCHEMA_VERSION ?
	       -EPROTONOSUPPORT : 0;
}

static int from_json(struct manifest *manifest, struct json_object *object)
{
	struct json_object *devices;
	int ret = check_schema(object);

	if (!ret)
		ret = get_fields(object, point_fields, manifest);
	if (ret)
		return ret;
	if (!json_object_object_get_ex(object, "devices", &devices) ||
	    !json_object_is_type(devices, json_type_array) ||
	    !json_object_array_length(devices))
		return -EBADMSG;
	for (size_t i = 0; !ret && i < json_object_array_length(devices); i++) {
		struct device_entry *device = manifest_add_device(manifest);

		if (!device)
			return -ENOMEM;
		ret = device_from_json(json_object_array_get_idx(devices, i),
				       device);
	}
	return ret;
}

int manifest_from_text(struct manifest *manifest, const char *text)
{
	struct json_object *object = json_tokener_parse(text);
	uint8_t hash[16];
	int ret;

	memset(manifest, 0, sizeof(*manifest));
	if (!object)
		return -EBADMSG;
	ret = from_json(manifest, object);
	json_object_put(object);
	if (ret) {
		manifest_free(manifest);
		return ret;
	}
	hash_memory(text, strlen(text), hash);
	hash_to_text(hash, manifest->hash);
	return 0;
}

void manifest_free(struct manifest *manifest)
{
	for (size_t i = 0; i < manifest->count; i++)
		blksnap_extents_free(&manifest->devices[i].storage);
	free(manifest->devices);
	memset(manifest, 0, sizeof(*manifest));
}

struct device_entry *manifest_add_device(struct manifest *manifest)
{
	struct device_entry *devices = reallocarray(manifest->devices,
						    manifest->count + 1,
						    sizeof(*devices));

	if (!devices)
		return NULL;
	manifest->devices = devices;
	memset(&devices[manifest->count], 0, sizeof(*devices));
	return &devices[manifest->count++];
}

static bool is_called(const struct device_entry *device, const char *word)
{
	return !strcmp(word, device->mount_point) ||
	       !strcmp(word, device->serial) ||
	       !strcmp(word, device->fs_uuid);
}

static void tell_several(const struct manifest *manifest, const char *word)
{
	say_error("'%s' fits several devices of the point %s; take the name of one",
		  word, manifest->id);
	for (size_t i = 0; i < manifest->count; i++)
		if (is_called(&manifest->devices[i], word))
			say_hint("%s  %s %s", manifest->devices[i].name,
				 manifest->devices[i].path,
				 manifest->devices[i].mount_point);
}

struct device_entry *manifest_find(const struct manifest *manifest,
				   const char *word)
{
	struct device_entry *found = NULL;

	for (size_t i = 0; *word && i < manifest->count; i++)
		if (!strcmp(word, manifest->devices[i].name) ||
		    !strcmp(word, manifest->devices[i].path))
			return &manifest->devices[i];
	for (size_t i = 0; *word && i < manifest->count; i++) {
		if (!is_called(&manifest->devices[i], word))
			continue;
		if (found) {
			tell_several(manifest, word);
			return NULL;
		}
		found = &manifest->devices[i];
	}
	if (!found)
		say_error("the point %s holds no device '%s'; 'blksnap restore --list' shows those it has",
			  manifest->id, word);
	return found;
}
