# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What is written to an image needs a place on the storage. Where there is none,
# and nobody gives any in time, the write fails with the errno that says so: it
# neither hangs nor ends the snapshot, and succeeds when there is room.

DESCRIPTION="a write to an image for which there is no room fails, and nothing else"

requires() {
	need_snapshots pattern answer
	need_module brd
}

act() {
	local id at

	new_brd origin 32
	new_brd room 32
	load_blksnap storage_timeout_ms=2000 memory_budget_mb=2
	pattern fill "$origin" 1
	id=$(snap create "$origin")
	at_exit_case destroy_snapshot "$id"
	snap append "$id" "$room" 0:2048
	snap take "$id"

	{ LC_ALL=C dd if=/dev/zero of=/dev/blksnap-image0 bs=4k count=512 oflag=direct 2>&1 || true; } |
		sed -n 's/.*\(No space left\).*/\1/p'
	echo "state $(snap info "$id" state), error $(snap info "$id" error)"
	# Past its end, wherever that was, the image is what it was.
	pattern check /dev/blksnap-image0 1 --only 8192:57344
	pattern check "$origin" 1
	# However many try: the memory is that of the origin's writers.
	for at in 4 8 12 16 20 24 28; do
		must_fail dd if=/dev/zero of=/dev/blksnap-image0 bs=1M seek=$at count=1 oflag=direct
	done
	echo "state $(snap info "$id" state)"
	pattern fill "$origin" 2 --only 8192:1024
	pattern check /dev/blksnap-image0 1 --only 8192:57344

	snap append "$id" "$room" 2048:63488
	dd if=/dev/zero of=/dev/blksnap-image0 bs=4k count=512 oflag=direct status=none
	cmp -n 2097152 /dev/zero /dev/blksnap-image0
	pattern check /dev/blksnap-image0 1 --only 8192:57344
}
