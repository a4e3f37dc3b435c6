# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Devices on both sides of the sizes at which blocks of the map double, up to tens
# of TiB: a change is where it was made, the first and the last sector included,
# however the map is read, and so is what was saved. Sparse files: what is not
# written takes no room.                                                   I2 I3

DESCRIPTION="the map of a large device is right from its first block to its last"

requires() {
	need_snapshots
	need_module brd loop
}

# The numbers of the blocks of @device that have changed, read in pieces.
changes() {
	local map=$CASE_TMP/map piece

	snap map "$1" >"$map"
	for piece in 4096 65537 1000003; do
		snap map "$1" "$piece" | cmp "$map"
	done
	truncate -s "$(stat -c %s "$map")" "$map.zeros"
	# cmp counts from 1, and ends with 1 when there are differences
	(cmp -l "$map" "$map.zeros" || true) | awk '{ print $1 - 1 "=" $2 }' | paste -sd' '
	rm "$map" "$map.zeros"
}

# put WORD SECTOR, and get DEVICE SECTOR.
put() { printf %-512s "$1" | dd of="$device" bs=512 seek="$2" oflag=direct status=none; }
get() { dd if="$1" bs=512 skip="$2" count=1 iflag=direct status=none | tr -d ' \0'; }

one_size() {
	local device end sectors sector

	new_loop device "$1"
	end=$(($(blockdev --getsz "$device") - 1))
	# Beside the edges of blocks, of regions, and of 2^32 sectors.
	sectors=(0 2097151 2097153 $((end / 3)) $((end - 1)) "$end")
	((end < 4294967296)) || sectors+=(4294967295 4294967296)
	for sector in "${sectors[@]}"; do
		put before "$sector"
	done
	snapshot_of "$device"
	for sector in "${sectors[@]}"; do
		put after "$sector"
		check "sector $sector is as it was" test "$(get "$image" "$sector")" = before
		check "its original is not" test "$(get "$device" "$sector")" = after
	done
	destroy_snapshot "$snapshot"
	put again 4096
	snapshot_of "$device"
	echo "$1: $(snap trackers | cut -d' ' -f3-): $(changes "$device")"
	destroy_snapshot "$snapshot"
	snap untrack "$device"
}

act() {
	local storage size

	new_brd storage 16
	load_blksnap
	for size in 127G 128G 129G 2049G 16385G; do
		scope one_size "$size"
	done
}
