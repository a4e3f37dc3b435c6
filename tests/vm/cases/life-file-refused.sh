# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Files that cannot be storage, and that an attempt leaves them as they were.

DESCRIPTION="a file whose blocks are not its own for good is refused"

requires() {
	need_snapshots answer xfs_io fallocate mkfs.btrfs
	need_module ext4 xfs btrfs brd
	need_disks 2
}

try() { echo "$1: $(answer snap append-file "$id" "$2")"; }

act() {
	local id small xfs btrfs inline

	new_brd origin 16
	new_brd small 16
	load_blksnap
	id=$(snap create "$origin")

	mkfs.ext4 -q -F -O inline_data -I 256 "$small"
	inline=$(mktemp -d "$CASE_TMP/inline.XXXXXX")
	mount "$small" "$inline"
	at_exit_case umount "$inline"
	echo "a few bytes" >"$inline/inline"
	: >"$inline/empty"
	truncate -s 1M "$inline/hole"
	dd if=/dev/zero of="$inline/cut" bs=1000 count=3 status=none
	sync -f "$inline"
	try "inline data" "$inline/inline"
	try "an empty file" "$inline/empty"
	try "a hole" "$inline/hole"
	try "less than a unit" "$inline/cut"
	try "a device" "$origin"
	try "a file in memory" "$(mktemp "$CASE_TMP/memory.XXXXXX")"
	fallocate -l 1M "$inline/swap"
	chmod 600 "$inline/swap"
	dd if=/dev/zero of="$inline/swap" bs=1M count=1 conv=notrunc status=none
	mkswap -q "$inline/swap"
	swapon "$inline/swap"
	try "a file that is swapped to" "$inline/swap"
	swapoff "$inline/swap"

	new_disk xfs
	new_filesystem xfs xfs "$xfs"
	dd if=/dev/urandom of="$xfs/one" bs=64k count=4 status=none
	cp --reflink=always "$xfs/one" "$xfs/other"
	sync -f "$xfs"
	try "shared blocks" "$xfs/one"
	new_disk btrfs
	new_filesystem btrfs btrfs "$btrfs"
	fallocate -l 1M "$btrfs/file"
	try "a file on btrfs" "$btrfs/file"

	[[ $(snap info "$id" storage) == 0 ]]
	echo "what was refused can be written:"
	echo "more" >>"$inline/inline"
	fallocate -l 1M "$inline/hole"
	echo "more" >>"$xfs/one"
	try "and given when it is fit" "$inline/hole"
	snap destroy "$id"
}
