/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * groups: the groups of facts, in the order in which they are told.
 *
 * Each begins and ends without a snapshot and without a tracked device, and
 * with the parameters at their defaults.
 */
#ifndef GROUPS_H
#define GROUPS_H

void facts_of_header(void);		/* our header, against abi.h */
void facts_of_names(void);		/* nodes, classes, the version */
void facts_of_parameters(void);		/* of the module */
void facts_of_trackers(void);		/* TRACKER_… */
void facts_of_numbers(void);		/* which calls there are */
void facts_of_arguments(void);		/* hostile pointers, and who may call */
void facts_of_marking(void);		/* TRACKER_MARK_DIRTY_BLOCKS */
void facts_of_snapshots(void);		/* SNAPSHOT_CREATE, TAKE, DESTROY */
void facts_of_refused_devices(void);	/* what CREATE and TAKE refuse */
void facts_of_lists(void);		/* SNAPSHOT_COLLECT, COLLECT_IMAGES */
void facts_of_storage(void);		/* SNAPSHOT_APPEND_STORAGE */
void facts_of_files(void);		/* SNAPSHOT_APPEND_FILE */
void facts_of_info(void);		/* SNAPSHOT_INFO */
void facts_of_limits(void);		/* SNAPSHOT_SET_LIMITS */
void facts_of_changes(void);		/* TRACKER_CHANGED_RANGES */
void facts_of_details(void);		/* TRACKER_INFO */
void facts_of_events(void);		/* SNAPSHOT_WAIT_EVENT */
void facts_of_overflow(void);		/* low space, and no space */
void facts_of_tracking(void);		/* periods, numbers, generations */
void facts_of_images(void);		/* what an image is */
void facts_of_life(void);		/* removal of originals, unloading; the last */

#endif /* GROUPS_H */
