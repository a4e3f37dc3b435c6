# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Linux 6.1 hands single pages to RAM disks without a bio: file systems of the
# mpage kind do, vfat for one, and so does swap. Those pages must be seen, too.

DESCRIPTION="pages that file systems and swap write to a RAM disk are seen"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() {
	need_module brd vfat
	need_tool mkswap
	need_snapshots pattern pageout
	busybox mkdosfs --help >/dev/null 2>&1 || skip "this busybox makes no vfat"
}

use_swap() {
	swapon "$1"
	at_exit_case swapoff "$1"
	pageout 8
}

act() {
	local fat swap place="$CASE_TMP/place" i

	new_brd fat 16
	new_brd swap 16
	busybox mkdosfs "$fat" >/dev/null
	mkdir "$place"
	mount -t vfat "$fat" "$place"
	at_exit_case umount "$place"
	for i in {0..99}; do
		printf '%8192s' "old $i" >"$place/$i"
	done
	pattern fill "$swap" 1
	mkswap -q "$swap"
	sync

	snapshot_of "$fat" "$swap"
	copy_of "${image[0]}" "$CASE_TMP/fat"
	copy_of "${image[1]}" "$CASE_TMP/swap"
	same "$swap" "$CASE_TMP/swap"

	# Written over in place; single pages far from each other.
	for i in {0..99..2}; do
		printf 'new %4092s' "$i" | dd of="$place/$i" bs=4096 conv=notrunc status=none
	done
	sync
	scope use_swap "$swap"
	check "vfat wrote" differs "$fat" "$CASE_TMP/fat"
	check "something was swapped out" differs "$swap" "$CASE_TMP/swap"
	same "${image[0]}" "$CASE_TMP/fat"
	same "${image[1]}" "$CASE_TMP/swap"
	check "the change map knows" test "$(snap changed "$fat" 0)" = 0
	destroy_snapshot "$snapshot"
	snapshot_of "$fat" "$swap"
	check "vfat's blocks count as changed" test "$(snap changed "$fat" 1)" -gt 0
	check "swap's blocks count as changed" test "$(snap changed "$swap" 1)" -gt 100
}
