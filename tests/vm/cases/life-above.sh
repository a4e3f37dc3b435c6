# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Storage on a device that itself lies on a snapshotted disk would be copied as
# it is written: it is refused, whichever comes first, with a reason. The disk
# itself, or one beside it, is fine.

DESCRIPTION="storage that lies above a snapshotted device is refused"

requires() {
	need_snapshots answer pattern
	need_module brd dm-mod
}

act() {
	local id below beside line higher

	new_brd below 16
	new_brd beside 16
	new_dm line "0 16384 linear $below 16384"
	new_dm_linear higher "$line"
	load_blksnap
	id=$(snap create "$below")
	echo "above it: $(answer snap append "$id" "$line" 0:8192)"
	echo "two levels above it: $(answer snap append "$id" "$higher" 0:8192)"
	[[ $(snap info "$id" storage) == 0 ]]
	other=$(snap create "$beside")
	echo "above another snapshot's: $(answer snap append "$other" "$line" 0:8192)"
	snap destroy "$other"
	echo "on the disk itself: $(answer snap append "$id" "$below" 24576:8192)"
	snap destroy "$id"

	# The storage is there, then the disk below it gets into a snapshot.
	id=$(snap create "$beside")
	snap append "$id" "$higher" 0:8192
	echo "create below: $(answer snap create "$below")"
	echo "create on it: $(answer snap create "$higher")"
	snap take "$id"
	new_dm_linear over /dev/blksnap-image0
	echo "on an image: $(answer snap append "$id" "$over" 0:8192)"
	pattern fill "$beside" 1 --only 0:1024
	echo "and nothing happened to the first: state $(snap info "$id" state)"
	dmesg | sed -n 's/.*blksnap: \(.*\) cannot be storage.*it lies above it.*/\1: told why/p' |
		sed 's/dm-[0-9]*/dm/' | sort -u
	snap list | while read -r id; do snap destroy "$id"; done
}
