# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A block of the original that cannot be read is no fault of the snapshot: the
# write to it goes on, the image lacks just that block, and the rest holds.

DESCRIPTION="an unreadable block is missing in the image, and nothing else is"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() {
	need_module scsi_debug sd_mod
	need_snapshots pattern
}

opts=/sys/bus/pseudo/drivers/scsi_debug/opts

act() {
	new_scsi origin dev_size_mb=16 medium_error_start=$((0x1004)) medium_error_count=2
	pattern fill "$origin" 1
	echo 2 >"$opts"			# from here on two sectors cannot be read
	must_fail dd if="$origin" of=/dev/null bs=512 skip=$((0x1004)) count=1 iflag=direct
	snapshot_of "$origin"
	pattern write "$origin" --bs 64k --seq --ops 256 --no-check
	must_fail dd if="$image" of=/dev/null bs=512 skip=$((0x1004)) count=1 iflag=direct
	pattern check "$image" 1 --only 0:$((0x1000))
	pattern check "$image" 1 --only $((0x1008)):28000
	check "the snapshot holds" snapshot_holds "$snapshot"

	echo 0 >"$opts"
	pattern check "$origin" 2-99999
	must_fail dd if="$image" of=/dev/null bs=512 skip=$((0x1004)) count=1 iflag=direct
	pattern check "$image" 1 --only $((0x1008)):28000
	# Nothing is left that the next writes would have to wait for.
	overwrite "$origin"
	pattern check "$image" 1 --only 0:$((0x1000))
}
