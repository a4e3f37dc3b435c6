# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Every call, asked for what it must not do, in each state of a snapshot, and
# the errno that the interface promises for it.

DESCRIPTION="what must not be done is answered with the errno promised"

requires() {
	need_snapshots refusals
	need_module brd
}

act() {
	new_brd tracked 4
	new_brd plain 4
	new_brd storage 4
	load_blksnap
	refusals "$tracked" "$plain" "$storage"
}
