# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The original answers nothing for longer than writers may wait for the storage. That
# is not the storage's fault: the snapshot is whole when it answers again. But where it
# takes much longer the snapshot is given up, as other writers of it may wait.  I5

DESCRIPTION="an original that hangs for a while does not end its snapshot"

requires() {
	need_snapshots pattern
	need_module brd dm-mod
}

are_held() { [[ $(cat /sys/class/blksnap/*/waiting_writes) == 4 ]]; }

# Writers that together need more memory than there is, so that some find no budget.
overwrite() {
	local i

	for i in 0 1 2 3; do
		dd if="$CASE_TMP/new" of="$origin" bs=1M skip=$i seek=$i count=1 oflag=direct \
			conv=notrunc status=none &
	done
	wait
}

is_overwritten() { cmp -n 4M "$CASE_TMP/new" "$origin"; }

take() {
	id=$(snap create "$origin")
	snap event "$id" 10000 >/dev/null
	append_storage "$id" "$room"
	snap take "$id"
}

hangs_for_a_while() {
	take
	dmsetup suspend --nolockfs "$origin"
	overwrite &
	wait_until "all writers wait" are_held
	sleep "$(seconds 5)"
	echo "it hangs: state $(snap info "$id" state)"
	dmsetup resume "$origin"
	wait %%
	check "the original is what was written" is_overwritten
	pattern check /dev/blksnap-image0 1
	echo "it answers: state $(snap info "$id" state), error $(snap info "$id" error)"
	snap destroy "$id"
}

hangs_for_long() {
	take
	dmsetup suspend --nolockfs "$origin"
	overwrite &
	wait_until "the snapshot is given up" is_corrupt "$id"
	dmsetup resume "$origin"
	wait %%
	check "the original is what was written" is_overwritten
	echo "it hung for long: error $(snap info "$id" error)"
	snap destroy "$id"
}

act() {
	new_brd below 16
	new_brd room 16
	new_dm_linear origin "$below"
	load_blksnap memory_budget_mb=1 storage_timeout_ms=$((1000 * $(seconds 3)))
	pattern fill "$origin" 1
	dd if=/dev/urandom of="$CASE_TMP/new" bs=4M count=1 iflag=fullblock status=none
	hangs_for_a_while
	pattern fill "$origin" 1
	hangs_for_long
}
