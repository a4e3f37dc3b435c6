# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The original answers nothing for longer than writers may wait for the storage. That
# is not the storage's fault: the snapshot is whole when it answers again.  I5

DESCRIPTION="an original that hangs for a while does not end its snapshot"

requires() {
	need_snapshots pattern
	need_module brd dm-mod
}

are_many_held() { (($(snap info "$id" memory) > 900000)); }

act() {
	new_brd below 16
	new_brd room 16
	new_dm_linear origin "$below"
	load_blksnap memory_budget_mb=1 storage_timeout_ms=1000
	pattern fill "$origin" 1
	id=$(snap create "$origin")
	snap event "$id" 10000
	append_storage "$id" "$room"
	snap take "$id"

	# More than there is memory for, so that some find no budget.
	dmsetup suspend --nolockfs "$origin"
	pattern fill "$origin" 2 &
	wait_until "what is read fills the memory" are_many_held
	sleep 4
	echo "it hangs: state $(snap info "$id" state)"
	dmsetup resume "$origin"
	wait %%
	pattern check "$origin" 2
	pattern check /dev/blksnap-image0 1
	echo "it answers: state $(snap info "$id" state), error $(snap info "$id" error)"
	snap destroy "$id"
}
