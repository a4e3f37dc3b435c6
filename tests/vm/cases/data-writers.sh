# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Holding a write does not block its submitter, so one who may not be blocked
# has nothing to be refused. And who is killed takes nothing along.

DESCRIPTION="NOWAIT, io_uring, fsync and killed writers work as without a snapshot"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() { need_snapshots pattern; }

act() {
	local writer n

	new_disk origin
	pattern fill "$origin" 1
	snapshot_of "$origin"
	start readers pattern watch "$image" 1 --readers 2

	# EAGAIN would end it as failed.
	pattern write "$origin" --nowait --ops 500 --bs 4k-16k --align 4k --only 0:16384
	pattern write "$origin" --uring --depth 16 --threads 2 --ops 500 --bs 512-16k --only 16384:32768
	pattern write "$origin" --buffered --fsync 2 --ops 60 --bs 512-16k --only 49152:16384
	pattern write "$origin" --fsync 1 --ops 100 --only 65536:16384
	for n in 1 2 3; do
		start writer pattern write "$origin" --uring --depth 32 --bs 512-32k --seed "$n" \
			--only 81920:49152 --gen "${n}000000"
		sleep 0.3
		kill -KILL "$writer"
		wait "$writer" 2>/dev/null || true
		pattern check "$image" 1 --only 81920:49152
		pattern check "$origin" 1-9999999 --only 81920:49152
	done
	stop "$readers"
	pattern check "$image" 1
	check "the snapshot holds" snapshot_holds "$snapshot"
	check "writes were held" test "$(snap info "$snapshot" held)" -gt 100
}
