# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Invariant I2, and its counterpart: between two takes, what counts as changed is
# what was written, to the block. A writer that runs across takes is in the one
# period or in the other.

DESCRIPTION="blocks changed between takes are those written, no more and no less"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() { need_snapshots pattern; }

# snap's list of blocks changed since a number, as pattern blocks makes it.
changed_since() { snap map "$origin" | pattern changed "$1"; }

number() { snap trackers | awk '{ print $3 }'; }

take_anew() {
	[[ ! ${snapshot:-} ]] || destroy_snapshot "$snapshot"
	snapshot_of "$origin"
}

act() {
	local n base writers

	new_disk origin
	load_blksnap tracking_block_minimum_shift=12
	snapshot=
	take_anew
	for n in {1..5}; do
		base=$(number)
		pattern write "$origin" --threads 2 --ops 100 --bs 512-64k --align 512 \
			--seed "$n" --gen "$n$((n % 2))0000" --log "$CASE_TMP/log$n" --no-check
		take_anew
		cmp <(changed_since "$base") <(pattern blocks 4096 <"$CASE_TMP/log$n")
	done
	cmp <(changed_since 1) <(cat "$CASE_TMP"/log? | pattern blocks 4096)
	cmp <(changed_since 3) <(cat "$CASE_TMP"/log[345] | pattern blocks 4096)
	echo "random writes"

	# Nothing at all, but flushes.
	base=$(number)
	pattern write "$origin" --bs 4k --ops 1 --fsync 1 --only 0:8
	take_anew
	changed_since "$base"
	base=$(number)
	sync "$origin"
	blockdev --flushbufs "$origin"
	take_anew
	check "a flush changes nothing" test "$(snap changed "$origin" "$base")" = 0

	base=$(number)
	destroy_snapshot "$snapshot"
	blkdiscard -o 40960 -l 8192 "$origin"
	blkdiscard -z -o 409600 -l 4096 "$origin"
	take_anew
	changed_since "$base"

	base=$(number)
	start writers pattern write "$origin" --threads 2 --bs 512-16k --align 512 \
		--log "$CASE_TMP/across" --no-check --gen 9000000
	for n in {1..4}; do
		take_anew
		sleep 0.2
	done
	stop "$writers"
	take_anew
	cmp <(changed_since "$base") <(pattern blocks 4096 <"$CASE_TMP/across")
	echo "writes across takes"
}
