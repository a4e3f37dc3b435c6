# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A tracked device grows and shrinks: the next take reports a new generation
# with number 0 and the new size, and what it says from there on is right; the
# image of an earlier take keeps its size.

DESCRIPTION="a device that changes its size begins a new generation"

requires() {
	need_snapshots pattern answer
	need_module brd loop dm-mod
}

# The take, and what is known after it.
take() {
	id=$(snap create "$origin")
	at_exit_case destroy_snapshot "$id"
	append_storage "$id" "$room"
	snap take "$id"
	local generation number block count
	read -r _ generation number block count < <(snap trackers)
	[[ $generation == "$last" ]] && echo -n "the same" || echo -n "a new"
	last=$generation
	echo " generation, take $number, $count blocks of $block, image of $(blockdev --getsz /dev/blksnap-image0)"
	echo "changed since the last one: $(snap changed "$origin" "$((number ? number - 1 : 0))")"
}

reload_dm() {
	dmsetup suspend "$origin"
	dmsetup load "$origin" --table "0 $1 linear $below 0"
	dmsetup resume "$origin"
}

through_sizes() {
	local resize=$1

	pattern fill "$origin" 1 --only 0:8192
	last=
	take
	echo "grows under the snapshot"
	$resize 16384
	pattern fill "$origin" 2 --only 8000:400
	pattern check /dev/blksnap-image0 1
	snap destroy "$id"
	take
	pattern fill "$origin" 3 --only 16000:128
	snap destroy "$id"
	take
	snap destroy "$id"
	echo "shrinks"
	$resize 4096
	take
	pattern fill "$origin" 3 --only 0:128
	# What belongs to it no more is written, and is none of its changes.
	[[ $resize != resize_partition ]] ||
		dd if=/dev/urandom of="$disk" bs=512 seek=$((2048 + 8000)) count=8 \
			oflag=direct conv=notrunc status=none
	snap destroy "$id"
	take
	snap destroy "$id"
	snap untrack "$origin"
}

resize_loop() {
	truncate -s $(($1 * 512)) "$CASE_TMP/file"
	losetup -c "$origin"
}

resize_partition() { resizepart "$disk" 1 "$1"; }

act() {
	new_brd below 16
	new_brd room 16
	load_blksnap
	new_dm origin "0 8192 linear $below 0"
	through_sizes reload_dm
	truncate -s 4M "$CASE_TMP/file"
	origin=$(losetup --find --show "$CASE_TMP/file")
	at_exit_case losetup -d "$origin"
	echo "a loop device:"
	through_sizes resize_loop
	new_brd disk 16
	new_partition origin "$disk" 1 2048 8192
	echo "a partition:"
	through_sizes resize_partition
}
