# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Changed ranges, and what the command makes of them, are what was written or
# declared, to the block: on a device of 20 TiB that exists at its ends only, where the numbers are
# large and a map is looked through in many pieces; in whatever portions they are
# asked for.

DESCRIPTION="changed ranges of 20 TiB are those written, no more and no less"

PATH=$(cd "${BASH_SOURCE[0]%/*}/../../.." && pwd -P)/build/tool:$PATH

requires() {
	need_snapshots pattern
	need_tool blksnap
	need_module brd dm-mod dm-zero
}

SECTORS=$((20 << 31))
BLOCK=$((16 << 20))

# What is written in the middle reads as zeros: the ranges are what counts here.
new_huge_device() {
	local middle=$((SECTORS - 65536))

	printf '%s\n' "0 32768 linear $first 0" "32768 $middle zero" \
		"$((SECTORS - 32768)) 32768 linear $last 0" | dmsetup create case-huge
	at_exit_case dmsetup remove case-huge
	origin=/dev/mapper/case-huge
}

scatter() {
	pattern write "$origin" --ops "$1" --bs 4k-256k --align 4k --seed "$2" --shared \
		--no-check --log "$CASE_TMP/log$2" "${@:3}"
}

changes() { snap changes "$origin" "$generation" "$@" | pattern blocks $BLOCK; }

act() {
	local generation written

	new_brd first 16
	new_brd last 16
	new_brd storage 16
	new_huge_device
	load_blksnap
	snapshot_of "$origin"
	generation=$(snap tracker "$origin" generation)
	check "a block is 16 MiB" [ "$(snap tracker "$origin" block-size)" = $BLOCK ]
	snap destroy "$snapshot"
	scatter 800 1
	# All of a stretch that no single look-through covers.
	echo "$((SECTORS / 2)):$((70000 * 32768))" >"$CASE_TMP/log2"
	snap dirty "$origin" "$(<"$CASE_TMP/log2")"
	scatter 50 3 --only $((SECTORS - 32768)):32768
	snapshot_of "$origin"
	cat "$CASE_TMP"/log? | pattern blocks $BLOCK >"$CASE_TMP/written"
	written=$(wc -l <"$CASE_TMP/written")
	check "much was written, $written blocks" [ "$written" -gt 70000 ]
	cmp "$CASE_TMP/written" <(changes 1)
	cmp "$CASE_TMP/written" <(changes 1 1)
	cmp "$CASE_TMP/written" <(changes 1 3)
	cmp "$CASE_TMP/written" <(changes 0)
	cmp "$CASE_TMP/written" <(blksnap diff --since 1 "$origin" 2>/dev/null |
		awk '{ printf "%.0f:%.0f\n", $1 / 512, $2 / 512 }' | pattern blocks $BLOCK)
	check "nothing changed since the last take" [ ! "$(changes 2)" ]
	check "as many were counted" \
		[ "$(snap tracker "$origin" changed-last)" = "$written" ]
	# The second half of the device, from the middle of a block on. (Not head: who
	# does not read to the end may kill who writes.)
	snap changes "$origin" "$generation" 1 512 $((SECTORS / 2 + 8)) | sed -n 1p
}
