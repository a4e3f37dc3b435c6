# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Ranges of storage that cannot be accepted, and that a call with one of these
# among others gives nothing at all. A partition and its disk are one device.

DESCRIPTION="storage is refused as a whole if any of it will not do"

requires() {
	need_snapshots answer sfdisk
	need_module brd loop
}

try() {
	local words=$1
	shift
	echo "$words: $(answer snap append "$@"), $(snap info "$id" storage) in all"
}

act() {
	local id other disk large

	new_brd origin 16
	new_brd second 16
	new_brd storage 16
	new_loop disk 16M --partscan
	printf 'start=2048,size=8192\nstart=10240,size=8192\n' | sfdisk -q "$disk"
	new_loop large 16M --sector-size 4096
	wait_until "there are partitions" test -b "${disk}p2"
	load_blksnap
	id=$(snap create "$origin")
	other=$(snap create "$second")

	try "past the end" "$id" "$storage" 32760:16
	try "a good one and one past the end" "$id" "$storage" 0:8 32768:8
	try "a good one and an empty one" "$id" "$storage" 0:8 8:0
	try "less than a unit" "$id" "$storage" 1:8
	try "overlapping each other" "$id" "$storage" 0:64 56:64
	try "half a block of a device of 4096" "$id" "$large" 4:8
	try "unaligned but with a unit inside" "$id" "$storage" 1:15
	snap ranges "$id" | cut -d' ' -f2
	try "the same again" "$id" "$storage" 1:15
	try "inside of it" "$id" "$storage" 8:8
	try "beside it" "$id" "$storage" 16:16
	try "to another snapshot" "$other" "$storage" 0:32
	try "beside it to another" "$other" "$storage" 32:32

	try "a partition" "$id" "${disk}p1" 0:8192
	try "the disk there" "$id" "$disk" 4096:8
	try "the disk there, another" "$other" "$disk" 2048:8192
	try "the other partition" "$id" "${disk}p2" 0:4096
	try "the disk in between" "$id" "$disk" 0:2048
	try "the disk behind" "$id" "$disk" 14336:4096
	try "and that partition again" "$id" "${disk}p2" 4096:8

	snap destroy "$id"
	id=$other
	try "what the first one had" "$other" "$storage" 0:32
	try "its disk" "$other" "$disk" 0:32768
	snap destroy "$other"
}
