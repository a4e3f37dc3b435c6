# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Writes that are under way when a device is attached, or when the snapshot is
# taken, belong to the past of the image, all of them: it reads the same at once
# and after they have landed.

DESCRIPTION="raw writes in flight at the attach and at the take land before the image"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() {
	need_module brd dm-delay
	need_snapshots pattern
}

# The image at once, and when all that was in flight has ended.
reads_the_same() {
	copy_of "$image" "$CASE_TMP/first"
	pattern check "$CASE_TMP/first" 1-99999999
	sleep 0.5
	same "$image" "$CASE_TMP/first"
}

act() {
	local writers origin below n

	new_brd below 4
	pattern fill "$below" 1
	new_dm_delay origin "$below" 0 200
	new_disk storage
	load_blksnap
	start writers pattern write "$origin" --threads 2 --uring --depth 32 --bs 4k-16k --align 4k --no-check
	sleep 0.3
	for n in 1 2 3; do
		snapshot_of "$origin"
		reads_the_same
		destroy_snapshot "$snapshot"
		((n != 2)) || snap untrack "$origin"
	done
	# The take alone: attached long before.
	create_snapshot snapshot "$origin"
	sleep 0.5
	take_snapshot "$snapshot"
	reads_the_same
	stop "$writers"
	same "$image" "$CASE_TMP/first"
}
