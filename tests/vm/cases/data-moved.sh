# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The promise of a small unit: what is read from the original and written to
# the storage together is little more than twice what was overwritten.

DESCRIPTION="4 KiB random overwrites move at most 2.1 bytes a byte, and only once"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() { need_snapshots pattern; }

moved() { echo $(($(snap info "$snapshot" copied) + $(snap info "$snapshot" stored))); }

act() {
	local overwritten before

	new_disk origin
	snapshot_of "$origin"
	check "nothing was moved yet" test "$(moved)" = 0
	pattern write "$origin" --threads 2 --ops 700 --log "$CASE_TMP/log"
	wait_stored "$snapshot"
	overwritten=$(($(pattern blocks 4096 <"$CASE_TMP/log" | wc -l) * 4096))
	before=$(moved)
	echo "moved $before, overwritten $overwritten" >&2
	check "at most 2.1 bytes are moved" test $((before * 10)) -le $((overwritten * 21))
	check "all was copied" test "$before" -ge $((overwritten * 2))

	pattern write "$origin" --threads 2 --ops 700 --gen 5000
	wait_stored "$snapshot"
	check "nothing is moved a second time" test "$(moved)" = "$before"
}
