# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Where the original is slow, reads of the image, copies and writers overlap in
# every order. An image read that was overtaken by a write must not show it
# (I6), and no write may overtake the copy of what was there (I1).

DESCRIPTION="an image of a slow device shows nothing that overtook it"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() {
	need_module brd dm-delay
	need_snapshots pattern
}

act() {
	new_brd below 2
	new_dm_delay origin "$below" 20 0
	pattern fill "$origin" 1
	snapshot_of "$origin"
	start readers pattern watch "$image" 1 --readers 8
	pattern write "$origin" --shared --threads 4 --ops 60 --align 512 --bs 512-8k
	overwrite "$origin"
	stop "$readers"
	pattern check "$image" 1
	pattern check "$below" 2-99999
}
