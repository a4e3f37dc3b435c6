# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Writes that are under way when a device is attached, or when the snapshot is
# taken, belong to the past of the image, all of them: it shows them at once,
# and when they have landed it is the same. Nothing is written after them, so in
# the end the image is what the device is.

DESCRIPTION="raw writes in flight at the attach and at the take land before the image"
MACHINE="turns disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() {
	need_module brd dm-delay
	need_snapshots pattern
}

# Writes that take four seconds, all submitted at once.
write_slowly() {
	start writers pattern write "$origin" --threads 2 --uring --depth 48 --ops 48 --seq \
		--bs 4k-16k --align 4k --no-check --seed "$1" --gen "$1"
	sleep 0.5
}

compare() {
	copy_of "$image" "$CASE_TMP/first"
	wait "$writers"
	pattern check "$CASE_TMP/first" 1-999999
	same "$image" "$CASE_TMP/first"
	same "$below" "$CASE_TMP/first"
}

act() {
	local writers origin below

	new_brd below 4
	pattern fill "$below" 1
	new_dm_delay origin "$below" 0 4000
	new_disk storage
	load_blksnap

	write_slowly 1000
	snapshot_of "$origin"
	compare
	destroy_snapshot "$snapshot"

	# Attached now, and in a snapshot before the writes.
	create_snapshot snapshot "$origin"
	write_slowly 2000
	take_snapshot "$snapshot"
	compare
}
