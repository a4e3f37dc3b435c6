# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# One writes a MiB at a time, and many write 4 KiB to another device of the snapshot.
# The storage is slow, so all wait for memory, and what is given back is never a MiB
# at once. The large writes must come by their share: storage that goes on is no reason
# for the snapshot to end.                                                         I5

DESCRIPTION="large writes wait no longer than small ones for slow storage"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() {
	need_module brd dm-delay
	need_snapshots pattern
}

# There is never so little that a MiB would fit.
is_filled() { (($(snap info "$snapshot" memory) > 900000)); }

act() {
	local below few many storage writers

	new_disk many
	new_disk unused
	new_disk unused
	new_disk below
	new_brd few 8
	# Slower than the writers, where these are slow as well.
	new_dm_delay storage "$below" 0 $((200 * $(seconds 1)))
	load_blksnap memory_budget_mb=1 storage_timeout_ms=$((1000 * $(seconds 3)))
	pattern fill "$few" 1
	snapshot_of "$few" "$many"
	start writers pattern write "$many" --threads 4 --uring --depth 32 --bs 4k --no-check
	wait_until "the memory is full" is_filled
	pattern write "$few" --seq --bs 1M --ops 2
	stop "$writers"
	check "the snapshot holds" snapshot_holds "$snapshot"
	pattern check "$image" 1
	pattern check "$few" 1-3
}
