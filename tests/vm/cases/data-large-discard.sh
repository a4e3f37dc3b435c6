# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# One bio may touch far more than fits in memory. A discard that would need a
# copy is dropped, zeroes are written after a copy piece by piece; neither may
# take more memory than the budget (I7), on a machine that has not that much.

DESCRIPTION="a GiB is discarded, and zeroed, with 512 MiB of memory"
MACHINE="mem=512 disk=a:1100M disk=b:1200M"

requires() { need_snapshots pattern; }

parts="0:16384 1048000:16384 2228224:16384"

each_part() {
	local part

	for part in $parts; do
		"$@" --only "$part"
	done
}

act() {
	local origin least=999999999 available zeroing

	new_disk origin
	each_part pattern fill "$origin" 1
	load_blksnap memory_budget_mb=16
	snapshot_of "$origin"

	blkdiscard -o 0 -l 1G "$origin"
	each_part pattern check "$image" 1
	echo "discarded"

	start zeroing blkdiscard -z -o 0 -l 1G "$origin"
	while [[ -d /proc/$zeroing ]]; do
		available=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
		least=$((available < least ? available : least))
		sleep 0.2
	done
	wait "$zeroing"
	echo "zeroed"
	echo "at least $least KiB were available" >&2
	check "memory stays bounded, $least KiB were left" test "$least" -gt 100000
	each_part pattern check "$image" 1
	cmp -n 8388608 "$origin" /dev/zero
	check "the snapshot holds" snapshot_holds "$snapshot"

	# All is saved now: a discard goes on to the device.
	blkdiscard -o 0 -l 1G "$origin"
	each_part pattern check "$image" 1
	fallocate --punch-hole --offset 0 --length 64M "$origin"
	each_part pattern check "$image" 1
	echo "discarded again"
}
