# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A tracked device keeps its driver from being unloaded, which the kernel's own
# use of a disk after its end depends on; once it is tracked no more it lets go.

DESCRIPTION="a driver stays as long as a device of its is tracked"

requires() {
	need_snapshots answer
	need_module brd null_blk
}

act() {
	local id room

	rmmod null_blk 2>/dev/null || true
	modprobe null_blk nr_devices=1 gb=1 memory_backed=1
	new_brd room 8
	load_blksnap
	id=$(snap create /dev/nullb0)
	at_exit_case destroy_snapshot "$id"
	must_fail rmmod null_blk
	append_storage "$id" "$room"
	snap take "$id"
	must_fail rmmod null_blk
	snap destroy "$id"
	must_fail rmmod null_blk
	echo "it stays while tracked"
	snap untrack /dev/nullb0
	wait_until "it can go" rmmod null_blk

	modprobe null_blk nr_devices=1 gb=1 memory_backed=1
	id=$(snap create /dev/nullb0)
	snap destroy "$id"
	unload_blksnap
	wait_until "it can go" rmmod null_blk
	load_blksnap
	echo "and goes when it is not"
}
