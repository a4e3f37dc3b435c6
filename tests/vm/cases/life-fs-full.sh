# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The file system that is snapshotted also holds the storage, in an unlinked
# file, and is then filled to the last block: the snapshot stays right, and
# when it is gone the file system is whole.

DESCRIPTION="a file system can be filled around the storage that it holds"

requires() {
	need_snapshots pattern answer fallocate
	need_module ext4 xfs dm-mod
	need_disks 2
}

# As many MiB of the disk as a file system of that type has to have.
fill_around() {
	local type=$1 size=$2 disk part place id storage avail options=ro

	new_disk disk
	new_dm "part_$type" "0 $((size * 2048)) linear $disk 0"
	part=/dev/mapper/case-part_$type
	new_filesystem place "$type" "$part"
	cp -r /usr/include/linux/netfilter "$place/files"
	# Not much is left to be overwritten, and room enough for that.
	avail=$(df --output=avail -BM "$place" | sed -n '2s/M//p')
	fallocate -l $((avail - 20))M "$place/large"
	sync -f "$place"
	id=$(snap create "$part")
	at_exit_case destroy_snapshot "$id"
	exec {storage}<>"$place/storage"
	fallocate -l 15M "/proc/self/fd/$storage"
	rm "$place/storage"
	snap append-file "$id" "/proc/self/fd/$storage" >/dev/null
	exec {storage}<&-
	snap take "$id"
	[[ $type != ext4 ]] || cp /dev/blksnap-image0 "$CASE_TMP/before"

	rm -r "$place/files"
	dd if=/dev/zero of="$place/filler" bs=1M status=none 2>/dev/null || true
	dd if=/dev/zero of="$place/crumbs" bs=1k status=none 2>/dev/null || true
	sync -f "$place"
	check "it is full" test "$(df --output=avail "$place" | tail -n 1)" -lt 100
	echo "$type: state $(snap info "$id" state)"
	if [[ $type == ext4 ]]; then
		check "the image has not changed" cmp "$CASE_TMP/before" /dev/blksnap-image0
	else
		options=ro,nouuid
	fi
	mount -t "$type" -o "$options" /dev/blksnap-image0 /mnt
	check "the files are there" diff -r /usr/include/linux/netfilter /mnt/files
	umount /mnt
	snap destroy "$id"
	umount "$place"
	if [[ $type == ext4 ]]; then
		fsck.ext4 -fn "$part" >/dev/null 2>&1
	else
		xfs_repair -n "$part" >/dev/null 2>&1
	fi
	echo "no damage"
	mount "$part" "$place"
}

act() {
	load_blksnap
	fill_around ext4 40
	fill_around xfs 310
}
