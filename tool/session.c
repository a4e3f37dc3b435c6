// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "control.h"
#include "device.h"
#include "freeze.h"
#include "klog.h"
#include "session.h"
#include "test_stop.h"

/* What the module takes, as STORAGE_WRONG tells it. */
#define ROOM_MIN		(1ull << 20)
#define PORTION_MAX		(1ull << 40)
#define MEMORY_MAX		(64ull << 30)
#define STORAGE_SECONDS_MAX	3600

static int parse_seconds(const char *text, uint32_t *ms)
{
	char *end;
	unsigned long seconds = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || !seconds ||
	    seconds > STORAGE_SECONDS_MAX)
		return -EINVAL;
	*ms = (uint32_t)seconds * 1000;
	return 0;
}

/* None of them may be 0, which means that nothing was said. */
static int parse_room(const char *text, uint64_t most, uint64_t *bytes)
{
	int ret = parse_size(text, bytes);

	return !ret && (*bytes < ROOM_MIN || *bytes > most) ? -ERANGE : ret;
}

static int parse_sectors(const char *text, uint64_t *sectors)
{
	uint64_t bytes;
	int ret = parse_room(text, PORTION_MAX, &bytes);

	if (!ret)
		*sectors = bytes / 512;
	return ret;
}

bool storage_take_option(struct session_options *options, int option,
			 const char *argument, int *error)
{
	struct storage_options *storage = &options->storage;
	struct blksnap_limits *limits = &options->limits;

	*error = 0;
	switch (option) {
	case OPT_STORAGE:
		storage->dir = argument;
		return true;
	case OPT_STORAGE_DEVICE:
		storage->device = argument;
		return true;
	case OPT_STORAGE_SIZE:
		*error = parse_room(argument, UINT64_MAX, &storage->first_bytes);
		return true;
	case OPT_STORAGE_LIMIT:
		*error = parse_room(argument, UINT64_MAX, &storage->limit_bytes);
		return true;
	case OPT_STORAGE_PORTION:
		*error = parse_sectors(argument, &limits->storage_portion_sectors);
		return true;
	case OPT_STORAGE_TIMEOUT:
		*error = parse_seconds(argument, &limits->storage_timeout_ms);
		return true;
	case OPT_MEMORY_LIMIT:
		*error = parse_room(argument, MEMORY_MAX, &limits->memory_bytes);
		return true;
	}
	return false;
}

static enum status find_devices(struct session *session, char **words)
{
	enum status status = DONE;
	size_t room = 0;

	while (words[room])
		room++;
	session->devs = calloc(room + 1, sizeof(*session->devs));
	session->entries = calloc(room + 1, sizeof(*session->entries));
	if (!session->devs || !session->entries)
		return FAILED;
	for (size_t i = 0; status == DONE && i < room; i++) {
		status = device_of_word(words[i], &session->devs[i]);
		if (status == DONE)
			status = device_describe(session->devs[i],
						 &session->entries[i]);
		for (size_t j = 0; status == DONE && j < i; j++) {
			if (memcmp(&session->devs[i], &session->devs[j],
				   sizeof(session->devs[i])))
				continue;
			say_error("%s and %s are the same device; name it once",
				  words[j], words[i]);
			status = FAILED;
		}
		session->count = i + 1;
	}
	return status;
}

/* Which snapshot holds one of the devices already? */
static void tell_holder(const struct session *session)
{
	char text[BLKSNAP_UUID_STRING_SIZE];
	struct blk_snap_uuid *ids;
	size_t count;

	if (blksnap_snapshot_collect(session->fd, &ids, &count))
		return;
	for (size_t s = 0; s < count; s++) {
		struct blksnap_info info;

		if (blksnap_snapshot_info(session->fd, &ids[s], &info))
			continue;
		blksnap_uuid_unparse(&ids[s], text);
		for (uint32_t i = 0; i < info.fixed.image_count; i++)
			for (size_t d = 0; d < session->count; d++)
				if (!memcmp(&info.images[i].orig_dev_id,
					    &session->devs[d],
					    sizeof(session->devs[d])))
					say_hint("%s is in the snapshot %s; delete it with 'blksnap snapshot delete %s'",
						 session->entries[d].path, text,
						 text);
		blksnap_info_free(&info);
	}
	free(ids);
}

static enum status explain_create(const struct session *session, int error)
{
	switch (error) {
	case -EALREADY:
		say_error("a device is in another snapshot");
		tell_holder(session);
		return IN_USE;
	case -EOPNOTSUPP:
		say_error("the module refuses a device");
		return NO_MODULE;
	case -EBUSY:
		say_error("something else in the kernel holds the place where writes are seen");
		return NO_MODULE;
	case -ETIMEDOUT:
		say_error("I/O that was under way did not end in time; try again");
		return IN_USE;
	case -EPERM:
		say_error("snapshots need root; try again with sudo");
		return NO_MODULE;
	}
	say_error("no snapshot: %s", strerror(-error));
	return FAILED;
}

static enum status create(struct session *session)
{
	struct blk_snap_snapshot_create *call = &session->guardian.shared->create;
	int log = klog_mark(), ret;

	/* Not by the library, whose copy of the id would die with us. */
	call->count = (uint32_t)session->count;
	call->dev_id_array = session->devs;
	ret = ioctl(session->fd, IOCTL_BLK_SNAP_SNAPSHOT_CREATE, call) ? -errno : 0;
	if (ret) {
		enum status status = explain_create(session, ret);

		klog_tell(log);
		return status;
	}
	klog_close(log);
	session->id = call->id;
	test_stop("created");
	return DONE;
}

static struct storage_user user_of(const struct session *session)
{
	return (struct storage_user){ session->fd, session->id };
}

static enum status check_others(const struct session *session, dev_t dev,
				const char *path)
{
	const struct storage_user user = user_of(session);
	int ret = storage_spoils_another(&user, dev);

	if (!ret)
		return DONE;
	if (ret != -EBUSY) {
		say_error("the snapshots that there are: %s", strerror(-ret));
		return FAILED;
	}
	say_error("%s is a device of another snapshot, which would be spoilt; delete that ('blksnap status' shows it), or name another device",
		  path);
	return IN_USE;
}

static enum status give_device(struct session *session, const char *path)
{
	struct blk_snap_block_range range = { .sector_offset = 0 };
	struct blk_snap_dev dev;
	uint64_t bytes;
	enum status status;
	int log = klog_mark(), ret;

	status = device_of_word(path, &dev);
	if (status == DONE)
		status = storage_open_device(&session->feeder.storage, path,
					     &bytes);
	if (status == DONE)
		status = check_others(session, device_number(dev), path);
	if (status == DONE) {
		range.sector_count = bytes / 512;
		ret = blksnap_snapshot_append_storage(session->fd,
						      &session->id, dev,
						      &range, 1);
		if (ret) {
			say_error("%s cannot be used as storage: %s; name another device",
				  path, strerror(-ret));
			klog_tell(log);
			return FAILED;
		}
	}
	klog_close(log);
	return status;
}

static uint64_t total_capacity(const struct session *session)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < session->count; i++)
		bytes += session->entries[i].capacity;
	return bytes;
}

/* Uses the first place that works; the module refuses some. */
static int give_from(struct session *session,
		     const struct storage_options *options,
		     const struct storage_place *places, size_t count,
		     uint64_t first)
{
	const struct storage_user user = user_of(session);
	struct feeder *feeder = &session->feeder;
	int ret = -ENOSPC, worst = -ENOSPC;

	for (size_t i = 0; i < count; i++) {
		ret = storage_open(&feeder->storage, &user, &places[i],
				   options, first, total_capacity(session));
		if (!ret) {
			ret = feeder_give(feeder, first);
			if (!ret)
				return 0;
			storage_close(&feeder->storage);
		}
		if (ret != -ENOSPC)
			worst = ret;
	}
	return worst;
}

static enum status give_files(struct session *session,
			      const struct session_options *options)
{
	struct storage_place *places;
	uint64_t first;
	enum status status;
	size_t count;
	int log, ret;

	status = storage_places(&options->storage, session->devs, session->count,
				total_capacity(session), &places, &count);
	if (status != DONE)
		return status;
	ret = feeder_first_request(&session->feeder, &first);
	if (options->storage.first_bytes)
		first = options->storage.first_bytes;
	/* The first event has been sent before there was a limit. */
	else if (options->limits.storage_portion_sectors)
		first = options->limits.storage_portion_sectors * 512;
	log = klog_mark();
	if (!ret)
		ret = give_from(session, &options->storage, places, count, first);
	if (ret == -ENOSPC) {
		say_error("no file system has room to keep overwritten data; free some, or name a place with --storage or --storage-device");
		status = NO_ROOM;
	} else if (ret == -EBUSY) {
		say_error("where there is room for overwritten data, another snapshot has been taken of the device, and would be spoilt; delete that ('blksnap status' shows it), or name another place with --storage");
		status = IN_USE;
	} else if (ret) {
		say_error("no storage could be given%s%s: %s; name another place with --storage or --storage-device",
			  count == 1 ? " from " : "",
			  count == 1 ? places[0].dir : "", strerror(-ret));
		status = FAILED;
	}
	if (ret)
		klog_tell(log);
	else
		klog_close(log);
	free(places);
	return status;
}

static enum status explain_take(int error)
{
	if (error == -ETIMEDOUT) {
		say_error("the devices did not come to rest in time; try again when they are less busy");
		return IN_USE;
	}
	if (error == -EOPNOTSUPP) {
		say_error("a device can no longer be filtered");
		return NO_MODULE;
	}
	say_error("the snapshot could not be taken: %s", strerror(-error));
	return FAILED;
}

/* No word is printed between freeze and thaw: it could go to a frozen file. */
static enum status take(struct session *session, struct freezer *freezer)
{
	bool was_too_slow;
	unsigned int failed;
	int log = klog_mark(), ret;

	ret = freezer_freeze(freezer, &session->guardian, &failed);
	if (ret) {
		klog_close(log);
		say_error("%s could not be frozen: %s", freezer->names[failed],
			  strerror(-ret));
		return FAILED;
	}
	ret = blksnap_snapshot_take(session->fd, &session->id);
	was_too_slow = session->guardian.shared->was_too_slow;
	freezer_thaw(freezer, &session->guardian);
	if (ret) {
		enum status status = explain_take(ret);

		klog_tell(log);
		return status;
	}
	klog_close(log);
	if (was_too_slow)
		say_error("the take outlasted the freeze: file systems above the devices may need their journals replayed");
	test_stop("taken");
	return DONE;
}

static enum status read_info(struct session *session)
{
	int ret = blksnap_snapshot_info(session->fd, &session->id,
					&session->info);

	if (!ret && session->info.fixed.image_count != session->count)
		ret = -EPROTO;
	if (ret) {
		say_error("the snapshot's state: %s", strerror(-ret));
		return FAILED;
	}
	for (size_t i = 0; i < session->count; i++) {
		const struct blk_snap_info_image *image = &session->info.images[i];
		struct device_entry *entry = &session->entries[i];

		entry->capacity = image->capacity_sectors * 512;
		entry->generation = image->generation_id;
		entry->number = image->snap_number;
	}
	return DONE;
}

static enum status open_control(struct session *session)
{
	struct blk_snap_version version;
	enum status status = control_open(&session->fd);
	int ret;

	if (status != DONE)
		return status;
	ret = blksnap_version(session->fd, &version);
	if (ret) {
		say_error("the module does not tell its version: %s",
			  strerror(-ret));
		return NO_MODULE;
	}
	snprintf(session->module_version, sizeof(session->module_version),
		 "%u.%u.%u.%u", version.major, version.minor, version.revision,
		 version.build);
	return DONE;
}

static enum status give_storage(struct session *session,
				const struct session_options *options)
{
	enum status status;

	session->feeder.fd = session->fd;
	session->feeder.id = session->id;
	session->feeder.does_grow = !options->must_not_grow &&
				    !options->storage.device;
	if (options->storage.device)
		status = give_device(session, options->storage.device);
	else
		status = give_files(session, options);
	if (status == DONE)
		test_stop("storage-given");
	return status;
}

static enum status set_limits(const struct session *session,
			      const struct blksnap_limits *limits)
{
	static const struct blksnap_limits none;
	int ret;

	if (!memcmp(limits, &none, sizeof(none)))
		return DONE;
	ret = blksnap_snapshot_set_limits(session->fd, &session->id, limits);
	if (!ret)
		return DONE;
	if (ret == -EINVAL)
		say_error("the module refuses these limits; --memory-limit is from 1M to 64G, --storage-portion from 1M to 1T, --storage-timeout from 1 to 3600");
	else
		say_error("the snapshot's limits: %s", strerror(-ret));
	return FAILED;
}

static enum status take_guarded(struct session *session,
				const struct session_options *options,
				struct freezer *freezer)
{
	enum status status = create(session);

	if (status == DONE)
		status = set_limits(session, &options->limits);
	if (status == DONE)
		status = give_storage(session, options);
	if (status == DONE)
		status = take(session, freezer);
	if (status == DONE)
		status = read_info(session);
	return status;
}

static void forget(struct session *session)
{
	storage_close(&session->feeder.storage);
	blksnap_info_free(&session->info);
	if (session->fd >= 0)
		close(session->fd);
	free(session->devs);
	free(session->entries);
	memset(session, 0, sizeof(*session));
	session->fd = -1;
}

enum status session_take(struct session *session,
			 const struct session_options *options)
{
	struct freezer freezer = { .count = 0 };
	enum status status;

	memset(session, 0, sizeof(*session));
	session->fd = session->feeder.storage.dir_fd = -1;
	session->feeder.storage.device_fd = -1;
	status = open_control(session);
	if (status == DONE)
		status = find_devices(session, options->words);
	if (status == DONE)
		status = freezer_plan(&freezer, session->devs, session->count);
	if (status == DONE)
		status = guardian_start(&session->guardian, session->fd,
					freezer.fds, freezer.count);
	if (status == DONE) {
		status = take_guarded(session, options, &freezer);
		if (status != DONE)
			guardian_stop(&session->guardian);
	}
	freezer_close(&freezer);
	if (status != DONE)
		forget(session);
	return status;
}

static enum status tell_corrupt(const struct session *session, int error)
{
	char given[16];

	if (error != ENOSPC) {
		say_error("the snapshot is corrupt: %s; 'dmesg' says more, the devices themselves are unharmed",
			  strerror(error));
		return OVERFLOWED;
	}
	say_error("the snapshot overflowed: the room for overwritten data ran out (%s were given); the devices themselves are unharmed",
		  format_size(session->feeder.storage.given, given));
	say_hint("try again when less is written, with more room on %s, with --storage DIR on another file system%s",
		 *session->feeder.storage.dir ? session->feeder.storage.dir :
						"the storage",
		 session->feeder.storage.limit == UINT64_MAX ? "" :
		 ", or with a larger --storage-limit");
	return OVERFLOWED;
}

enum status session_check(const struct session *session)
{
	struct blksnap_info info;
	enum status status = DONE;
	int ret = blksnap_snapshot_info(session->fd, &session->id, &info);

	if (ret) {
		say_error("the snapshot is gone (%s): somebody has deleted it; try again",
			  strerror(-ret));
		return FAILED;
	}
	if (info.fixed.state == blk_snap_snapshot_state_corrupt)
		status = tell_corrupt(session, info.fixed.error);
	for (size_t i = 0; status == DONE && i < session->count; i++) {
		const struct device_entry *entry = &session->entries[i];
		struct blk_snap_cbt_info tracker;

		ret = blksnap_tracker_find(session->fd, session->devs[i],
					   &tracker);
		if (!ret && !memcmp(&tracker.generation_id, &entry->generation,
				    sizeof(entry->generation)) &&
		    tracker.snap_number == entry->number)
			continue;
		say_error("the tracking of %s is not the one of the snapshot any more; try again",
			  entry->path);
		status = FAILED;
	}
	blksnap_info_free(&info);
	return status;
}

void session_destroy(struct session *session)
{
	int ret;

	feeder_stop(&session->feeder);
	ret = blksnap_snapshot_destroy(session->fd, &session->id);
	if (ret && ret != -ENODEV)
		say_error("the snapshot could not be deleted: %s",
			  strerror(-ret));
	session->guardian.shared->must_destroy = ret && ret != -ENODEV;
	guardian_stop(&session->guardian);
	forget(session);
}

enum status session_leave(struct session *session)
{
	/* Only who gives more, or holds a device, has a reason to stay. */
	bool needs_feeder = session->feeder.does_grow ||
			    session->feeder.storage.device_fd >= 0;
	enum status status = DONE;

	feeder_stop(&session->feeder);
	if (needs_feeder)
		status = feeder_leave_behind(&session->feeder);
	if (status != DONE) {
		session_destroy(session);
		return status;
	}
	session->guardian.shared->must_destroy = false;
	guardian_stop(&session->guardian);
	forget(session);
	return DONE;
}
