# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Storage that is slower than the writers fills the memory set aside for copies.
# Writers then wait for it, none fails, and nothing is lost. Meanwhile images
# are read from that memory.

DESCRIPTION="writers faster than the storage wait, and the snapshot holds"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() {
	need_module brd dm-delay
	need_snapshots pattern
}

act() {
	local most=0 memory writers

	new_disk origin
	new_brd below 32
	# So slow that whoever looks now and then finds memory in use.
	new_dm_delay storage "$below" 0 300
	load_blksnap memory_budget_mb=1
	pattern fill "$origin" 1 --only 0:32768
	snapshot_of "$origin"
	start readers pattern watch "$image" 1 --only 0:32768
	start writers pattern write "$origin" --threads 4 --ops 75 --bs 4k-64k --align 4k --only 0:32768
	while [[ -d /proc/$writers ]]; do
		memory=$(snap info "$snapshot" memory)
		most=$((memory > most ? memory : most))
		sleep 0.1
	done
	stop "$writers" "$readers"
	pattern check "$image" 1 --only 0:32768
	check "the snapshot holds" snapshot_holds "$snapshot"
	check "memory stays within the budget, it was $most" test "$most" -le 1048576
	check "memory was used" test "$most" -gt 0
}
