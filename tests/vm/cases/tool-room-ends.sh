# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The room for overwritten data ends in the middle of a backup: status 11 and
# advice, no point, and the file system that was backed up has not suffered.
# Then the storage lies on the snapshotted file system itself, in a file
# without a name, and that file system is filled to its last block.

DESCRIPTION="a backup whose room ends fails, and does no harm"
MACHINE="disk=a:192M disk=b:384M disk=c:384M disk=d:384M"

PATH=$(cd "${BASH_SOURCE[0]%/*}/../../.." && pwd -P)/build/tool:$PATH

requires() {
	need_blksnap
	need_tool blksnap e2fsck
	need_module ext4
	need_disks 2
}

end_snapshots() {
	blksnap snapshot delete all
	wait_until "no process of a snapshot is left" no_process
}

sums_of() { (cd "$1" && find . -type f -exec sha256sum {} + | sort -k 2); }

# The file system as it is on the disk, once nobody uses it.
undamaged() {
	umount "$place"
	e2fsck -fn "$1" >/dev/null 2>&1
	mount "$1" "$place"
	sums_of "$place" | cmp - "$2"
}

# The backup stands still for the time it takes to overwrite more than the room.
room_ends() {
	local backup status=0

	start backup blksnap backup --to "$store/backups" --storage "$store" \
		--storage-size 4M --storage-limit 4M --progress none "$place" \
		2>"$CASE_TMP/advice"
	wait_until "the snapshot is taken" test -b /dev/blksnap-image0
	kill -STOP "$backup"
	dd if=/dev/urandom of="$place/large" bs=1M count=24 conv=fsync status=none
	kill -CONT "$backup"
	wait "$backup" || status=$?
	echo "the backup ended with $status"
	grep -q 'overflowed.*the devices themselves are unharmed' "$CASE_TMP/advice"
	grep -q 'with a larger --storage-limit' "$CASE_TMP/advice"
	check "there is no point" [ ! "$(find "$store/backups" -type f -name '*.json')" ]
	check "there is no data of one" [ ! "$(find "$store/backups/data" -type f)" ]
	check "there is no snapshot" [ ! "$(blksnap snapshot list -n)" ]
	wait_until "no process is left" no_process
	sums_of "$place" >"$CASE_TMP/sums"
	check "the file system is whole" undamaged "$disk" "$CASE_TMP/sums"
	rm "$place/large"
	blksnap backup --to "$store/backups" -q "$place" >/dev/null
	blksnap verify -q "$store/backups"
	echo "with room it succeeds"
}

storage_inside() {
	# 64 MiB must be left to others; all the rest is storage, or of no use.
	fallocate -l "$(($(df --output=avail -BM "$place" | sed -n '2s/M//p') - 150))M" "$place/ballast"
	sums_of "$place" >"$CASE_TMP/before"
	blksnap snapshot create --storage "$place" --storage-size 84M --storage-limit 84M \
		"$place" >/dev/null
	sums_of "$place" >"$CASE_TMP/sums"
	check "the storage has no name" cmp "$CASE_TMP/before" "$CASE_TMP/sums"
	dd if=/dev/blksnap-image0 of="$CASE_TMP/image" iflag=direct bs=1M status=none
	rm -r "$place/files"
	dd if=/dev/zero of="$place/filler" bs=1M status=none 2>/dev/null || true
	dd if=/dev/zero of="$place/crumbs" bs=1k status=none 2>/dev/null || true
	sync -f "$place"
	echo "room left: $(df --output=avail "$place" | tail -n 1 | tr -d ' ')"
	echo "state: $(blksnap snapshot list -n -o STATE)"
	echo 3 >/proc/sys/vm/drop_caches
	dd if=/dev/blksnap-image0 iflag=direct bs=1M status=none | cmp - "$CASE_TMP/image"
	blksnap mount /dev/blksnap-image0 /mnt
	sums_of /mnt >"$CASE_TMP/sums"
	blksnap umount /mnt
	check "the image has all files as they were" cmp "$CASE_TMP/before" "$CASE_TMP/sums"
	sums_of "$place" >"$CASE_TMP/sums"
	end_snapshots
	check "the file system is whole" undamaged "$disk" "$CASE_TMP/sums"
	check "its storage is free again" [ "$(df --output=avail "$place" | tail -n 1)" -gt 30000 ]
}

act() {
	# What finds no room stays in memory, and would all find room there.
	load_blksnap memory_budget_mb=1
	new_disk disk
	new_disk keep
	new_filesystem place ext4 "$disk"
	new_filesystem store ext4 "$keep"
	at_exit_case end_snapshots
	cp -r /usr/include/linux/netfilter "$place/files"
	dd if=/dev/urandom of="$place/files/random" bs=1M count=6 status=none
	sync -f "$place"
	room_ends
	storage_inside
}
