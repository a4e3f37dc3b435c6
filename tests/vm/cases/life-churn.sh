# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Eight threads make every call at once on the same devices and snapshots while
# these are written: only the errors that each call may give, nothing in the
# kernel's log, and nothing left at the end.

DESCRIPTION="eight threads making every call get in nobody's way"

requires() {
	need_snapshots churn pattern
	need_module brd dm-mod
}

act() {
	new_brd a 4
	new_brd b 4
	new_brd c 4
	new_brd room 4
	new_disk beside
	new_dm_linear above "$c"
	load_blksnap
	# The hook stays in its place all the time: see turns in ../README.md.
	snap destroy "$(snap create "$beside")"
	pattern write "$a" --threads 2 --shared &
	churn "$(seconds 5)" "$room" "$a" "$b" "$c" "$above"
	kill %%
	wait %% || true
	[[ ! $(snap list) ]]
	for device in "$a" "$b" "$c" "$above"; do
		snap untrack "$device" 2>/dev/null || true
	done
	snap untrack "$beside"
	[[ ! $(snap trackers) ]]

	# All is as if nothing had happened.
	pattern fill "$a" 1
	storage=$room snapshot_of "$a"
	pattern fill "$a" 2 --only 0:4096
	pattern check "$image" 1
}
