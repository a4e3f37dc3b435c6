# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A file as storage, on ext4 and on XFS, on a file system of its own and on the
# very one that is being snapshotted: while it is held nobody can write,
# truncate, punch or remove it, nor take the file system away from under it,
# also when whoever gave it was killed; a read-only remount is allowed; after
# the snapshot all is as before.

DESCRIPTION="a file that is storage is held, and let go with the snapshot"

requires() {
	need_snapshots pattern answer xfs_io fallocate
	need_module ext4 xfs brd
	need_disks 2
}

# Whatever would change where the file's data lies, or write to it.
try_all() {
	local file=$1

	echo "write: $(answer dd if=/dev/zero of="$file" bs=4k count=1 conv=notrunc status=none)"
	echo "truncate: $(answer truncate -s 4096 "$file")"
	echo "punch: $(answer fallocate --punch-hole -o 0 -l 65536 "$file")"
	echo "collapse: $(answer fallocate --collapse-range -o 0 -l 65536 "$file")"
	echo "remove: $(answer rm "$file")"
	echo "as swap: $(answer swapon "$file")"
	echo "twice: $(answer snap append-file "$id" "$file")"
}

# A file of so many blocks, as fragmented as interleaving two files makes it.
fragmented() {
	local i

	{
		echo "open -f $1.between"
		for ((i = 0; i < $2; i++)); do
			printf 'file %u\nfalloc %u 4096\n' 0 $((i << 12)) 1 $((i << 12))
		done
	} | xfs_io -f "$1" >/dev/null
	rm "$1.between"
}

on_a_filesystem() {
	local type=$1 disk place id unlinked

	new_disk disk
	new_filesystem place "$type" "$disk"
	fallocate -l 2M "$place/whole"
	truncate -s 9M "$place/sparse"
	fallocate -o 1M -l 1M "$place/sparse"
	fallocate -o 4M -l 4M "$place/sparse"
	fragmented "$place/fragmented" 1536	# more extents than are asked for at once
	echo "data" >"$place/data"
	sync -f "$place"

	echo "$type:"
	pattern fill "$origin" 1
	id=$(snap create "$origin" "$disk")
	for file in whole sparse fragmented; do
		echo "$file: $(snap append-file "$id" "$place/$file") sectors"
	done
	(($(snap ranges "$id" | wc -l) >= 1200)) || fail "too few ranges"
	exec {unlinked}<>"$place/unlinked"
	fallocate -l 8M "/proc/self/fd/$unlinked"
	rm "$place/unlinked"
	snap append-file "$id" "/proc/self/fd/$unlinked"
	exec {unlinked}<&-
	snap take "$id"
	pattern fill "$origin" 2
	pattern check /dev/blksnap-image0 1
	(($(snap info "$id" used) > 10 * 2048)) || fail "not much was stored"
	try_all "$place/whole"
	must_fail umount "$place"
	echo "more" >>"$place/data"
	sync -f "$place"
	pattern check /dev/blksnap-image0 1

	snap destroy "$id"
	dd if=/dev/zero of="$place/whole" bs=64k count=1 conv=notrunc,fsync status=none
	truncate -s 4096 "$place/sparse"
	rm "$place/whole" "$place/fragmented"
	sync -f "$place"
}

# What a linked file allows and an unlinked one cannot.
read_only() {
	local disk place id

	new_brd disk 16
	new_filesystem place ext4 "$disk"
	fallocate -l 8M "$place/file"
	sync -f "$place"
	id=$(snap create "$origin")
	snap append-file "$id" "$place/file" >/dev/null
	snap take "$id"
	echo "remount read-only: $(answer mount -o remount,ro "$place")"
	pattern fill "$origin" 3 --only 0:8192
	pattern check /dev/blksnap-image0 2
	snap destroy "$id"
	umount "$place"
	fsck.ext4 -fn "$disk" >/dev/null
	mount "$disk" "$place"
}

# The giver dies, and with it its descriptors.
killed_giver() {
	local disk place id

	new_brd disk 16
	new_filesystem place ext4 "$disk"
	fallocate -l 8M "$place/file"
	sync -f "$place"
	id=$(snap create "$origin")
	(
		exec 5<>"$place/file"
		rm "$place/file"
		snap append-file "$id" /proc/self/fd/5 >/dev/null
		snap take "$id"
		kill -9 "$BASHPID"
	) || echo "the giver was killed"
	pattern fill "$origin" 4 --only 0:8192
	pattern check /dev/blksnap-image0 2-3
	must_fail umount "$place"
	snap destroy "$id"
}

act() {
	new_brd origin 16
	load_blksnap
	on_a_filesystem ext4
	on_a_filesystem xfs
	read_only
	killed_giver
}
