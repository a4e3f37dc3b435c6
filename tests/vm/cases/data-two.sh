# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Two snapshots of different devices at a time, with storage on one device, and
# one of them ends first.

DESCRIPTION="two snapshots of different devices live and end by themselves"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() { need_snapshots pattern; }

act() {
	local first second room early late image_of_first image_of_second writers

	new_disk first
	new_disk second
	new_disk unused
	new_disk room
	pattern fill "$first" 1
	pattern fill "$second" 1
	load_blksnap
	early=$(snap create "$first")
	at_exit_case destroy_snapshot "$early"
	late=$(snap create "$second")
	at_exit_case destroy_snapshot "$late"
	must_fail snap append "$early" "$room" 0:999999999
	snap append "$early" "$room" 0:131072
	must_fail snap append "$late" "$room" 65536:65536
	snap append "$late" "$room" 131072:131072
	take_snapshot "$early"
	image_of_first=$image
	pattern write "$second" --ops 100 --bs 64k
	pattern fill "$second" 3
	take_snapshot "$late"
	image_of_second=$image
	snap list | wc -l

	start readers pattern watch "$image_of_second" 3 --readers 2
	start writers pattern write "$second" --threads 2 --bs 512-16k --gen 10
	pattern write "$first" --threads 2 --bs 512-16k --ops 200
	overwrite "$first"
	pattern check "$image_of_first" 1
	destroy_snapshot "$early"
	overwrite "$first" --gen 1000
	stop "$writers" "$readers"
	overwrite "$second" --gen 1000000
	pattern check "$image_of_second" 3
	check "the later one holds" snapshot_holds "$late"
}
