# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Storage may lie on the snapshotted device itself. It is neither copied nor
# tracked, or each copy would bring the next (I4). In the image it reads as
# zeros, unless it was saved before, and it counts as changed when it is given
# back, since what is in there now is something else.

DESCRIPTION="storage on the snapshotted device is not copied, not tracked, and zero"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() { need_snapshots pattern; }

act() {
	local memory

	new_disk origin
	load_blksnap tracking_block_minimum_shift=12
	pattern fill "$origin" 1
	snapshot=$(snap create "$origin")
	at_exit_case destroy_snapshot "$snapshot"
	# 24 MiB behind the first 8, and a MiB at the very end.
	snap append "$snapshot" "$origin" 16384:49152 129024:2048
	take_snapshot "$snapshot"
	start readers pattern watch "$image" 1 --except 16384:49152 --except 129024:2048

	pattern write "$origin" --threads 2 --ops 300 --bs 512-16k --only 65536:32768
	pattern write "$origin" --seq --bs 1M --ops 8 --only 0:16384
	stop "$readers"
	pattern check "$image" 1 --only 0:16384
	pattern check "$image" 1 --only 65536:63488
	dd if="$image" bs=512 skip=16384 count=49152 status=none | cmp -n 25165824 - /dev/zero
	dd if="$image" bs=512 skip=129024 count=2048 status=none | cmp -n 1048576 - /dev/zero
	check "the snapshot holds" snapshot_holds "$snapshot"
	memory=$(snap info "$snapshot" copied)
	check "storage was not copied, in all $memory were" test "$memory" -le 25165824
	check "storage was written to" test "$(snap info "$snapshot" stored)" -gt 0

	# Written to, it is the image's like all else.
	pattern fill "$image" 5 --only 20003:61
	pattern fill "$image" 6 --only 129024:8
	pattern check "$image" 5 --only 20003:61
	pattern check "$image" 6 --only 129024:8
	dd if="$image" bs=512 skip=16384 count=3619 status=none | cmp -n 1852928 - /dev/zero
	dd if="$image" bs=512 skip=20064 count=1000 status=none | cmp -n 512000 - /dev/zero
	pattern check "$image" 1 --only 0:16384
	pattern check "$image" 1 --only 65536:63488

	# Appended later: what is saved already stays, the rest turns to zeros.
	pattern write "$origin" --bs 4k --ops 1 --only 100000:8
	snap append "$snapshot" "$origin" 99992:16
	pattern check "$image" 1 --only 100000:8
	dd if="$image" bs=512 skip=99992 count=8 status=none | cmp -n 4096 - /dev/zero

	destroy_snapshot "$snapshot"
	new_disk storage
	snapshot_of "$origin"
	snap map "$origin" | pattern changed 1 |
		awk '$1 >= 2048 && $1 < 8192 { n++ } END { print n, "blocks of storage changed" }'
	snap map "$origin" | pattern changed 1 |
		awk '$1 >= 8192 && $1 < 12288 { n++ } END { exit n == 0 }'
	pattern check "$image" 1-999999 --only 0:16384
}
