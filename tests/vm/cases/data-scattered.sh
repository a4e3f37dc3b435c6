# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A large write over blocks that were saved one by one, so that they lie in more
# extents than a look-up without locks follows: it is let go, and its range, all
# of it, reads as before in the image. So do pieces that are half saved, and a
# read that is cut at each of them.

DESCRIPTION="large writes and reads over blocks saved one by one are whole"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() {
	need_module brd dm-delay
	need_snapshots pattern
}

# Every second block of MiB number $1, counted from block $2 on.
every_second() {
	local at

	for ((at = $2; at < 256; at += 2)); do
		echo "$(($1 * 2048 + at * 8)):8"
	done | shuf --random-source=/bin/bash | while read -r range; do
		pattern write "$origin" --only "$range" --bs 4k --ops 1 --gen "$3" --no-check
	done
}

act() {
	local below

	new_brd below 4
	new_dm_delay origin "$below" 5 0
	pattern fill "$origin" 1
	snapshot_of "$origin"

	every_second 0 0 10
	timeout "$(seconds 60)" pattern write "$origin" --only 0:2048 --bs 1M --ops 1 --gen 20
	timeout "$(seconds 60)" pattern write "$origin" --only 0:2048 --bs 128k --seq --ops 8 --gen 30
	every_second 1 1 10
	# Cut at every block, and read anew where a writer comes between.
	start readers pattern watch "$image" 1 --readers 4
	dd if="$image" of="$CASE_TMP/whole" bs=1M iflag=direct status=none
	timeout "$(seconds 60)" pattern write "$origin" --only 2048:2048 --bs 1M --ops 1 --gen 20
	timeout "$(seconds 60)" pattern write "$origin" --only 4096:4096 --bs 512-256k --align 512 --ops 60 --gen 20
	stop "$readers"
	pattern check "$CASE_TMP/whole" 1
	pattern check "$image" 1
	pattern check "$below" 30-99 --only 0:2048
	pattern check "$below" 20-99 --only 2048:2048
}
