# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# An image is written to where its original has just been: what the original's writer
# had copied is on its way to the storage, and what lies beside it is not saved yet.
# The write must have that saved as well, and not wait for what nobody does.   I3

DESCRIPTION="a write to an image has all saved that is not, whoever began with it"

requires() {
	need_module brd dm-mod
	need_snapshots pattern
}

holds_in_memory() { (($(snap info "$snapshot" memory) >= $1)); }

act() {
	local below origin storage writer

	new_brd origin 16
	new_brd below 16
	new_dm_linear storage "$below"
	load_blksnap storage_timeout_ms=$((1000 * $(seconds 30)))
	pattern fill "$origin" 1
	snapshot_of "$origin"

	dmsetup suspend --nolockfs "$storage"
	at_exit_case dmsetup resume "$storage"
	pattern write "$origin" --bs 4k --ops 1 --only 1024:8 --gen 2
	wait_until "the first block is in memory" holds_in_memory 4096
	start writer pattern write "$image" --bs 64k --ops 1 --only 1024:128 --gen 7
	wait_until "all of the write is in memory" holds_in_memory 65536
	dmsetup resume "$storage"
	wait "$writer"
	pattern check "$image" 7 --only 1024:128
	pattern check "$image" 1 --only 0:1024
	pattern check "$image" 1 --only 1152:31000
	pattern check "$origin" 1-2
	check "the snapshot holds" snapshot_holds "$snapshot"
}
