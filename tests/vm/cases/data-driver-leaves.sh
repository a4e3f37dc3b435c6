# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A tracked disk does not outlive its driver: either the driver cannot be
# unloaded, or the tracking ends with the disk. What must not happen is that
# anything of the disk is used when the driver's code is gone.

DESCRIPTION="a driver that is unloaded, or tries to be, under a tracked disk does no harm"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() {
	need_module brd
	need_snapshots pattern
}

# It may be refused, that is not the point.
leave() { ! [[ -d /sys/module/brd ]] || rmmod brd || true; }

act() {
	local origin

	new_disk storage
	load_blksnap
	modprobe brd rd_nr=1 rd_size=8192
	at_exit_case leave
	origin=/dev/ram0
	pattern fill "$origin" 1
	snapshot_of "$origin"
	overwrite "$origin"
	leave
	destroy_snapshot "$snapshot"
	! [[ -b $origin ]] || snap untrack "$origin"
	leave
	wait_until "the driver is gone" test ! -d /sys/module/brd
	unload_blksnap
}
