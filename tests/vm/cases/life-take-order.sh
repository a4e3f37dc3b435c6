# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The take waits for the writes under way on each device. Where one lies on the
# other, writes of the upper one come down while that is going on: no order in
# which they are named may make the take wait for itself.

DESCRIPTION="devices that lie on each other are taken together in any order"
MACHINE="turns disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() {
	need_module brd dm-delay dm-mod
	need_snapshots pattern
}

take_both() {
	local writers snapshot image

	start writers pattern write "$upper" --threads 2 --uring --depth 32 --bs 4k-64k --align 4k --no-check
	sleep 0.5
	snapshot_of "$@"
	copy_of "${image[0]}" "$CASE_TMP/first"
	copy_of "${image[1]}" "$CASE_TMP/second"
	stop "$writers"
	overwrite "$upper"
	check "the image of $1 stays as it was" same "${image[0]}" "$CASE_TMP/first"
	check "the image of $2 stays as it was" same "${image[1]}" "$CASE_TMP/second"
	destroy_snapshot "$snapshot"

	# What is under way on the upper one belongs to its past, and to the future
	# of the lower one. With nothing under way they show the same.
	snapshot_of "$@"
	check "both images show the same" same "${image[0]}" <(cat "${image[1]}")
	destroy_snapshot "$snapshot"
}

act() {
	new_brd lower 8
	new_dm_delay upper "$lower" 10 30
	pattern fill "$upper" 1
	take_both "$upper" "$lower"
	take_both "$lower" "$upper"
}
