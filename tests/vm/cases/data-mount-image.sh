# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A file system finds in its image a disk as after a power failure at worst, and
# repairs it there: journals are replayed by writing to the image.

DESCRIPTION="images of ext4 and XFS are mounted read-write beside their originals"
MACHINE="mem=512 disk=a:1100M disk=b:1200M"

requires() {
	need_module dm-mod xfs ext4
	need_snapshots
}

mount_image() {
	local place

	place=$(mktemp -d "$CASE_TMP/image.XXXXXX")
	mount -t "$1" -o "$2" "$image" "$place"
	at_exit_case umount "$place"
	echo "$1: $(<"$place/before"), $(<"$place/file")"
	check "what came later is not there" test ! -e "$place/later"
	echo "written to the image" >"$place/later"
	rm "$place/before"
	sync -f "$place"
}

# Frozen by the module, so as if unmounted but for orphans; and above a linear
# target, where the module cannot freeze: with a journal to replay.
of_type() {
	local type=$1 options=$2 device=$3 place

	new_filesystem place "$type" "$device"
	echo "here before" >"$place/before"
	sync -f "$place"
	for n in {1..50}; do
		echo "file $n" >"$place/file"
	done
	if [[ $device == "$origin" ]]; then
		sync -f "$place"
	else
		xfs_io -c fsync "$place/file"
	fi
	snapshot_of "$origin"
	echo "later" >"$place/later"
	rm "$place/file"
	sync -f "$place"
	scope mount_image "$type" "$options"
	check "the original lives its own life" test "$(<"$place/later")" = later
	check "the snapshot holds" snapshot_holds "$snapshot"
	destroy_snapshot "$snapshot"
}

over_linear() {
	local line

	new_dm line "0 $(($(blockdev --getsz "$origin") - 8)) linear $origin 0"
	of_type "$1" "$2" "$line"
}

act() {
	new_disk origin
	new_disk storage
	load_blksnap
	scope of_type ext4 rw "$origin"
	scope over_linear ext4 rw
	sync
	scope of_type xfs rw,nouuid "$origin"
	scope over_linear xfs rw,nouuid
}
