// SPDX-License-Identifier: GPL-2.0-only
/*
 * failures: every call with its first allocation failing, then with its second, and
 * so on, until one has no allocation left to fail.
 *
 *	failures ORIGIN STORAGE DIR MODULE...
 *
 * ORIGIN is a device that nothing else writes to, STORAGE one for storage, DIR a
 * place for files on ext4, and each MODULE a file to load, all but the last of which
 * stay loaded meanwhile. A call that fails says so by ENOMEM, changes nothing that
 * can be asked for, and is made again, now without a failure, and with success. But a
 * take may destroy the snapshot, and one may be given up for storage on the origin.
 *
 * The kernel counts allocations of the task (/proc/thread-self/fail-nth). What
 * workers allocate is not among them. To stderr goes an x for each failure that was
 * told, and a dot for each that the call could do without.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <libblksnap.h>

#define PIECE		4096
#define PART		2048	/* sectors of storage that one call gives */

static int node = -1, origin, file = -1, fail_nth;
static struct blk_snap_dev origin_dev, storage_dev;
static struct blk_snap_uuid id;
static uint64_t next_part;
static const char *dir, *module;
static void *module_text;
static size_t module_size;
static unsigned char *written, *shown;
static const char *doing = "nothing";
static unsigned int nth;

static void insist(bool is_so, const char *what)
{
	if (is_so)
		return;
	fflush(stdout);
	fprintf(stderr, "failures: %s, allocation %u: not so: %s (%s)\n", doing, nth, what,
		strerrorname_np(errno));
	exit(1);
}

static int call(unsigned long cmd, void *arg)
{
	return ioctl(node, cmd, arg) < 0 ? errno : 0;
}

/* --- what can be asked for, and must not change --- */

struct state {
	unsigned int snapshots, trackers;
	struct blk_snap_cbt_info cbt;
	struct blk_snap_tracker_info tracker;
	struct blk_snap_snapshot_info snapshot;
};

static void look(struct state *state)
{
	struct blk_snap_snapshot_collect snapshots = { };
	struct blk_snap_tracker_collect trackers = { };

	memset(state, 0, sizeof(*state));
	insist(!call(IOCTL_BLK_SNAP_SNAPSHOT_COLLECT, &snapshots), "snapshots are counted");
	insist(!call(IOCTL_BLK_SNAP_TRACKER_COLLECT, &trackers), "trackers are counted");
	state->snapshots = snapshots.count;
	state->trackers = trackers.count;
	if (trackers.count) {
		trackers.cbt_info_array = &state->cbt;
		insist(!call(IOCTL_BLK_SNAP_TRACKER_COLLECT, &trackers), "one tracker");
		state->tracker.dev_id = origin_dev;
		insist(!call(IOCTL_BLK_SNAP_TRACKER_INFO, &state->tracker), "its details");
	}
	if (snapshots.count) {
		state->snapshot.id = id;
		insist(!call(IOCTL_BLK_SNAP_SNAPSHOT_INFO, &state->snapshot),
		       "one snapshot");
	}
}

/* --- the calls --- */

static int create(void)
{
	struct blk_snap_snapshot_create arg = { .count = 1, .dev_id_array = &origin_dev };
	int error = call(IOCTL_BLK_SNAP_SNAPSHOT_CREATE, &arg);

	id = arg.id;
	return error;
}

static int destroy(void)
{
	struct blk_snap_snapshot_destroy arg = { .id = id };

	return call(IOCTL_BLK_SNAP_SNAPSHOT_DESTROY, &arg);
}

static int untrack(void)
{
	struct blk_snap_tracker_remove arg = { .dev_id = origin_dev };

	return call(IOCTL_BLK_SNAP_TRACKER_REMOVE, &arg);
}

static int append_ranges(struct blk_snap_dev dev, uint64_t at, uint64_t count)
{
	struct blk_snap_block_range ranges[] = { { at, count }, { at + count, count } };
	struct blk_snap_snapshot_append_storage arg = {
		.id = id, .dev_id = dev, .count = 2, .ranges = ranges,
	};

	return call(IOCTL_BLK_SNAP_SNAPSHOT_APPEND_STORAGE, &arg);
}

static int append(void)
{
	return append_ranges(storage_dev, next_part, PART / 2);
}

/* Storage on the origin itself, which its image shows as zeros. */
static int append_own(void)
{
	return append_ranges(origin_dev, 65536 + next_part / 4, PART / 8);
}

static int append_file(void)
{
	struct blk_snap_snapshot_append_file arg = { .id = id, .fd = file };

	return call(IOCTL_BLK_SNAP_SNAPSHOT_APPEND_FILE, &arg);
}

static int take(void)
{
	struct blk_snap_snapshot_take arg = { .id = id };

	return call(IOCTL_BLK_SNAP_SNAPSHOT_TAKE, &arg);
}

static int version(void)
{
	struct blk_snap_version arg;

	return call(IOCTL_BLK_SNAP_VERSION, &arg);
}

static int collect_trackers(void)
{
	struct blk_snap_cbt_info info;
	struct blk_snap_tracker_collect arg = { .count = 1, .cbt_info_array = &info };

	return call(IOCTL_BLK_SNAP_TRACKER_COLLECT, &arg);
}

static int read_map(void)
{
	struct blk_snap_tracker_read_cbt_bitmap arg = {
		.dev_id = origin_dev, .length = 16, .buff = shown,
	};

	return call(IOCTL_BLK_SNAP_TRACKER_READ_CBT_MAP, &arg);
}

static int mark(void)
{
	struct blk_snap_block_range range = { 0, 128 };
	struct blk_snap_tracker_mark_dirty_blocks arg = {
		.dev_id = origin_dev, .count = 1, .dirty_blocks_array = &range,
	};

	return call(IOCTL_BLK_SNAP_TRACKER_MARK_DIRTY_BLOCKS, &arg);
}

static int collect_snapshots(void)
{
	struct blk_snap_uuid found;
	struct blk_snap_snapshot_collect arg = { .count = 1, .ids = &found };
	int error = call(IOCTL_BLK_SNAP_SNAPSHOT_COLLECT, &arg);

	insist(error || !memcmp(&found, &id, sizeof(id)), "the one that there is");
	return error;
}

static int collect_images(void)
{
	struct blk_snap_image_info image;
	struct blk_snap_snapshot_collect_images arg = {
		.id = id, .count = 1, .image_info_array = &image,
	};

	return call(IOCTL_BLK_SNAP_SNAPSHOT_COLLECT_IMAGES, &arg);
}

static int wait_event(void)
{
	static struct blk_snap_snapshot_event arg;

	arg.id = id;
	arg.timeout_ms = 0;
	return call(IOCTL_BLK_SNAP_SNAPSHOT_WAIT_EVENT, &arg);
}

static int ask_info(struct blk_snap_info_image *image)
{
	struct blk_snap_info_range ranges[4];
	struct blk_snap_snapshot_info arg = {
		.id = id, .image_count = 1, .images = (uintptr_t)image,
		.range_count = 4, .ranges = (uintptr_t)ranges,
	};

	return call(IOCTL_BLK_SNAP_SNAPSHOT_INFO, &arg);
}

static int info(void)
{
	struct blk_snap_info_image image;

	return ask_info(&image);
}

static int changed_ranges(void)
{
	struct blk_snap_block_range ranges[4];
	struct blk_snap_tracker_info tracker = { .dev_id = origin_dev };
	struct blk_snap_tracker_changed_ranges arg = {
		.dev_id = origin_dev, .ranges = (uintptr_t)ranges, .count = 4,
	};
	int error = call(IOCTL_BLK_SNAP_TRACKER_INFO, &tracker);

	arg.generation_id = tracker.generation_id;
	return error ?: call(IOCTL_BLK_SNAP_TRACKER_CHANGED_RANGES, &arg);
}

static int set_limits(void)
{
	struct blk_snap_snapshot_set_limits arg = {
		.id = id, .memory_limit_bytes = (2 + nth) << 20,
	};

	return call(IOCTL_BLK_SNAP_SNAPSHOT_SET_LIMITS, &arg);
}

static int tracker_info(void)
{
	struct blk_snap_tracker_info arg = { .dev_id = origin_dev };

	return call(IOCTL_BLK_SNAP_TRACKER_INFO, &arg);
}

static int load(void)
{
	return syscall(SYS_init_module, module_text, module_size, "") ? errno : 0;
}

/* --- before and after them --- */

static void nothing(void)
{
}

static void new_part(void)
{
	next_part += PART;
}

static void new_file(void)
{
	if (file >= 0)
		close(file);
	file = open(dir, O_TMPFILE | O_RDWR, 0600);
	insist(file >= 0 && !fallocate(file, 0, 0, PART * 512), "there is a file");
}

static void created(void)
{
	insist(!create(), "a snapshot is created");
	next_part = 0;
	insist(!append(), "it has storage");
	new_part();
}

static void taken(void)
{
	created();
	insist(!take(), "it is taken");
}

static void idle(void)
{
	created();
	insist(!destroy(), "it is destroyed");
}

static void destroyed(void)
{
	insist(!destroy(), "it is destroyed");
}

static void untracked(void)
{
	insist(!untrack(), "nothing is tracked any more");
}

static void forgotten(void)
{
	destroyed();
	untracked();
}

/* A take that failed may have ended the snapshot, and then has wholly. */
static void taken_again(void)
{
	struct blk_snap_snapshot_collect arg = { };

	insist(!call(IOCTL_BLK_SNAP_SNAPSHOT_COLLECT, &arg), "snapshots are counted");
	if (!arg.count)
		created();
}

/* Of storage on the origin a part may be shown as zeros: the snapshot is given up. */
static void taken_anew(void)
{
	struct blk_snap_snapshot_info arg = { .id = id };

	insist(!call(IOCTL_BLK_SNAP_SNAPSHOT_INFO, &arg), "one snapshot");
	if (arg.state != blk_snap_snapshot_state_corrupt)
		return;
	destroyed();
	taken();
}

static void write_origin(void)
{
	memset(written, written[0] + 1, PIECE);
	insist(pwrite(origin, written, PIECE, 0) == PIECE, "the origin can be written");
}

/* The node is not udev's or the kernel's: making that may have failed. */
static void shows_the_past(void)
{
	struct blk_snap_info_image image;
	unsigned char old = written[0];
	char path[4096];
	int fd;

	insist(!ask_info(&image), "it has an image");
	snprintf(path, sizeof(path), "%s/image", dir);
	insist(!mknod(path, S_IFBLK | 0600, makedev(image.image_dev_id.mj,
						    image.image_dev_id.mn)), "a node");
	write_origin();
	fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	insist(fd >= 0, "the image can be opened");
	insist(pread(fd, shown, PIECE, 0) == PIECE, "and read");
	insist(shown[0] == old && !memcmp(shown, shown + 1, PIECE - 1),
	       "and shows the past");
	close(fd);
	unlink(path);
	destroyed();
}

static void unload(void)
{
	const char *name = strrchr(module, '/') + 1;
	char word[64];

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(name, "."), name);
	insist(!syscall(SYS_delete_module, word, 0), "it is unloaded");
}

/* Beforehand: a file system that gets no memory is not what is looked at. */
static void read_module(void)
{
	FILE *from = fopen(module, "r");

	insist(from && !fseek(from, 0, SEEK_END), "there is a module");
	module_size = ftell(from);
	rewind(from);
	free(module_text);
	module_text = malloc(module_size);
	insist(fread(module_text, 1, module_size, from) == module_size, "it can be read");
	fclose(from);
}

/* --- one call after the other --- */

static void set_fail_nth(unsigned int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	insist(pwrite(fail_nth, text, strlen(text), 0) > 0, "failures are to be had");
}

/* How many allocations there were to go: 0 if one has failed. */
static unsigned int end_fail_nth(void)
{
	char text[16] = "";

	insist(pread(fail_nth, text, sizeof(text) - 1, 0) > 0, "failures are counted");
	set_fail_nth(0);
	return atoi(text);
}

/*
 * @prepare: before each attempt; @run: the call; @repair: after one that failed, if
 * that may change anything; @undo: after each that succeeded.
 */
struct attempt {
	const char *name;
	void (*prepare)(void);
	int (*run)(void);
	void (*repair)(void);
	void (*undo)(void);
};

/* True if the call met a failure. */
static bool attempt(const struct attempt *a)
{
	struct state before, after;
	bool was_met;
	int error;

	a->prepare();
	if (node >= 0)
		look(&before);
	set_fail_nth(nth);
	error = a->run();
	was_met = !end_fail_nth();
	fputs(!was_met ? "-\n" : error ? "x" : ".", stderr);
	if (error) {
		errno = error;
		insist(was_met, "without a failure it succeeds");
		/* EINVAL is add_disk()'s word for a name that there is no memory for. */
		insist(error == ENOMEM || (error == EINVAL && a->run == take),
		       "it says ENOMEM");
		if (a->repair) {
			a->repair();
		} else if (node >= 0) {
			look(&after);
			insist(!memcmp(&before, &after, sizeof(after)), "all is as before");
		}
		write_origin();
		errno = a->run();
		insist(!errno, "it succeeds the next time");
	}
	a->undo();
	return was_met;
}

/* How many failures the call met. */
static unsigned int try_from(const struct attempt *a, unsigned int first, unsigned int step)
{
	unsigned int count = 0;

	doing = a->name;
	fprintf(stderr, "%s: ", doing);
	for (nth = first; attempt(a); nth += step)
		count++;
	printf("%s: ok\n", doing);
	return count;
}

/* How many allocations the call makes when none fails. */
static unsigned int allocations_of(const struct attempt *a)
{
	const unsigned int enough = 1 << 20;
	unsigned int left;

	a->prepare();
	set_fail_nth(enough);
	errno = a->run();
	left = end_fail_nth();
	insist(!errno, "it succeeds");
	a->undo();
	return enough - left;
}

/*
 * The module's own beginning is the last that is done. What the loader has allocated
 * before, a page at a time, is not looked at; of the caches' many files some are.
 */
static void try_loading(void)
{
	static const struct attempt loading = { "load", nothing, load, NULL, unload };
	const unsigned int last = 400, step = 3;
	unsigned int count;

	read_module();
	doing = "load";
	/* The first time leaves behind what later ones find. */
	allocations_of(&loading);
	count = allocations_of(&loading);
	insist(try_from(&loading, count > last ? count - last : 1, step), "some failed");
	insist(!load(), "it is loaded");
}

/* Of those that make many allocations, which are mostly pages for copies, some. */
static void try_some(const struct attempt *a)
{
	const unsigned int most = 60;

	doing = a->name;
	insist(try_from(a, 1, allocations_of(a) / most + 1), "some failed");
}

static void try_each(const struct attempt *attempts, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		try_from(&attempts[i], 1, 1);
}

/* Those that are made on a taken snapshot come last, and leave it as it is. */
static void try_all(void)
{
	static const struct attempt on_nothing[] = {
		{ "version", nothing, version, NULL, nothing },
		{ "untrack", idle, untrack, NULL, nothing },
	}, on_tracker[] = {
		{ "set limits", created, set_limits, NULL, destroyed },
		{ "wait for an event", created, wait_event, NULL, destroyed },
		{ "take", created, take, taken_again, shows_the_past },
		{ "destroy", taken, destroy, NULL, nothing },
	}, on_snapshot[] = {
		{ "append storage", nothing, append, NULL, new_part },
		{ "append storage on the origin", nothing, append_own, taken_anew, new_part },
		{ "append a file", new_file, append_file, NULL, nothing },
		{ "collect snapshots", nothing, collect_snapshots, NULL, nothing },
		{ "collect images", nothing, collect_images, NULL, nothing },
		{ "tell of the snapshot", nothing, info, NULL, nothing },
		{ "collect trackers", nothing, collect_trackers, NULL, nothing },
		{ "tell of the tracker", nothing, tracker_info, NULL, nothing },
		{ "read the map", nothing, read_map, NULL, nothing },
		{ "mark", nothing, mark, NULL, nothing },
		{ "changed ranges", nothing, changed_ranges, NULL, nothing },
	};
	static const struct attempt creating[] = {
		{ "create, with tracking", nothing, create, NULL, forgotten },
		{ "create", nothing, create, NULL, destroyed },
	};

	try_each(on_nothing, sizeof(on_nothing) / sizeof(*on_nothing));
	try_some(&creating[0]);
	idle();
	try_some(&creating[1]);
	try_each(on_tracker, sizeof(on_tracker) / sizeof(*on_tracker));
	taken();
	try_each(on_snapshot, sizeof(on_snapshot) / sizeof(*on_snapshot));
	forgotten();
}

int main(int argc, char **argv)
{
	int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	insist(argc >= 4, "there are arguments");
	insist(!mlockall(MCL_CURRENT | MCL_FUTURE), "nothing of this is read meanwhile");
	dir = argv[3];
	written = aligned_alloc(PIECE, PIECE);
	shown = aligned_alloc(PIECE, PIECE);
	memset(written, 0, PIECE);
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	insist(fail_nth >= 0, "this kernel fails allocations");
	origin = open(argv[1], O_RDWR | O_DIRECT | O_CLOEXEC);
	insist(origin >= 0, "there is an origin");
	insist(!blksnap_device_of_path(argv[1], &origin_dev) &&
	       !blksnap_device_of_path(argv[2], &storage_dev), "there are devices");

	for (i = 4; i < argc; i++) {
		module = argv[i];
		try_loading();
	}
	node = blksnap_open(NULL);
	insist(node >= 0, "there is a node");
	try_all();
	return 0;
}
