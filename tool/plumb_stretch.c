// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plumbing: blksnap stretch_snapshot, which feeds one snapshot for its life.
 *
 * It sleeps in the wait for an event and nowhere else. Only while something is
 * owed, because the file system was full, it looks every second whether there
 * is room again. Events wait in the module, so none is lost while a file is
 * being made, and each is answered in its turn.
 *
 * What the module was given it keeps: when we end before the snapshot does, by
 * a signal or because it is corrupt, the files stay until the snapshot is gone,
 * and the keeper removes them then.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "klog.h"
#include "plumb.h"
#include "stretch_files.h"

#define OWED_WAIT_MS	1000
#define MiB		((uint64_t)1 << 20)

/**
 * struct stretch - one run.
 * @fd: control node.
 * @args: the command line.
 * @files: where the room comes from.
 * @is_on_origin: the files lie on a device of the snapshot.
 * @capacity: bytes of all devices together.
 * @owed: bytes that were asked for and not given.
 * @last_given: size of the last file.
 * @has_complained: of what is owed.
 */
struct stretch {
	int fd;
	const struct plumb_args *args;
	struct stretch_files files;
	bool is_on_origin;
	uint64_t capacity;
	uint64_t owed;
	uint64_t last_given;
	bool has_complained;
};

static bool is_taken(void *context)
{
	struct stretch *stretch = context;
	struct blksnap_info info;
	bool ret;

	if (blksnap_snapshot_info(stretch->fd, &stretch->args->id, &info))
		return true;
	ret = info.fixed.state != blk_snap_snapshot_state_new;
	blksnap_info_free(&info);
	return ret;
}

static uint64_t bytes_free(struct stretch *stretch)
{
	struct blksnap_info info;
	uint64_t sectors;

	if (blksnap_snapshot_info(stretch->fd, &stretch->args->id, &info))
		return 0;
	sectors = info.fixed.storage_sectors - info.fixed.storage_used_sectors;
	blksnap_info_free(&info);
	return sectors * 512;
}

static void complain(struct stretch *stretch, int ret)
{
	const char *path = stretch->args->path;

	if (stretch->has_complained)
		return;
	stretch->has_complained = true;
	if (ret == -EDQUOT) {
		say_error("%s: %" PRIu64 " MiB are given, and no more will be; the snapshot lasts as long as these do",
			  path, stretch->files.given / MiB);
		say_hint("give it more with 'blksnap snapshot_appendstorage', and next time a larger --limit%s",
			 stretch->is_on_origin ? " or a path that is not on a device of the snapshot" : "");
		return;
	}
	if (ret == -EBUSY) {
		say_error("%s: another snapshot has been taken of that device, and a file made now could spoil it",
			  path);
		say_hint("delete that one, or give storage elsewhere with 'blksnap snapshot_appendstorage'");
		return;
	}
	say_error("%s: no %" PRIu64 " MiB for the snapshot: %s", path,
		  stretch->owed / MiB, strerror(-ret));
	say_hint("make room there; it is tried again every second");
}

/* Errors that another try would meet again. */
static bool is_final(int ret)
{
	switch (ret) {
	case -EACCES:
	case -EBADF:
	case -EINVAL:
	case -EISDIR:
	case -ENOENT:
	case -ENOSYS:
	case -EOPNOTSUPP:
	case -EPERM:
	case -EROFS:
		return true;
	}
	return false;
}

/* Returns 0 or -errno; says what the kernel has against the file. */
static int append(struct stretch *stretch, const struct storage_file *file)
{
	int log = klog_mark(), ret;

	ret = blksnap_snapshot_append_file(stretch->fd, &stretch->args->id,
					   file->fd, NULL);
	close(file->fd);
	if (!ret) {
		klog_close(log);
		stretch->last_given = file->bytes;
		return 0;
	}
	stretch_files_withdraw(&stretch->files, file);
	if (is_final(ret))
		klog_tell(log);
	else
		klog_close(log);
	return ret;
}

/*
 * Where less was given than asked for, the next request comes at once. It is
 * answered when half of that is used, so that a full file system is not
 * emptied of its last blocks for nothing. At the limit there is no use waiting.
 */
static bool can_wait(struct stretch *stretch)
{
	return stretch->last_given && stretch->last_given < stretch->owed &&
	       stretch->files.limit - stretch->files.given >= MiB &&
	       bytes_free(stretch) > stretch->last_given / 2;
}

/* FAILED: nothing can ever be given here, and it has said why. */
static enum status pay(struct stretch *stretch)
{
	struct storage_file file;
	int ret;

	if (can_wait(stretch))
		return DONE;
	ret = stretch_files_next(&stretch->files, stretch->owed, &file);
	if (!ret)
		ret = append(stretch, &file);
	if (!ret) {
		if (file.bytes < stretch->owed)
			say_note("%s: %" PRIu64 " of %" PRIu64 " MiB could be given",
				 stretch->args->path, file.bytes / MiB,
				 stretch->owed / MiB);
		stretch->owed = 0;
		stretch->has_complained = false;
		return DONE;
	}
	/* The next wait will tell that the snapshot is gone. */
	if (ret == -ESRCH || ret == -EINTR)
		return DONE;
	if (is_final(ret)) {
		say_error("%s cannot give storage: %s; name a path on a writable ext4 or XFS file system",
			  stretch->args->path, strerror(-ret));
		return FAILED;
	}
	complain(stretch, ret);
	if (ret == -EDQUOT)
		stretch->owed = 0;
	return DONE;
}

static void set_aside(struct stretch *stretch)
{
	int ret;

	if (!stretch->is_on_origin || stretch->files.is_set_aside)
		return;
	ret = stretch_files_set_aside(&stretch->files, stretch->owed,
				      stretch->capacity, is_taken, stretch);
	if (ret)
		say_error("%s: no room to set aside: %s", stretch->args->path,
			  strerror(-ret));
}

static void take_request(struct stretch *stretch,
			 const struct blk_snap_snapshot_event *event)
{
	struct blk_snap_event_low_free_space low;

	memcpy(&low, event->data, sizeof(low));
	printf("%" PRId64 " - Low free space in diff storage. Requested %" PRIu64 " sectors.\n",
	       (int64_t)event->time_label, (uint64_t)low.requested_nr_sect);
	fflush(stdout);
	stretch->owed = low.requested_nr_sect * 512;
	set_aside(stretch);
}

static void tell_corrupt(struct stretch *stretch, int error)
{
	say_error("%s: the snapshot is corrupt: %s; the devices themselves are unharmed",
		  stretch->args->id_text, strerror(error));
	say_hint("end it with 'blksnap snapshot_destroy -i %s', which frees its storage",
		 stretch->args->id_text);
}

static void take_corrupted(struct stretch *stretch,
			   const struct blk_snap_snapshot_event *event)
{
	struct blk_snap_event_corrupted corrupted;

	memcpy(&corrupted, event->data, sizeof(corrupted));
	tell_corrupt(stretch, corrupted.err_code);
	keeper_leave(&stretch->files.keeper);
}

static enum status feed(struct stretch *stretch)
{
	struct blk_snap_snapshot_event event;
	enum status status = DONE;

	while (status == DONE && !plumb_is_interrupted()) {
		int ret = blksnap_snapshot_wait_event(stretch->fd,
				&stretch->args->id,
				stretch->owed ? OWED_WAIT_MS : UINT32_MAX,
				&event);

		if (ret == -ESRCH) {
			keeper_wait(&stretch->files.keeper,
				    plumb_is_interrupted);
			return DONE;
		}
		if (!ret && event.code == blk_snap_event_code_corrupted) {
			take_corrupted(stretch, &event);
			return DONE;
		}
		if (!ret && event.code == blk_snap_event_code_low_free_space)
			take_request(stretch, &event);
		else if (ret && ret != -ENOENT && ret != -EINTR)
			status = plumb_failed(stretch->args->id_text, ret,
					      NULL, -1);
		if (status == DONE && stretch->owed)
			status = pay(stretch);
	}
	keeper_leave(&stretch->files.keeper);
	if (status == DONE)
		say_note("interrupted; the snapshot gets no more storage, and its files are removed when it is gone");
	return status;
}

/* Whose devices are they, and is it early enough? */
static enum status look_at(struct stretch *stretch,
			   const struct blksnap_info *info)
{
	struct stat st;

	for (uint32_t i = 0; i < info->fixed.image_count; i++) {
		const struct blk_snap_info_image *image = &info->images[i];

		stretch->capacity += image->capacity_sectors * 512;
		if (!fstat(stretch->files.dir_fd, &st) &&
		    storage_is_snapshotted(st.st_dev, &image->orig_dev_id, 1))
			stretch->is_on_origin = true;
	}
	if (!stretch->is_on_origin ||
	    info->fixed.state == blk_snap_snapshot_state_new)
		return DONE;
	say_error("%s is on a device of the snapshot, where room must be set aside before the take; a file made now would take blocks away from the image",
		  stretch->args->path);
	say_hint("name a path on another device, or start stretch_snapshot before snapshot_take");
	return FAILED;
}

static enum status begin(struct stretch *stretch, bool *is_corrupt)
{
	const struct plumb_args *args = stretch->args;
	const struct storage_user user = { stretch->fd, args->id };
	struct blksnap_info info;
	enum status status;
	int ret = blksnap_snapshot_info(stretch->fd, &args->id, &info);

	if (ret)
		return plumb_failed(args->id_text, ret, plumb_no_snapshot, -1);
	*is_corrupt = info.fixed.state == blk_snap_snapshot_state_corrupt;
	if (*is_corrupt) {
		tell_corrupt(stretch, info.fixed.error);
		blksnap_info_free(&info);
		return DONE;
	}
	status = stretch_files_open(&stretch->files, &user, args->path,
				    args->limit_bytes);
	if (status == DONE) {
		status = look_at(stretch, &info);
		if (status != DONE) {
			keeper_leave(&stretch->files.keeper);
			stretch_files_close(&stretch->files);
		}
	}
	blksnap_info_free(&info);
	return status;
}

static enum status run_stretch(int fd, const struct plumb_args *args)
{
	static struct stretch stretch;
	bool is_corrupt = false;
	enum status status;

	stretch.fd = fd;
	stretch.args = args;
	/* Before the keeper, which must not miss one that ends us. */
	plumb_catch_signals();
	/* Whether somebody reads what we print is no matter to the snapshot. */
	signal(SIGPIPE, SIG_IGN);
	status = begin(&stretch, &is_corrupt);
	if (status != DONE || is_corrupt)
		return status;
	status = feed(&stretch);
	stretch_files_close(&stretch.files);
	return status;
}

int plumb_stretch_snapshot(int argc, char **argv)
{
	static const struct option options[] = {
		{ "id", required_argument, NULL, 'i' },
		{ "path", required_argument, NULL, 'p' },
		{ "limit", required_argument, NULL, 'l' },
		PLUMB_OPTION_HELP, PLUMB_OPTIONS_END,
	};
	static const struct plumb_command command = {
		.usage = "Usage: blksnap stretch_snapshot -i UUID -p PREFIX [-l MIB]\n"
			 "\n"
			 "Stays, and gives a snapshot files as storage whenever it asks for some; a\n"
			 "line is printed each time. The files are PREFIXdiff_storage#K, where PREFIX\n"
			 "is a string: for files in a directory it must end in '/'. Ends when the\n"
			 "snapshot is gone, and has removed the files then, or is corrupt. Stopped by\n"
			 "a signal it gives no more; the files stay as long as the snapshot needs them.\n"
			 "\n"
			 "If PREFIX is on a device of the snapshot, start it before the take: all files\n"
			 "are then made at the first request.\n"
			 "\n"
			 "  -i, --id=UUID          the snapshot\n"
			 "  -p, --path=PREFIX      beginning of the files' names, on ext4 or XFS\n"
			 "  -l, --limit=MIB        never give more than that in all\n"
			 PLUMB_USAGE_HELP,
		.options = options,
		.required = "ip",
		.lists = "",
		.run = run_stretch,
	};

	return plumb_main(&command, argc, argv);
}
