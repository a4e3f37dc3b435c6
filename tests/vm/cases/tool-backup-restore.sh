# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# ext4 on a disk and XFS on LVM, backed up together, in full and then as an
# increment; both points are compared with the images that they were made from,
# verified, and restored to a blank disk. The qcow2 images are also judged by
# qemu-img alone.

DESCRIPTION="a full backup and an increment restore to what was there"
MACHINE="disk=a:64M disk=b:384M disk=c:384M disk=d:384M"

PATH=$(cd "${BASH_SOURCE[0]%/*}/../../.." && pwd -P)/build/tool:$PATH

requires() {
	need_blksnap
	need_tool blksnap qemu-img lvcreate mkfs.xfs xfs_repair e2fsck
	need_module ext4 xfs dm-mod
	need_disks 4
}

new_volume() {
	export DM_DISABLE_UDEV=1
	modprobe dm-mod
	pvcreate -q "$2" >/dev/null
	vgcreate -q vg "$2" >/dev/null
	at_exit_case end_volume
	lvcreate -q -Zn -n data -L 320M vg >/dev/null 2>&1
	printf -v "$1" %s /dev/mapper/vg-data
}

end_volume() { vgchange -q -an vg >/dev/null; }

# The hashes of all files below a place.
sums_of() { (cd "$1" && find . -type f -exec sha256sum {} + | sort -k 2); }

# Nothing is left of the snapshots, nor of the processes that fed them.
end_snapshots() {
	blksnap snapshot delete all
	wait_until "no process of a snapshot is left" no_process
}

# The id of the Nth point, and the qcow2 image of its Nth device.
point() { basename -s .json "$backups"/points/*.json | sed -n "$1 p"; }

data_of() { echo "$backups/data/$(point "$1").$2.qcow2"; }

kib() { du -k "$1" | cut -f 1; }

# What is wrong with a restored file system, or with its files, ends the case.
examine() {
	local options=ro

	[[ $1 != xfs ]] || options=ro,nouuid
	[[ $1 != ext4 ]] || e2fsck -fn "$target" >/dev/null 2>&1
	mount -t "$1" -o "$options" "$target" /mnt
	sums_of /mnt >"$CASE_TMP/restored"
	umount /mnt
	check "the files of $1 are those of $2" cmp "$CASE_TMP/restored" "$2"
	# The mount has replayed the journal.
	if [[ $1 == ext4 ]]; then
		e2fsck -fn "$target" >/dev/null 2>&1
	else
		xfs_repair -n "$target" >/dev/null 2>&1
	fi
}

# The newest point, while the snapshot that it was made from is held.
compare_with_images() {
	local number=$1 device image name type

	blksnap verify --deep --progress none "$backups" >/dev/null
	while read -r device image; do
		name=${device##*/}
		qemu-img check -q "$(data_of "$number" "$name")"
		qemu-img compare -q -f qcow2 -F raw "$(data_of "$number" "$name")" "$image"
		blkdiscard -f "$target"
		blksnap restore --from "$backups" --device "$name=$target" -q
		check "what is restored of $name is its image" \
			cmp -n "$(blockdev --getsize64 "$image")" "$target" "$image"
		[[ $device == "$volume" ]] && type=xfs || type=ext4
		examine "$type" "$CASE_TMP/$type.$number"
		echo "point $number, $type"
	done < <(blksnap snapshot list -n -o DEVICE,IMAGE)
}

act() {
	load_blksnap
	new_disk disk
	new_disk below
	new_disk keep
	new_disk target
	new_volume volume "$below"
	new_filesystem small ext4 "$disk"
	new_filesystem large xfs "$volume"
	new_filesystem place ext4 "$keep"
	backups=$place/backups
	at_exit_case end_snapshots
	disk=$(readlink -f "$disk")

	cp -r /usr/include/linux/netfilter "$small/files"
	cp -r /usr/include/linux "$large/files"
	dd if=/dev/urandom of="$small/random" bs=1M count=16 status=none
	dd if=/dev/urandom of="$large/random" bs=1M count=16 status=none
	sums_of "$small" >"$CASE_TMP/ext4.1"
	sums_of "$large" >"$CASE_TMP/xfs.1"
	blksnap backup --to "$backups" --keep-snapshot --progress none "$small" "$volume" >/dev/null
	compare_with_images 1
	end_snapshots

	rm -r "$small/files"
	dd if=/dev/urandom of="$small/random" bs=4k seek=7 count=1 conv=notrunc status=none
	echo 'a word' >"$small/word"
	mv "$large/files/netfilter" "$large/moved"
	dd if=/dev/urandom of="$large/random" bs=4k seek=999 count=3 conv=notrunc status=none
	sums_of "$small" >"$CASE_TMP/ext4.2"
	sums_of "$large" >"$CASE_TMP/xfs.2"
	blksnap backup --to "$backups" --incremental require --keep-snapshot --progress none \
		"$disk" "$large" >/dev/null
	compare_with_images 2
	for name in "${disk##*/}" vg-data; do
		check "the increment of $name is small" \
			[ $(($(kib "$(data_of 2 "$name")") * 4)) -lt "$(kib "$(data_of 1 "$name")")" ]
	done
	end_snapshots

	blksnap verify --progress none "$backups" >/dev/null
	blkdiscard -f "$target"
	blksnap restore --from "$backups@$(point 1)" --device "$small=$target" -q
	examine ext4 "$CASE_TMP/ext4.1"
	echo "point 1 again"
}
