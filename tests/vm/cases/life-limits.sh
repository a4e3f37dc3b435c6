# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Limits of one snapshot, set between its creation and its take, hold for it
# instead of the module's parameters: how much is asked for at a time, how much
# memory saved data may take, and how long a write waits for storage that hangs.

DESCRIPTION="a snapshot keeps to limits of its own"

requires() {
	need_snapshots pattern answer
	need_module brd dm-mod
}

is_waiting() { (($(snap info "$id" waiting) > 0)); }

act() {
	local i id most parameters=/sys/module/blksnap/parameters writer

	new_brd origin 16
	new_brd room 16
	new_dm_linear slow "$room"
	# By these nothing would happen in the time that a case has.
	load_blksnap memory_budget_mb=1024 storage_timeout_ms=3600000
	pattern fill "$origin" 1
	id=$(snap create "$origin")
	at_exit_case destroy_snapshot "$id"
	echo "by the parameters: $(snap event "$id" 10000)"
	snap limits "$id" 1048576 4096 $((1000 * $(seconds 3)))
	snap append "$id" "$slow" 0:4096
	snap take "$id"
	echo "after the take: $(answer snap limits "$id" 0 2048 0)"
	# Not in sequence: nothing is copied ahead.
	for ((i = 16; i >= 0; i--)); do
		dd if=/dev/zero of="$origin" bs=64k seek=$i count=1 oflag=direct conv=notrunc status=none
	done
	echo "by its own: $(snap event "$id" 10000)"
	snap append "$id" "$slow" 4096:28672
	wait_stored "$id"
	echo "held 17: $(snap info "$id" held), waiting: $(snap info "$id" waiting)"
	echo "copied, of the device: $(snap info "$id" copied), $(snap counters "$id")"
	echo "portion $(snap info "$id" portion), used $(snap info "$id" used), free $(snap info "$id" free)"

	dmsetup suspend --nolockfs "$slow"
	start writer pattern fill "$origin" 2 --only 8192:16384
	wait_until "a write waits" is_waiting
	most=$(snap info "$id" memory)
	check "memory stays within the limit, it was $most" test "$most" -le 1048576
	wait_until "the snapshot is given up" is_corrupt "$id"
	wait "$writer"
	pattern check "$origin" 2 --only 8192:16384
	echo "given up: error $(snap info "$id" error), waiting: $(snap info "$id" waiting)"
	dmsetup resume "$slow"
	snap destroy "$id"
	echo "the parameters: $(<$parameters/memory_budget_mb) $(<$parameters/storage_timeout_ms) $(<$parameters/diff_storage_minimum)"
	id=$(snap create "$origin")
	echo "the next one: $(snap info "$id" memory-limit) $(snap info "$id" timeout) $(snap info "$id" portion)"
	snap destroy "$id"
}
