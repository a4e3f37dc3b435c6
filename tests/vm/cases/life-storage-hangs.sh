# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Storage that answers no more: saved data fills the budget, writers wait for
# the time that is allowed and not longer, then the snapshot is given up and
# they go on. Reading what is known, and destroying, once the storage answers
# again, work as ever.

DESCRIPTION="storage that hangs holds up writers no longer than is allowed"

requires() {
	need_snapshots pattern answer
	need_module brd dm-mod
}

is_filled() { (($(snap info "$id" memory) > 900000)); }

act() {
	new_brd origin 16
	new_brd room 16
	new_dm_linear slow "$room"
	load_blksnap memory_budget_mb=1 storage_timeout_ms=$((1000 * $(seconds 1)))
	pattern fill "$origin" 1
	id=$(snap create "$origin")
	snap event "$id" 10000
	append_storage "$id" "$slow"
	snap take "$id"

	# A stall that ends in time hurts nobody.
	dmsetup suspend --nolockfs "$slow"
	pattern fill "$origin" 2 --only 0:8192 &
	wait_until "writers wait" is_filled
	dmsetup resume "$slow"
	wait %%
	pattern check /dev/blksnap-image0 1
	echo "it answered in time: state $(snap info "$id" state)"

	dmsetup suspend --nolockfs "$slow"
	pattern fill "$origin" 2 --only 8192:16384
	wait_until "the snapshot is corrupt" is_corrupt "$id"
	echo "it did not: error $(snap info "$id" error)"
	snap event "$id" 10000
	snap event "$id" 10000 | sed 's/ .*:[0-9]* / /'
	pattern fill "$origin" 2
	pattern check "$origin" 2
	must_fail dd if=/dev/blksnap-image0 bs=4k count=1 iflag=direct

	# What was sent to the storage is still there: destroying waits for it.
	snap destroy "$id" &
	dmsetup resume "$slow"
	wait %%
	[[ ! $(snap list) ]]
	pattern check "$origin" 2
}
