# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Devices whose size is not a multiple of 4 KiB, whose partitions begin anywhere,
# and whose sectors have 4 KiB or more.

DESCRIPTION="odd sizes, odd starts and 4 KiB sectors are right to the last one"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() {
	need_module dm-mod scsi_debug sd_mod loop
	need_snapshots pattern
}

# The SCSI disk takes memory at any multiple of 4, others of 512. None wants more than
# whole pages.
whole_sectors() {
	local sector

	sector=$(blockdev --getss "$1")
	(($(<"/sys/block/${1##*/}/queue/dma_alignment") >= (sector < 4096 ? sector : 4096) - 1))
}

overwritten() {
	local device=$1 align=$2 last
	shift 2

	last=$(($(blockdev --getsz "$device") - align / 512))
	pattern fill "$device" 1
	snapshot_of "$device"
	check "the image has the size" test "$(blockdev --getsz "$image")" = "$(blockdev --getsz "$device")"
	check "and the sectors" test "$(blockdev --getss "$image")" = "$(blockdev --getss "$device")"
	check "and takes no memory that the storage might not" whole_sectors "$image"
	start readers pattern watch "$image" 1 --align "$align" --readers 2 \
		--except "$last:$((align / 512))"
	pattern write "$device" --bs "$align" --ops 1 --only "$last:$((align / 512))"
	pattern check "$image" 1 --only "$last:$((align / 512))"
	pattern write "$device" --bs "$align-32k" --align "$align" --ops 100
	overwrite "$device" --align "$align"
	pattern write "$image" --bs "$align" --ops 1 --only "$last:$((align / 512))" --gen 77
	pattern check "$image" 77 --only "$last:$((align / 512))"
	stop "$readers"
	pattern check "$image" 1 --only "0:$last"
	pattern check "$device" 2-99999
	destroy_snapshot "$snapshot"
	snap untrack "$device"
}

odd_size() {
	local odd

	new_dm odd "0 16387 linear $disk 5"
	overwritten "$odd" 512
}

odd_part() {
	local part

	new_partition part "$disk" 2 4099 12283
	overwritten "$part" 512
}

large_sectors() {
	local scsi

	new_scsi scsi sector_size=4096 dev_size_mb=8
	overwritten "$scsi" 4096
}

large_sectors_of_loop() {
	local loop

	new_loop loop 8M --sector-size 4096
	overwritten "$loop" 4096
}

# Larger than a page, on kernels that have such blocks.
larger_blocks_of_loop() {
	local loop file=$CASE_TMP/larger

	truncate -s 8M "$file"
	loop=$(losetup --find --show --sector-size 16384 "$file" 2>/dev/null) || return 0
	at_exit_case losetup -d "$loop"
	overwritten "$loop" 16384
}

act() {
	local disk what

	new_disk disk
	load_blksnap
	for what in odd_size odd_part large_sectors large_sectors_of_loop larger_blocks_of_loop; do
		scope "$what"
		echo "$what"
	done
}
