# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Whoever copies from sysfs into a file by sendfile() counts as a writer of that
# file system, also while sysfs makes up its mind. A take that locks readers out
# and then waits until the file system has no writers would wait for itself.

DESCRIPTION="a file system that reads of its own tracker can be frozen"

requires() {
	need_snapshots answer sendfiles
	need_module brd ext4
}

act() {
	local place id i file readers

	new_brd origin 32
	new_brd room 32
	new_filesystem place ext4 "$origin"
	load_blksnap take_timeout_ms=$((1000 * $(seconds 5)))
	for ((i = 0; i < 3; i++)); do
		id=$(snap create "$origin")
		at_exit_case destroy_snapshot "$id"
		append_storage "$id" "$room"
		readers=()
		for file in state changed_blocks; do
			sendfiles /sys/class/blksnap/*:*/"$file" "$place/$file" &
			readers+=($!)
			at_exit_case end_process $!
		done
		sleep 0.2
		echo "a take: $(answer snap take "$id")"
		kill "${readers[@]}"
		wait "${readers[@]}" || true
		destroy_snapshot "$id"
	done
}
