// SPDX-License-Identifier: GPL-2.0-only
/*
 * snap: the module's calls for test cases, one a command, as thin as can be.
 *
 *	snap create DEV...			prints the id
 *	snap append ID DEV OFFSET:COUNT...	sectors
 *	snap append-file ID FILE		prints the sectors gained
 *	snap take ID
 *	snap images ID				prints the paths, a line each
 *	snap info ID [FIELD]			prints "field value" lines, or one value
 *	snap ranges ID				prints "DEV OFFSET:COUNT" lines
 *	snap event ID TIMEOUT_MS		prints the event
 *	snap destroy ID
 *	snap list
 *	snap untrack DEV
 *	snap trackers				prints "MAJ:MIN GENERATION NUMBER BLOCK COUNT"
 *	snap map DEV [PIECE]			the readable map to stdout, read by
 *						pieces of so many bytes
 *	snap changed DEV NUMBER			how many blocks have a byte above it
 *	snap dirty DEV OFFSET:COUNT...
 *	snap hold				has the node open until stdin ends
 *
 * An error is printed as the errno's name, and makes the exit status 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <libblksnap.h>

static int node;

static void die(const char *what, int error)
{
	const char *name = strerrorname_np(abs(error));

	fprintf(stderr, "%s: %s\n", what, name ? name : "unknown error");
	exit(1);
}

static int checked(const char *what, int result)
{
	if (result < 0)
		die(what, result);
	return result;
}

static struct blk_snap_dev dev_of(const char *path)
{
	struct blk_snap_dev dev;

	checked(path, blksnap_device_of_path(path, &dev));
	return dev;
}

static struct blk_snap_uuid id_of(const char *text)
{
	struct blk_snap_uuid id;

	checked(text, blksnap_uuid_parse(text, &id));
	return id;
}

static void print_id(const struct blk_snap_uuid *id)
{
	char text[37];

	blksnap_uuid_unparse(id, text);
	printf("%s", text);
}

static struct blk_snap_block_range *ranges_of(char **args, int count)
{
	struct blk_snap_block_range *ranges = calloc(count, sizeof(*ranges));
	int i;

	for (i = 0; i < count; i++) {
		uint64_t offset, sectors;

		if (sscanf(args[i], "%" SCNu64 ":%" SCNu64, &offset, &sectors) != 2)
			die(args[i], EINVAL);
		ranges[i].sector_offset = offset;
		ranges[i].sector_count = sectors;
	}
	return ranges;
}

static void create(int argc, char **argv)
{
	struct blk_snap_dev devs[64];
	struct blk_snap_uuid id;
	int i;

	for (i = 0; i < argc && i < 64; i++)
		devs[i] = dev_of(argv[i]);
	checked("create", blksnap_snapshot_create(node, devs, argc, &id));
	print_id(&id);
	printf("\n");
}

static void append(int argc, char **argv)
{
	struct blk_snap_uuid id = id_of(argv[0]);
	struct blk_snap_block_range *ranges = ranges_of(argv + 2, argc - 2);

	checked("append", blksnap_snapshot_append_storage(node, &id, dev_of(argv[1]),
							  ranges, argc - 2));
	free(ranges);
}

static void append_file(int argc, char **argv)
{
	struct blk_snap_uuid id = id_of(argv[0]);
	uint64_t sectors;
	int fd = open(argv[1], O_RDWR);

	(void)argc;
	if (fd < 0)
		die(argv[1], errno);
	checked("append-file", blksnap_snapshot_append_file(node, &id, fd, &sectors));
	printf("%" PRIu64 "\n", sectors);
	close(fd);
}

static void take(int argc, char **argv)
{
	struct blk_snap_uuid id = id_of(argv[0]);

	(void)argc;
	checked("take", blksnap_snapshot_take(node, &id));
}

static void destroy(int argc, char **argv)
{
	struct blk_snap_uuid id = id_of(argv[0]);

	(void)argc;
	checked("destroy", blksnap_snapshot_destroy(node, &id));
}

static struct blksnap_info *info_of(const char *text)
{
	struct blk_snap_uuid id = id_of(text);
	static struct blksnap_info info;

	checked("info", blksnap_snapshot_info(node, &id, &info));
	return &info;
}

static void images(int argc, char **argv)
{
	struct blksnap_info *info = info_of(argv[0]);
	unsigned int i;

	(void)argc;
	for (i = 0; i < info->fixed.image_count; i++)
		printf("/dev/%s\n", info->images[i].name);
}

/* Of each device: bytes copied, writes held, writes waiting. */
static void counters(int argc, char **argv)
{
	struct blksnap_info *info = info_of(argv[0]);
	unsigned int i;

	(void)argc;
	for (i = 0; i < info->fixed.image_count; i++)
		printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
		       (uint64_t)info->images[i].copied_bytes,
		       (uint64_t)info->images[i].held_writes,
		       (uint64_t)info->images[i].waiting_writes);
}

static void ranges(int argc, char **argv)
{
	struct blksnap_info *info = info_of(argv[0]);
	unsigned int i;

	(void)argc;
	for (i = 0; i < info->fixed.range_count; i++)
		printf("/dev/block/%u:%u %" PRIu64 ":%" PRIu64 "\n",
		       info->ranges[i].dev_id.mj, info->ranges[i].dev_id.mn,
		       (uint64_t)info->ranges[i].sector_offset,
		       (uint64_t)info->ranges[i].sector_count);
}

static void print_field(const char *wanted, const char *name, long long value)
{
	if (!wanted)
		printf("%s %lld\n", name, value);
	else if (!strcmp(wanted, name))
		printf("%lld\n", value);
}

static void info(int argc, char **argv)
{
	const struct blk_snap_snapshot_info *s = &info_of(argv[0])->fixed;
	const char *wanted = argc > 1 ? argv[1] : NULL;

	print_field(wanted, "state", s->state);
	print_field(wanted, "error", s->error);
	print_field(wanted, "storage", s->storage_sectors);
	print_field(wanted, "used", s->storage_used_sectors);
	print_field(wanted, "free", s->storage_free_sectors);
	print_field(wanted, "portion", s->storage_portion_sectors);
	print_field(wanted, "timeout", s->storage_timeout_ms);
	print_field(wanted, "memory", s->memory_bytes);
	print_field(wanted, "memory-limit", s->memory_limit_bytes);
	print_field(wanted, "copied", s->copied_bytes);
	print_field(wanted, "stored", s->stored_bytes);
	print_field(wanted, "held", s->held_writes);
	print_field(wanted, "waiting", s->waiting_writes);
}

static void event(int argc, char **argv)
{
	struct blk_snap_uuid id = id_of(argv[0]);
	static struct blk_snap_snapshot_event event;
	struct blk_snap_event_low_free_space low;
	struct blk_snap_event_corrupted corrupted;

	(void)argc;
	checked("event", blksnap_snapshot_wait_event(node, &id, atoi(argv[1]), &event));
	switch (event.code) {
	case blk_snap_event_code_low_free_space:
		memcpy(&low, event.data, sizeof(low));
		printf("low_free_space %" PRIu64 "\n", (uint64_t)low.requested_nr_sect);
		break;
	case blk_snap_event_code_corrupted:
		memcpy(&corrupted, event.data, sizeof(corrupted));
		printf("corrupted %u:%u %s\n", corrupted.orig_dev_id.mj,
		       corrupted.orig_dev_id.mn, strerrorname_np(corrupted.err_code));
		break;
	default:
		printf("code %u\n", event.code);
	}
}

static void list(int argc, char **argv)
{
	struct blk_snap_uuid *ids;
	size_t count, i;

	(void)argc;
	(void)argv;
	checked("list", blksnap_snapshot_collect(node, &ids, &count));
	for (i = 0; i < count; i++) {
		print_id(&ids[i]);
		printf("\n");
	}
}

static void untrack(int argc, char **argv)
{
	(void)argc;
	checked("untrack", blksnap_tracker_remove(node, dev_of(argv[0])));
}

static void trackers(int argc, char **argv)
{
	struct blk_snap_cbt_info *infos;
	size_t count, i;

	(void)argc;
	(void)argv;
	checked("trackers", blksnap_tracker_collect(node, &infos, &count));
	for (i = 0; i < count; i++) {
		printf("%u:%u ", infos[i].dev_id.mj, infos[i].dev_id.mn);
		print_id(&infos[i].generation_id);
		printf(" %u %u %u\n", infos[i].snap_number, infos[i].blk_size,
		       infos[i].blk_count);
	}
}

static uint8_t *read_map(const char *path, uint32_t *count, uint32_t piece)
{
	struct blk_snap_dev dev = dev_of(path);
	struct blk_snap_cbt_info info;
	uint32_t at = 0;
	uint8_t *map;
	int got;

	checked("map", blksnap_tracker_find(node, dev, &info));
	map = malloc(info.blk_count);
	*count = info.blk_count;
	do {
		got = checked("map", blksnap_tracker_read_cbt_map(node, dev, at, piece,
								  map + at));
		at += got;
	} while (got == (int)piece);
	if (at != info.blk_count)
		die("map", EIO);
	return map;
}

static void map(int argc, char **argv)
{
	uint32_t count;
	uint8_t *bytes = read_map(argv[0], &count, argc > 1 ? atoi(argv[1]) : INT32_MAX);

	if (fwrite(bytes, 1, count, stdout) != count)
		die("stdout", errno);
	free(bytes);
}

static void changed(int argc, char **argv)
{
	uint32_t count, i, n = 0;
	uint8_t *bytes = read_map(argv[0], &count, INT32_MAX);

	(void)argc;
	for (i = 0; i < count; i++)
		n += bytes[i] > atoi(argv[1]);
	printf("%u\n", n);
	free(bytes);
}

/* The same knowledge as "changed", as ranges; asked for in pieces of ROOM. */
static void changes(int argc, char **argv)
{
	struct blk_snap_dev dev = dev_of(argv[0]);
	uint32_t room = argc > 3 ? atoi(argv[3]) : 512;
	struct blk_snap_block_range *found = calloc(room, sizeof(*found));
	struct blk_snap_uuid generation = id_of(argv[1]);
	struct blk_snap_tracker_changed_ranges status;
	uint64_t sector = argc > 4 ? strtoull(argv[4], NULL, 0) : 0;
	ssize_t count, i;

	do {
		count = blksnap_tracker_changed_ranges(node, dev, &generation,
						       atoi(argv[2]), &sector, found,
						       room, &status);
		checked("changes", count);
		for (i = 0; i < count; i++)
			printf("%" PRIu64 ":%" PRIu64 "\n",
			       (uint64_t)found[i].sector_offset,
			       (uint64_t)found[i].sector_count);
	} while (sector < status.capacity_sectors);
	free(found);
}

static void print_tracker_id(const char *wanted, const char *name,
			     const struct blk_snap_uuid *id)
{
	if (wanted && strcmp(wanted, name))
		return;
	if (!wanted)
		printf("%s ", name);
	print_id(id);
	printf("\n");
}

static void tracker(int argc, char **argv)
{
	const char *wanted = argc > 1 ? argv[1] : NULL;
	struct blk_snap_tracker_info t;

	checked("tracker", blksnap_tracker_info(node, dev_of(argv[0]), &t));
	print_field(wanted, "state", t.state);
	print_tracker_id(wanted, "generation", &t.generation_id);
	print_field(wanted, "reason", t.generation_reason);
	print_field(wanted, "number", t.snap_number);
	print_tracker_id(wanted, "snapshot", &t.snapshot_id);
	print_field(wanted, "block-size", t.block_size);
	print_field(wanted, "blocks", t.block_count);
	print_field(wanted, "capacity", t.capacity_sectors);
	print_field(wanted, "boottime", t.tracked_since_boottime_ns);
	print_field(wanted, "realtime", t.tracked_since_realtime_ns);
	print_field(wanted, "changed", t.changed_blocks);
	print_field(wanted, "changed-last", t.changed_blocks_last);
	print_field(wanted, "changed-generation", t.changed_blocks_generation);
	print_field(wanted, "seen", t.seen_writes);
	print_field(wanted, "held", t.held_writes);
	print_field(wanted, "waiting", t.waiting_writes);
	print_field(wanted, "copied", t.copied_bytes);
}

/* limits ID MEMORY PORTION TIMEOUT: bytes, sectors, ms; 0 is "as it is". */
static void limits(int argc, char **argv)
{
	struct blk_snap_uuid id = id_of(argv[0]);
	struct blksnap_limits arg = {
		.memory_bytes = strtoull(argv[1], NULL, 0),
		.storage_portion_sectors = strtoull(argv[2], NULL, 0),
		.storage_timeout_ms = strtoul(argv[3], NULL, 0),
	};

	(void)argc;
	checked("limits", blksnap_snapshot_set_limits(node, &id, &arg));
}

static void dirty(int argc, char **argv)
{
	struct blk_snap_block_range *ranges = ranges_of(argv + 1, argc - 1);

	checked("dirty", blksnap_tracker_mark_dirty_blocks(node, dev_of(argv[0]),
							   ranges, argc - 1));
	free(ranges);
}

static void hold(int argc, char **argv)
{
	char byte;

	(void)argc;
	(void)argv;
	printf("held\n");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
}

static const struct {
	const char *name;
	int least;
	void (*run)(int argc, char **argv);
} commands[] = {
	{ "create", 1, create },	{ "append", 2, append },
	{ "append-file", 2, append_file }, { "take", 1, take },
	{ "images", 1, images },	{ "info", 1, info },
	{ "counters", 1, counters },
	{ "ranges", 1, ranges },	{ "event", 2, event },
	{ "destroy", 1, destroy },	{ "list", 0, list },
	{ "untrack", 1, untrack },	{ "trackers", 0, trackers },
	{ "map", 1, map },		{ "changed", 2, changed },
	{ "changes", 3, changes },	{ "tracker", 1, tracker },
	{ "limits", 4, limits },
	{ "dirty", 1, dirty },		{ "hold", 0, hold },
};

int main(int argc, char **argv)
{
	unsigned int i;

	for (i = 0; argc > 1 && i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(argv[1], commands[i].name) || argc - 2 < commands[i].least)
			continue;
		node = checked("/dev/blksnap", blksnap_open(NULL));
		commands[i].run(argc - 2, argv + 2);
		return fflush(stdout) ? 1 : 0;
	}
	fprintf(stderr, "snap: unknown command, or arguments missing\n");
	return 2;
}
