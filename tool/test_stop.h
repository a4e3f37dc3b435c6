/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fault injection: BLKSNAP_TEST_STOP=STEP in the environment makes the tool
 * kill itself by SIGKILL when it reaches that step, as a crash at the worst
 * moment would. The steps of a backup, in the order in which they come:
 */
#ifndef TEST_STOP_H
#define TEST_STOP_H

#define TEST_STOPS(X) \
	X("created")		/* the snapshot, before it has storage */ \
	X("storage-given")	/* before the take */ \
	X("taken")		/* nothing read yet */ \
	X("image-made")		/* an empty image under a temporary name */ \
	X("image-written")	/* all data in it, not synced */ \
	X("hashes-written")	/* of one device */ \
	X("data-synced")	/* of all devices, under temporary names */ \
	X("data-renamed")	/* final names, directory not synced */ \
	X("data-dir-synced")	/* and no manifest yet */ \
	X("manifest-written")	/* under a temporary name, not synced */ \
	X("manifest-synced")	/* likewise */ \
	X("manifest-renamed")	/* the point exists, directory not synced */ \
	X("committed")		/* the snapshot still held */ \
	X("destroyed")		/* all done but the report */

/* Kills the process if this is the step asked for. */
void test_stop(const char *step);

#endif /* TEST_STOP_H */
