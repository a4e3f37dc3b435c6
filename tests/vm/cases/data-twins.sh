# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Invariant I8: all devices of a snapshot show one instant. A row is written to
# the first device, and when that is done to the second: no snapshot may hold it
# there alone.

DESCRIPTION="a row is never in a snapshot without its twin that was written before"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() {
	need_module brd dm-delay
	need_snapshots pattern
}

act() {
	local first second below writers n

	new_disk first
	new_brd below 16
	new_dm_delay second "$below" 0 2
	new_disk storage
	# The hook is in its place before they begin: see turns in ../README.md.
	snapshot_of "$first" "$second"
	destroy_snapshot "$snapshot"
	start writers pattern twin-write "$first" "$second" --threads 4
	for n in {1..6}; do
		if ((n % 2)); then
			snapshot_of "$first" "$second"
			pattern twins "${image[0]}" "${image[1]}" --threads 4
		else
			snapshot_of "$second" "$first"
			pattern twins "${image[1]}" "${image[0]}" --threads 4
		fi
		destroy_snapshot "$snapshot"
	done
	stop "$writers"
	pattern twins "$first" "$second" --threads 4
}
