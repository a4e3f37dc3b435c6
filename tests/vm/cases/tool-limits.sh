# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The command's options for what a snapshot may use reach the module; what the
# module refuses is explained, and leaves no snapshot behind.

DESCRIPTION="the command sets limits of a snapshot"

PATH=$(cd "${BASH_SOURCE[0]%/*}/../../.." && pwd -P)/build/tool:$PATH

requires() {
	need_snapshots
	need_tool blksnap sfdisk
	need_module brd
}

create() { blksnap snapshot create --no-grow --storage-device "$room" "$@" "$origin"; }

# create_and_show OPTIONS: what the module says about the new snapshot.
create_and_show() {
	local id

	create "$@" >"$CASE_TMP/created"
	id=$(head -n 1 "$CASE_TMP/created")
	echo "$(snap info "$id" memory-limit) $(snap info "$id" portion) $(snap info "$id" timeout)"
	blksnap snapshot delete "$id"
}

act() {
	new_brd origin 16
	new_brd room 16
	load_blksnap memory_budget_mb=3
	create_and_show --memory-limit 2M --storage-portion 4M --storage-timeout 7
	create_and_show --storage-timeout 1
	{ create --memory-limit 64k 2>&1 || true; } | grep -o "'64k' is neither a size nor a time"
	snap list
	{ create --storage-timeout soon 2>&1 || true; } |
		grep -o "'soon' is neither a size nor a time"
	printf 'size=4096\n' | sfdisk -q "$room"
	{ create 2>&1 || true; } | grep -o 'holds dos, which would be overwritten'
	snap list
}
