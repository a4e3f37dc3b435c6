# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A device-mapper device, an array or a loop device is snapshotted itself. What
# it lies on is not watched, and need not be.

DESCRIPTION="dm, md and loop devices are snapshotted themselves"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() {
	need_module dm-mod raid0 raid1 loop
	need_tool mdadm
	need_snapshots pattern
}

snapshotted() {
	local device=$1 readers

	pattern fill "$device" 1
	snapshot_of "$device"
	start readers pattern watch "$image" 1 --readers 2
	pattern write "$device" --threads 2 --ops 100 --bs 512-64k
	overwrite "$device"
	stop "$readers"
	pattern check "$image" 1
	pattern check "$device" 2-99999
	destroy_snapshot "$snapshot"
	snap untrack "$device"
}

linear() {
	local line

	new_dm_linear line "$first"
	snapshotted "$line"
}

array() {
	local array

	new_md array "$1" "$first" "$second"
	snapshotted "$array"
}

file() {
	local loop

	new_loop loop 8M
	snapshotted "$loop"
}

act() {
	local first second way

	new_brd first 8
	new_brd second 8
	load_blksnap
	for way in linear "array 0" "array 1" file; do
		# shellcheck disable=SC2086	# a command of words
		scope $way
		echo "$way"
	done
}
