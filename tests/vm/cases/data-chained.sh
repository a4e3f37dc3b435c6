# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Zeroing a large device is a chain of thousands of bios, each of which ends the next.
# When the first one ends last they all end in it: one after another, and not each
# inside the one before, for which no stack is deep enough.                    I5

DESCRIPTION="thousands of chained bios that wait for one end when that does"

requires() {
	need_snapshots pattern
	need_module brd dm-mod dm-zero dm-delay
}

# A bio of zeros, of pages that is, has a MiB; the first is slow.
FIRST=2048
SECTORS=$((5 << 21))

writes() {
	local fields
	read -ra fields <"/sys/dev/block/$1/stat" && echo "${fields[4]}"
}

most_have_ended() { (($(writes "$1") > 5000)); }

act() {
	local storage slow nothing below origin device zeroing

	new_brd storage 16
	new_brd slow 16
	load_blksnap
	new_dm below "0 $FIRST linear $slow 0"
	new_dm nothing "0 $SECTORS zero"
	# dm-delay passes no request for zeros on, so that these are written.
	printf '%s\n' "0 $FIRST delay $below 0 0" "$FIRST $((SECTORS - FIRST)) delay $nothing $FIRST 0" |
		dmsetup create case-origin
	at_exit_case dmsetup remove case-origin
	origin=/dev/mapper/case-origin
	device=$(dmsetup info -c --noheadings --separator : -o major,minor case-origin)
	snapshot_of "$origin"
	snap destroy "$snapshot"

	dmsetup suspend --nolockfs case-below
	at_exit_case dmsetup resume case-below
	start zeroing blkdiscard --force --zeroout "$origin"
	wait_until "all but the first have ended" most_have_ended "$device"
	check "it waits for the first" [ -d "/proc/$zeroing" ]
	dmsetup resume case-below
	wait "$zeroing"
	echo "$(writes "$device") writes"
	snapshot_of "$origin"
	echo "$(snap map "$origin" | pattern changed 1 | wc -l) blocks changed"
}
