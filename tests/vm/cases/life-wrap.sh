# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Many takes in a row: their numbers run from 1 to 254, then start anew with 0
# and another generation; what changed is right after each, by a model.

DESCRIPTION="300 takes in a row count right, also past the 255th"
TIMEOUT=600

requires() {
	need_snapshots wrap
	need_module brd
}

act() {
	new_brd origin 4
	new_brd storage 4
	load_blksnap
	wrap "$origin" "$storage" 300
}
