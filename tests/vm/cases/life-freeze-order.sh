# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A device and the one below it in one snapshot, named in either order, with
# writes on their way from the one to the other at the take: those are writes
# under way above, and new ones below.

DESCRIPTION="a device and the one below it are taken together"
MACHINE=turns

requires() {
	need_snapshots pattern answer
	need_module brd dm-mod dm-delay
}

try() {
	local words=$1 id i
	shift
	for ((i = 0; i < 3; i++)); do
		id=$(snap create "$@")
		append_storage "$id" "$room"
		echo "$words: $(answer snap take "$id")"
		destroy_snapshot "$id"
	done
}

act() {
	new_brd below 8
	new_brd room 8
	load_blksnap take_timeout_ms=$((1000 * $(seconds 2)))
	new_dm_delay above "$below" 0 100
	pattern write "$above" --threads 4 --shared &
	sleep 0.5
	try "the upper one first" "$above" "$below"
	try "the lower one first" "$below" "$above"
	kill %%
	wait %% || true
}
