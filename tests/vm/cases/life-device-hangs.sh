# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A mapped device on which a write hangs cannot be tracked: what is under way does
# not end. That is found out without stopping what does work of it.

DESCRIPTION="a mapped device with a write that hangs is refused, and goes on as it can"

requires() {
	need_snapshots answer
	need_module brd dm-mod
}

act() {
	local works hangs below origin sectors writer

	new_brd works 16
	new_brd hangs 16
	load_blksnap take_timeout_ms=3000
	new_dm_linear below "$hangs"
	sectors=$(blockdev --getsz "$works")
	printf '%s\n' "0 $sectors linear $works 0" "$sectors $sectors linear $below 0" |
		dmsetup create case-origin
	at_exit_case dmsetup remove case-origin
	origin=/dev/mapper/case-origin

	# What is written to the second half waits below it.
	dmsetup suspend --nolockfs case-below
	at_exit_case dmsetup resume case-below
	start writer dd if=/dev/zero of="$origin" bs=4k count=1 seek=$((sectors / 8)) \
		oflag=direct conv=notrunc status=none
	sleep 1
	echo "with a write that hangs: $(answer snap create "$origin")"
	check "what does not hang can be read" \
		timeout "$(seconds 20)" dd if="$origin" of=/dev/null bs=4k count=1 iflag=direct status=none
	dmsetup resume case-below
	wait "$writer"
	echo "when it has ended: $(answer snap create "$origin")"
	snap destroy "$(snap list)"

	# It is tracked now. What was passed on keeps its record until it ends.
	dmsetup suspend --nolockfs case-below
	start writer dd if=/dev/zero of="$origin" bs=4k count=1 seek=$((sectors / 8)) \
		oflag=direct conv=notrunc status=none
	sleep 1
	echo "untracked while one hangs: $(answer snap untrack "$origin")"
	echo "and tracked again: $(answer snap create "$origin")"
	dmsetup resume case-below
	wait "$writer"
	echo "when it has ended: $(answer snap create "$origin")"
	snap destroy "$(snap list)"
}
