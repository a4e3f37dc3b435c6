# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Storage of one snapshot lies on the device of another, which is created, but not
# taken yet, when the first is destroyed. What others write to these sectors before
# the take belongs into the image, and is kept. The same if the storage is given back
# in the middle of the take, while a file system freezes.

DESCRIPTION="what was storage until before the take is data like any other"
TIMEOUT=120
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() {
	need_snapshots pattern
	need_module ext4 brd dm-mod
}

readonly RANGE=16384:32768

# A snapshot of $other whose storage is on $origin.
lend() {
	lender=$(snap create "$other")
	at_exit_case destroy_snapshot "$lender"
	snap append "$lender" "$origin" "$RANGE"
	snap take "$lender"
	overwrite "$other"
}

# The take $taker has left out what was storage, and waits for the file system.
is_freezing() { grep -q freeze_devices "/proc/$taker/stack"; }

given_back_before() {
	local lender

	lend
	snapshot=
	create_snapshot snapshot "$origin"
	destroy_snapshot "$lender"
	pattern fill "$origin" 2
	take_snapshot "$snapshot"
	pattern check "$image" 2
	pattern fill "$origin" 3 --only "$RANGE"
	pattern check "$image" 2
	destroy_snapshot "$snapshot"
}

given_back_meanwhile() {
	local lender below slow stuck taker image

	new_brd below 8
	new_dm_linear slow "$below"
	new_filesystem stuck ext4 "$slow"
	pattern fill "$origin" 4
	lend
	snapshot=
	create_snapshot snapshot "$origin" "$slow"
	dd if=/dev/zero of="$stuck/file" bs=64k count=16 status=none
	dmsetup suspend --noflush --nolockfs "$slow"
	at_exit_case dmsetup resume "$slow"
	start taker snap take "$snapshot"
	wait_until "the take waits for the file system" is_freezing
	destroy_snapshot "$lender"
	pattern fill "$origin" 5 --only "$RANGE"
	dmsetup resume "$slow"
	wait "$taker"
	image=$(snap images "$snapshot" | head -n 1)
	pattern check "$image" 5 --only "$RANGE"
	pattern fill "$origin" 6
	pattern check "$image" 5 --only "$RANGE"
	pattern check "$image" 4 --only 0:16384
	check "the snapshot holds" snapshot_holds "$snapshot"
	destroy_snapshot "$snapshot"
}

# And what is storage still at the take is left out.
not_given_back() {
	local lender

	pattern fill "$origin" 7
	lend
	snapshot_of "$origin"
	overwrite "$other"
	pattern check "$image" 7 --only 0:16384
	dd if="$image" bs=512 skip="${RANGE%:*}" count=8192 status=none |
		cmp -n 4194304 - /dev/zero
	destroy_snapshot "$snapshot"
	destroy_snapshot "$lender"
}

act() {
	local origin other storage

	new_disk origin
	new_disk storage
	new_brd other 8
	load_blksnap take_timeout_ms=$((1000 * $(seconds 30)))
	scope given_back_before
	echo "given back before"
	scope given_back_meanwhile
	echo "given back meanwhile"
	scope not_given_back
	echo "not given back"
}
