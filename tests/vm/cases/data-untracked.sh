# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A device that is not tracked is none of our business: its writes are not held,
# beside a snapshot of another one and while the modules come and go.

DESCRIPTION="untracked devices do not notice, not even as the modules come and go"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M turns"

requires() { need_snapshots pattern; }

act() {
	local on_disk on_ram on_disk_nowait plain tracked ram n id

	new_disk plain
	new_disk tracked
	new_disk storage
	new_brd ram 32
	load_blksnap
	scope beside_a_snapshot
	unload_blksnap

	start on_disk pattern write "$plain" --uring --bs 512-32k --no-check
	start on_ram pattern write "$ram" --bs 4k-64k --align 4k --no-check
	start on_disk_nowait pattern write "$plain" --shared --nowait --bs 4k
	for n in {1..10}; do
		load_blksnap
		id=$(snap create "$tracked")
		((n % 2)) || append_storage "$id" "$storage"
		((n % 2)) || snap take "$id"
		snap destroy "$id"
		((n % 3)) || snap untrack "$tracked"
		unload_blksnap
	done
	stop "$on_disk" "$on_ram" "$on_disk_nowait"
}

beside_a_snapshot() {
	local before

	snapshot_of "$tracked"
	pattern write "$tracked" --ops 10
	before=$(snap info "$snapshot" held)
	check "tracked writes are held" test "$before" -gt 0
	pattern write "$plain" --threads 2 --uring --ops 400 --bs 512-32k
	pattern write "$plain" --nowait --ops 200
	check "others are not" test "$(snap info "$snapshot" held)" = "$before"
	snap trackers | wc -l
}
