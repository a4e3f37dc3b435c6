# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The storage runs out, or breaks, under a snapshot: the original goes on
# unharmed, its image answers EIO everywhere, one event tells of it, and so does
# the information call for as long as the snapshot is there.

DESCRIPTION="without storage the snapshot ends and the original goes on"

requires() {
	need_snapshots pattern answer
	need_module brd dm-mod
}

# Prints the events there are, but those that ask for room.
other_events() {
	local event

	while event=$(snap event "$1" 500 2>/dev/null); do
		[[ $event == low_free_space* ]] || echo "event: ${event/ *:* / }"
	done
}

# What is left of a snapshot that is corrupt.
tell_corrupt() {
	local image at

	wait_until "the snapshot is corrupt" is_corrupt "$1"
	other_events "$1"
	echo "error $(snap info "$1" error), held in memory $(snap info "$1" memory)"
	for image in $(snap images "$1"); do
		for at in 0 9 4095 8191; do
			must_fail dd if="$image" bs=4k skip=$at count=1 iflag=direct
		done
		must_fail dd if=/dev/zero of="$image" bs=4k count=1 oflag=direct
		must_fail dd if=/dev/zero of="$image" bs=4k seek=77 count=1 oflag=direct
		must_fail dd if="$image" bs=1M count=1
	done
	echo "take again: $(answer snap take "$1")"
	echo "the map: $(answer snap map "$origin")"
}

act() {
	new_brd origin 32
	new_brd second 32
	new_brd room 32
	load_blksnap memory_budget_mb=1
	pattern fill "$second" 1

	# All of 1 MiB on the storage and 1 MiB in memory, and some.
	id=$(snap create "$origin" "$second")
	snap append "$id" "$room" 0:2048
	snap take "$id"
	pattern fill "$origin" 2
	pattern check "$origin" 2
	tell_corrupt "$id"
	pattern check "$second" 1
	pattern write "$origin" --ops 50 --bs 4096
	# Room comes too late.
	echo "append: $(answer snap append "$id" "$room" 2048:8192)"
	must_fail dd if=/dev/blksnap-image0 bs=4k count=1 iflag=direct
	other_events "$id"
	echo "state $(snap info "$id" state)"
	snap destroy "$id"

	# The storage breaks.
	new_dm_linear weak "$room"
	id=$(snap create "$origin" "$second")
	append_storage "$id" "$weak"
	snap take "$id"
	pattern fill "$origin" 3 --only 0:512
	dmsetup suspend "$weak"
	dmsetup load "$weak" --table "0 65536 error"
	dmsetup resume "$weak"
	pattern fill "$origin" 3
	pattern check "$origin" 3
	tell_corrupt "$id"
	snap destroy "$id"

	# And the next snapshot is as good as any.
	id=$(snap create "$origin")
	append_storage "$id" "$second"
	snap take "$id"
	pattern fill "$origin" 4 --only 0:4096
	pattern check /dev/blksnap-image0 3
	snap destroy "$id"
}
