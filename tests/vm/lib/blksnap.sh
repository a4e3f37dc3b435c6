# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What cases about snapshots share. Sourced in the guest by case-runner.
#
# The programs of tests/vm/src are found by name: snap makes the module's
# calls one by one, pattern writes and checks data that knows its place.

PATH=$(cd "${BASH_SOURCE[0]%/*}/../../.." && pwd -P)/build/tests/bin:$PATH

# --- for requires() ---

# The modules and the programs, all that a case about snapshots is built on.
need_snapshots() {
	need_blksnap
	need_tool snap "$@"
}

# --- snapshots ---

# append_storage ID DEVICE: all of a device becomes storage.
append_storage() { snap append "$1" "$2" "0:$(blockdev --getsz "$2")"; }

# create_snapshot VARIABLE DEVICE...: created and with storage, but not taken;
# the variable gets the id. Storage is the device in $storage; if the case has
# not set that, one of the machine's disks. Destroyed when the case ends.
create_snapshot() {
	local _variable=$1
	shift
	[[ -d /sys/module/blksnap ]] || load_blksnap
	[[ ${storage:-} ]] || new_disk storage
	printf -v "$_variable" %s "$(snap create "$@")"
	[[ ${!_variable} ]] || fail "no snapshot of $*"
	at_exit_case destroy_snapshot "${!_variable}"
	append_storage "${!_variable}" "$storage"
}

# take_snapshot ID: the images' paths go to the array $image, in the order of
# creation, so that $image is the first.
take_snapshot() {
	snap take "$1"
	mapfile -t image < <(snap images "$1")
	((${#image[@]})) || fail "a snapshot without images"
}

# snapshot_of DEVICE...: created, with storage, and taken. Gives $snapshot,
# the id, and $image, the images.
snapshot_of() {
	snapshot=
	create_snapshot snapshot "$@"
	take_snapshot "$snapshot"
}

# Does nothing if it is not there any more.
destroy_snapshot() {
	[[ -d /sys/module/blksnap ]] || return 0
	! snap list | grep -qx "$1" || snap destroy "$1"
}

# True if the snapshot still shows what it promised.
snapshot_holds() { [[ $(snap info "$1" error) == 0 ]]; }
