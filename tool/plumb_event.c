// SPDX-License-Identifier: GPL-2.0-only
/* Plumbing: blksnap snapshot_waitevent. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "plumb.h"

static void print_event(const struct blk_snap_snapshot_event *event)
{
	struct blk_snap_event_low_free_space low;

	printf("result=ok\ntime=%" PRId64 "\n", (int64_t)event->time_label);
	switch (event->code) {
	case blk_snap_event_code_low_free_space:
		memcpy(&low, event->data, sizeof(low));
		printf("event=low_free_space\nrequested_nr_sect=%" PRIu64 "\n",
		       (uint64_t)low.requested_nr_sect);
		break;
	case blk_snap_event_code_corrupted:
		puts("event=corrupted");
		break;
	default:
		printf("event=%u\n", event->code);
	}
}

static enum status run_waitevent(int fd, const struct plumb_args *args)
{
	struct blk_snap_snapshot_event event;
	int ret;

	plumb_catch_signals();
	ret = blksnap_snapshot_wait_event(fd, &args->id, args->timeout_ms,
					  &event);
	switch (ret) {
	case 0:
		print_event(&event);
		return DONE;
	case -ENOENT:
		puts("result=timeout");
		return DONE;
	case -EINTR:
		puts("result=interrupted");
		return DONE;
	}
	return plumb_failed(args->id_text, ret, plumb_no_snapshot, -1);
}

int plumb_snapshot_waitevent(int argc, char **argv)
{
	static const struct option options[] = {
		{ "id", required_argument, NULL, 'i' },
		{ "timeout", required_argument, NULL, 't' },
		PLUMB_OPTION_HELP, PLUMB_OPTIONS_END,
	};
	static const struct plumb_command command = {
		.usage = "Usage: blksnap snapshot_waitevent -i UUID -t MILLISECONDS\n"
			 "\n"
			 "Takes the next event of a snapshot and prints it, or waits for one. Prints\n"
			 "'result=timeout' if none came in time, 'result=interrupted' if a signal did.\n"
			 "Each event is given to one waiter only.\n"
			 "\n"
			 "  -i, --id=UUID          the snapshot\n"
			 "  -t, --timeout=MILLISECONDS\n"
			 "                         longest wait\n"
			 PLUMB_USAGE_HELP,
		.options = options,
		.required = "it",
		.lists = "",
		.run = run_waitevent,
	};

	return plumb_main(&command, argc, argv);
}
