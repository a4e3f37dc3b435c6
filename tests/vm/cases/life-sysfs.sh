# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What /sys/class/blksnap tells of tracked devices: there from the first snapshot
# on until tracking ends, with values that follow what happens; and reading it
# while trackers, devices and the module come and go harms nobody.

DESCRIPTION="sysfs tells of each tracked device, and may be read at any time"
TIMEOUT=600

requires() {
	need_unloading
	need_snapshots pattern
	need_module brd loop
}

# Values of the tracked device, but those that are other ones in each run.
values() {
	local file

	for file in "$dir"/*; do
		case ${file##*/} in
		tracked_since_* | uevent | *_id | power | subsystem) ;;
		*) echo "  ${file##*/} $(<"$file")" ;;
		esac
	done
}

value() { echo "$(<"$dir/$1")"; }

# overwrite_blocks NUMBER...: of 4 KiB, a write each.
overwrite_blocks() {
	local number

	for number; do
		dd if=/dev/zero of="$origin" bs=4k seek="$number" count=1 oflag=direct \
			conv=notrunc status=none
	done
}

# What the calls tell and what sysfs tells must be one.
agree() {
	[[ $(value generation_id) == "$(snap tracker "$origin" generation)" ]] &&
	[[ $(value snapshot_id) == "$(snap tracker "$origin" snapshot)" ]] &&
	[[ $(value tracked_since_boottime_ns) == "$(snap tracker "$origin" boottime)" ]] &&
	[[ $(value tracked_since_realtime_ns) == "$(snap tracker "$origin" realtime)" ]]
}

# Reads all that is there for as long as it may; what vanishes meanwhile is fine.
read_on() {
	while [[ ! -e $CASE_TMP/enough ]]; do
		cat /sys/class/blksnap/*/* /sys/devices/virtual/blksnap/*/* || true
	done >/dev/null 2>&1
	return 0
}

is_shown() { [[ -d /sys/class/blksnap/$1 ]]; }
is_gone() { ! is_shown "$1"; }

# A device that comes, is tracked and snapshotted, and goes, in several ways.
come_and_go() {
	local disk id

	disk=$(losetup --find --show "$CASE_TMP/file")
	id=$(snap create "$disk")
	is_shown "$(cut -d' ' -f1 < <(snap trackers | tail -n 1))" || fail "not shown"
	append_storage "$id" "$storage"
	snap take "$id"
	pattern fill "$disk" 2 --only 0:64
	case $(($1 % 3)) in
	0)	snap destroy "$id"
		snap untrack "$disk"
		losetup -d "$disk" ;;
	1)	losetup -d "$disk"
		snap destroy "$id"
		snap untrack "$disk" ;;
	2)	snap destroy "$id"
		losetup -d "$disk"
		rmmod blksnap
		insert_module blksnap ;;
	esac
}

act() {
	local id dir now round reader

	new_brd origin 4
	new_brd storage 4
	load_blksnap tracking_block_minimum_shift=12 diff_storage_minimum=2048
	dir=/sys/class/blksnap/1:0
	check "nothing is shown before it is tracked" is_gone 1:0
	now=$(date +%s)
	id=$(snap create "$origin")
	check "it is shown when the call returns" is_shown 1:0
	check "and agrees with the call" agree
	check "the beginning is now" [ $(($(value tracked_since_realtime_ns) / 1000000000 - now)) -lt 60 ]
	check "the beginning is not before" [ $(($(value tracked_since_realtime_ns) / 1000000000)) -ge "$now" ]
	echo "created:"
	values
	append_storage "$id" "$storage"
	overwrite_blocks 0 1
	snap take "$id"
	# Not in sequence: nothing is copied ahead.
	overwrite_blocks 3 2 1
	wait_stored "$id"
	echo "taken, and written to:"
	values
	check "it agrees with the call" agree
	check "what is shown is the snapshot's" [ "$(value snapshot_id)" = "$id" ]
	snap destroy "$id"
	echo "destroyed:"
	values
	stat -c '%a' "$dir/copied_bytes" "$dir/changed_blocks"
	check "the node's number is where it was" test -e /sys/class/blksnap/major
	exec {open}<"$dir/copied_bytes"
	snap untrack "$origin"
	check "it is gone when the call returns" is_gone 1:0
	must_fail cat <&"$open"
	exec {open}<&-

	truncate -s 4M "$CASE_TMP/file"
	start reader read_on
	for round in {1..6}; do
		come_and_go "$round"
	done
	touch "$CASE_TMP/enough"
	wait "$reader"
}
