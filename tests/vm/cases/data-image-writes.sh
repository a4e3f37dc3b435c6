# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# An image may be written to. What is written is seen in the image and nowhere
# else, is gone with the snapshot, and counts as changed: the next backup must
# copy what this one may have taken from the image.

DESCRIPTION="writes to an image stay in the image, and count as changed"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() { need_snapshots pattern; }

act() {
	local writers

	new_disk origin
	new_disk storage
	load_blksnap tracking_block_minimum_shift=12
	pattern fill "$origin" 1
	snapshot_of "$origin"
	check "nothing has changed" test "$(snap changed "$origin" 0)" = 0

	# A sector in the middle of a block that is not saved yet.
	pattern write "$image" --bs 512 --ops 1 --only 8003:1
	pattern check "$image" 2 --only 8003:1
	pattern check "$image" 1 --only 8000:3
	pattern check "$image" 1 --only 8004:9000
	snap map "$origin" | pattern changed 0
	pattern check "$origin" 1

	# And all over, while the original is overwritten, too.
	pattern write "$image" --threads 2 --bs 512-16k --ops 120 --gen 1000
	pattern check "$origin" 1
	start writers pattern write "$origin" --threads 2 --bs 512-16k --align 512 --gen 1000000
	pattern write "$image" --threads 2 --uring --bs 512-16k --ops 120 --gen 2000
	stop "$writers"
	pattern check "$image" 1-999999
	overwrite "$origin" --gen 5000000
	pattern check "$image" 1-999999
	pattern check "$origin" 5000000-6000000
	destroy_snapshot "$snapshot"

	snapshot_of "$origin"
	pattern check "$image" 5000000-6000000
	pattern write "$image" --bs 4k --ops 1 --only 800:8 --log "$CASE_TMP/log"
	destroy_snapshot "$snapshot"
	snapshot_of "$origin"
	pattern check "$image" 5000000-6000000
	# Number 3 was taken: only the image of number 2 was written to since.
	snap map "$origin" | pattern changed 2
}
