# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# When storage is asked for: at the creation, and when what is free falls to
# half a portion, once for each append, also if that gave less than was asked.
# And that an append while saved data waits in memory comes in time.

DESCRIPTION="storage is asked for in time, and may come late"

requires() {
	need_snapshots pattern answer
	need_module brd
}

# Overwrites so many MiB/4 of the original, in places never written before.
overwrite() {
	pattern fill "$origin" 2 --only $((written * 512)):$(($1 * 512))
	written=$((written + $1))
	echo "written $written: $(answer_event)"
}

# What is asked for, if anything.
answer_event() { snap event "$id" 300 2>/dev/null || echo "no event"; }

act() {
	written=0
	new_brd origin 32
	new_brd storage 32
	# a portion of 2 MiB, which is 8 of our pieces
	load_blksnap diff_storage_minimum=4096
	pattern fill "$origin" 1
	id=$(snap create "$origin")
	echo "created: $(answer_event), then $(answer_event)"
	snap append "$id" "$storage" 0:2048
	snap append "$id" "$storage" 2048:2048
	snap take "$id"
	echo "two appends and taken: $(answer_event)"
	overwrite 1
	overwrite 2
	overwrite 1
	overwrite 1
	overwrite 1
	echo "less than asked for:"
	snap append "$id" "$storage" 4096:512
	overwrite 1
	overwrite 1
	echo "and as much:"
	snap append "$id" "$storage" 4608:4096
	overwrite 2
	overwrite 3

	echo "more than there is room:"
	overwrite 16
	check "data waits in memory" [ "$(snap info "$id" memory)" -gt 1048576 ]
	echo "state $(snap info "$id" state), all of $(snap info "$id" storage) used"
	pattern check /dev/blksnap-image0 1
	snap append "$id" "$storage" 8704:20480
	wait_stored "$id"
	pattern check /dev/blksnap-image0 1
	overwrite 1
	wait_stored "$id"
	echo "used $(snap info "$id" used)"
	snap destroy "$id"
}
