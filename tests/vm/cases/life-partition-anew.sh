# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A tracked partition is removed, as a partitioner does that reads the table anew: its
# disk stays. The tracking ends with it, and what is made in its place begins anew. In
# a snapshot it is to be seen as it was, whatever is written there, until that ends.

DESCRIPTION="a partition that is removed is tracked no more, though its disk stays"

requires() {
	need_snapshots pattern answer
	need_module brd
}

generation() { snap tracker "$1" generation; }
is_unused() { [ "$(<"/sys/module/$1/refcnt")" = 0 ]; }
is_tracked() { [[ -d /sys/class/blksnap/$1 ]]; }
is_untracked() { ! is_tracked "$1"; }

act() {
	local disk storage part first number

	new_brd disk 16
	new_brd storage 16
	new_partition part "$disk" 1 2048 4096
	load_blksnap
	snapshot_of "$part"
	snap destroy "$snapshot"
	first=$(generation "$part")
	number=$(<"/sys/class/block/${part##*/}/dev")
	check "it is tracked" is_tracked "$number"

	delpart "$disk" 1
	wait_until "it is not shown as tracked" is_untracked "$number"
	wait_until "nothing holds the driver" is_unused brd

	addpart "$disk" 1 8192 8192
	check "what is there now is not tracked" [ "$(answer snap untrack "$part")" = ENODATA ]
	pattern fill "$part" 1
	snapshot_of "$part"
	check "it has another generation" [ "$(generation "$part")" != "$first" ]
	check "the image is of its size" [ "$(blockdev --getsz "$image")" = 8192 ]
	pattern fill "$part" 2 --only 0:4096
	pattern check "$image" 1

	# The other half is not saved yet.
	number=$(<"/sys/class/block/${part##*/}/dev")
	delpart "$disk" 1
	wait_until "it is not shown as tracked" is_untracked "$number"
	addpart "$disk" 1 2048 4096
	pattern check "$image" 1
	dd if=/dev/zero of="$disk" bs=64k seek=64 count=64 oflag=direct status=none
	pattern check "$image" 1
	snap destroy "$snapshot"
	wait_until "nothing holds the driver" is_unused brd
}
