# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A mapped device on which a write hangs cannot be tracked: what is under way does
# not end. That is found out without stopping what does work of it.

DESCRIPTION="a mapped device with a write that hangs is refused, and goes on as it can"

requires() {
	need_snapshots answer
	need_module dm-mod dm-multipath dm-round-robin
}

act() {
	local path other paths origin writer half=131072

	new_disk path
	new_disk other
	load_blksnap take_timeout_ms=3000
	modprobe -a dm-multipath dm-round-robin
	new_dm paths "0 $half multipath 3 queue_if_no_path queue_mode bio 0 1 1 round-robin 0 1 1 $path 1"
	printf '%s\n' "0 $half linear $other 0" "$half $half linear $paths 0" |
		dmsetup create case-origin
	at_exit_case dmsetup remove case-origin
	at_exit_case dmsetup message case-paths 0 fail_if_no_path
	origin=/dev/mapper/case-origin

	dmsetup message case-paths 0 fail_path "$path"
	start writer dd if=/dev/zero of="$origin" bs=4k count=1 seek=$((half / 8)) \
		oflag=direct conv=notrunc status=none
	sleep 1
	echo "with a write that hangs: $(answer snap create "$origin")"
	check "what does not hang can be read" \
		timeout "$(seconds 20)" dd if="$origin" of=/dev/null bs=4k count=1 iflag=direct status=none
	dmsetup message case-paths 0 reinstate_path "$path"
	wait "$writer"
	echo "when it has ended: $(answer snap create "$origin")"
	snap destroy "$(snap list)"
}
