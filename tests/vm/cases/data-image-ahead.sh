# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# An image is written to where a copy ahead of a sequence is being read, which fails
# then, somewhere else. What is ahead of its time may be forgotten; not what an image
# has asked for.

DESCRIPTION="a write to an image does not wait for a copy ahead that failed"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() {
	need_module scsi_debug sd_mod dm-mod
	need_snapshots pattern
}

opts=/sys/bus/pseudo/drivers/scsi_debug/opts

# Two writes of 64 KiB are a sequence: as much is copied ahead, sectors 256 to 511.
BAD=480

holds_in_memory() { (($(snap info "$snapshot" memory) >= $1)); }

waits() { grep -qs ') D ' "/proc/$1"/task/*/stat; }

act() {
	local below origin first second

	new_scsi below dev_size_mb=16 medium_error_start=$BAD medium_error_count=2
	pattern fill "$below" 1
	new_dm_linear origin "$below"
	load_blksnap storage_timeout_ms=$((1000 * $(seconds 20)))
	snapshot_of "$origin"
	echo 2 >"$opts"
	at_exit_case sh -c "echo 0 >$opts"

	pattern write "$origin" --bs 64k --ops 1 --only 0:128 --gen 2
	wait_stored "$snapshot"
	dmsetup suspend --nolockfs "$origin"
	start first pattern write "$origin" --bs 64k --ops 1 --only 128:128 --gen 2
	at_exit_case dmsetup resume "$origin"
	wait_until "its copy and one ahead are read" holds_in_memory 196608
	start second pattern write "$image" --bs 4k --ops 1 --only 256:8 --gen 7
	wait_until "the image's write waits" waits "$second"
	# Nobody tells when the worker has seen its request. Too early is no failure.
	sleep 1
	dmsetup resume "$origin"
	wait "$first"
	wait "$second"
	pattern check "$image" 7 --only 256:8
	pattern check "$image" 1 --only 0:256
	echo 0 >"$opts"
	pattern check "$image" 1 --only 264:$((BAD - 264))
	pattern check "$image" 1 --only 512:30000
	pattern check "$origin" 2 --only 0:256
	check "the snapshot holds" snapshot_holds "$snapshot"
}
