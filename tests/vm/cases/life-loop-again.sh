# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A loop device does not go away when its file does: it can be detached while it
# is tracked or in a snapshot, and attached to another file, of which the change
# map knows nothing. The next take must say that everything may have changed.

DESCRIPTION="a loop device with another file is known as another device"

requires() {
	need_snapshots pattern answer
	need_module brd loop
}

generation() { snap trackers | cut -d' ' -f2; }

act() {
	local disk name id before room

	new_brd room 8
	load_blksnap
	truncate -s 4M "$CASE_TMP/one" "$CASE_TMP/two"
	disk=$(losetup --find --show "$CASE_TMP/one")
	at_exit_case losetup -D
	pattern fill "$disk" 1
	id=$(snap create "$disk")
	at_exit_case destroy_snapshot "$id"
	append_storage "$id" "$room"
	snap take "$id"
	before=$(generation)
	pattern fill "$disk" 2 --only 0:64

	losetup -d "$disk"
	pattern check /dev/blksnap-image0 1 --only 0:64
	must_fail dd if=/dev/blksnap-image0 bs=4k skip=100 count=1 iflag=direct
	snap destroy "$id"
	echo "detached while in a snapshot"

	# Another file of the same size, with other data.
	losetup "$disk" "$CASE_TMP/two"
	id=$(snap create "$disk")
	at_exit_case destroy_snapshot "$id"
	append_storage "$id" "$room"
	snap take "$id"
	if [[ $(generation) != "$before" ]]; then
		echo "another file, another generation, take $(snap trackers | cut -d' ' -f3)"
	else
		fail "another file, of which the map says: $(snap changed "$disk" 1) blocks changed"
	fi
	snap destroy "$id"
	losetup -d "$disk"
}
