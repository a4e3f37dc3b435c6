# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Tracking of a partition begins although one beside it is never idle, and although
# it is known of the whole array only what is under way: the neighbour's writes wait
# a moment, and are nobody's afterwards.                                      I3, I5

DESCRIPTION="a partition of an array is tracked beside one that is never idle"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() {
	need_module brd dm-delay raid0 raid1
	need_tool mdadm
	need_snapshots pattern
}

is_written_to() { ! pattern check "$1" 1 2>/dev/null; }

array_of() {
	local level=$1 array mine neighbour writers slow0 slow1

	new_dm_delay slow0 "$first" 0 30
	new_dm_delay slow1 "$second" 0 30
	new_md array "$level" "$slow0" "$slow1"
	new_partition mine "$array" 1 2048 4096
	new_partition neighbour "$array" 2 6144 4096
	pattern fill "$mine" 1
	pattern fill "$neighbour" 1
	start writers pattern write "$neighbour" --threads 2 --uring --depth 16 --bs 512-16k --gen 10
	wait_until "the neighbour is written to" is_written_to "$neighbour"

	snapshot_of "$mine"
	overwrite "$mine"
	pattern check "$image" 1
	pattern check "$mine" 2-99999
	stop "$writers"
	pattern check "$neighbour" 1-999999
	destroy_snapshot "$snapshot"
	snap untrack "$mine"
}

act() {
	local first second level

	new_brd first 8
	new_brd second 8
	load_blksnap
	for level in 0 1; do
		echo "level $level"
		scope array_of "$level"
	done
}
