# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A partition is a part of its disk, so a write through the one changes the
# other: whichever is snapshotted, whichever is written to.

DESCRIPTION="writes through a disk reach its partition's snapshot, and the reverse"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() { need_snapshots pattern; }

# In sectors; neither end is a multiple of 4 KiB.
start_of_part=2051
size_of_part=20011

act() {
	local disk part image_of_disk image_of_part

	new_disk disk
	new_partition part "$disk" 1 "$start_of_part" "$size_of_part"

	echo "the disk is snapshotted, the partition written to"
	pattern fill "$disk" 1
	snapshot_of "$disk"
	overwrite "$part"
	pattern check "$image" 1
	must_fail pattern check "$disk" 1
	destroy_snapshot "$snapshot"
	snap untrack "$disk"

	echo "the partition is snapshotted, the disk written to"
	pattern fill "$part" 1
	snapshot_of "$part"
	blockdev --getsz "$image"
	overwrite "$disk"
	pattern check "$image" 1
	must_fail pattern check "$part" 1
	destroy_snapshot "$snapshot"

	echo "both in one snapshot"
	pattern fill "$disk" 1
	pattern fill "$part" 1
	snapshot_of "$disk" "$part"
	image_of_disk=${image[0]}
	image_of_part=${image[1]}
	overwrite "$part" --gen 1000
	overwrite "$disk" --gen 100000
	pattern check "$image_of_part" 1
	pattern check "$image_of_disk" 1 --only 0:"$start_of_part"
	pattern check "$image_of_disk" 1 --only $((start_of_part + size_of_part)):50000
	cmp -n $((size_of_part * 512)) -i $((start_of_part * 512)):0 "$image_of_disk" "$image_of_part"
	pattern check "$disk" 100000-200000
}
