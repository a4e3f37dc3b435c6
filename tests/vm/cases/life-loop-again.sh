# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A loop device does not go away when its file does: it can be detached while it
# is tracked or in a snapshot, and attached to another file, of which the change
# map knows nothing. The next take must say that everything may have changed, and the
# image must not show the other file: neither read, nor saved as if it were old.  I6

DESCRIPTION="a loop device with another file is known as another device"

requires() {
	need_snapshots pattern answer
	need_module brd loop
}

generation() { snap trackers | cut -d' ' -f2; }

# Another file, and maybe something happens to it before the image is read.
attached_meanwhile() {
	losetup "$disk" "$CASE_TMP/two"
	"$@"
	must_fail dd if=/dev/blksnap-image0 of=/dev/null bs=4k skip=100 count=1 iflag=direct
	check "the snapshot is lost" is_corrupt "$id"
	losetup -d "$disk"
}

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
	pattern fill "$disk" 2 --only 0:64

	losetup -d "$disk"
	pattern check /dev/blksnap-image0 1 --only 0:64
	must_fail dd if=/dev/blksnap-image0 bs=4k skip=100 count=1 iflag=direct
	attached_meanwhile
	snap destroy "$id"
	echo "detached while in a snapshot"

	losetup "$disk" "$CASE_TMP/one"
	id=$(snap create "$disk")
	append_storage "$id" "$room"
	snap take "$id"
	losetup -d "$disk"
	attached_meanwhile pattern fill "$disk" 3 --only 800:8
	snap destroy "$id"
	echo "with another file while in a snapshot"

	# Another file of the same size, with other data, tracked all the time.
	losetup "$disk" "$CASE_TMP/one"
	id=$(snap create "$disk")
	append_storage "$id" "$room"
	snap take "$id"
	before=$(generation)
	snap destroy "$id"
	losetup -d "$disk"
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
