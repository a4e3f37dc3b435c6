# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A snapshot is destroyed while somebody waits for room that nobody gives: who
# writes to the image, or who writes to the original and has filled the memory.
# Neither keeps it from going away at once, nor the module from unloading.

DESCRIPTION="a snapshot goes at once, whoever waits for its room"

requires() {
	need_snapshots pattern
	need_module brd
}

is_written() { (($(snap info "$id" copied) > 1048576)); }

act() {
	local id writer status begin

	new_brd origin 32
	new_brd room 32
	load_blksnap storage_timeout_ms=100000
	pattern fill "$origin" 1
	id=$(snap create "$origin")
	snap append "$id" "$room" 0:2048
	snap take "$id"
	start writer dd if=/dev/zero of=/dev/blksnap-image0 bs=64k count=64 oflag=direct status=none
	wait_until "the image's writer has filled the storage" is_written
	sleep 1
	check "it waits" kill -0 "$writer"
	begin=$SECONDS
	snap destroy "$id"
	check "it went at once" [ $((SECONDS - begin)) -lt "$(seconds 20)" ]
	status=0
	wait "$writer" 2>/dev/null || status=$?
	echo "the image's writer ended with $status"
	pattern check "$origin" 1
	unload_blksnap
}
