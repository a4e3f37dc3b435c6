# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The calls that this implementation adds, in each state of a snapshot: what they
# answer, each errno that the interface promises for them, and arguments that
# nobody in his right mind would give. Who may call is the same as everywhere.

DESCRIPTION="the added calls answer, and refuse, as the interface promises"

requires() {
	need_snapshots additions answer setpriv
	need_module brd
}

as_nobody() { answer setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$@"; }

act() {
	local id=00000000-0000-0000-0000-000000000000

	new_brd tracked 4
	new_brd plain 4
	new_brd storage 4
	load_blksnap tracking_block_minimum_shift=12
	additions "$tracked" "$plain" "$storage"
	echo "as nobody in particular:"
	echo "changes: $(as_nobody snap changes "$tracked" $id 0)"
	echo "limits: $(as_nobody snap limits $id 0 0 0)"
	echo "information: $(as_nobody snap tracker "$tracked")"
}
