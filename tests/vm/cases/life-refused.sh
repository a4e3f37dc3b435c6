# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Devices whose writes cannot all be seen, or not in time, are refused with a
# reason in the log, and nothing is left of the attempt; a device that only
# looks similar is not.

DESCRIPTION="a device that cannot be covered is refused with a reason"

requires() {
	need_snapshots pattern answer mkswap mdadm
	need_module brd dm-mod null_blk zram ext4 raid1
}

# Prints the answer, and the reason from the log.
try() {
	local words=$1 id
	shift
	echo "blksnap-test: try $words" >/dev/kmsg
	echo "$words: $(answer snap create "$@")"
	dmesg | sed "0,/blksnap-test: try $words/d" |
		sed -n 's/.*blkfilter: [^ ]*: \(refused: [^;]*\).*/  \1/p'
	for id in $(snap list); do
		snap destroy "$id"
	done
	snap trackers | wc -l | sed 's/^/  trackers: /'
	snap untrack "$1" 2>/dev/null || true
}

act() {
	local origin line place

	new_brd origin 16
	load_blksnap

	rmmod null_blk 2>/dev/null || true
	modprobe null_blk nr_devices=1 gb=1 zoned=1 memory_backed=1
	at_exit_case rmmod null_blk
	try "a zoned device" /dev/nullb0
	try "a zoned device and one that is not" "$origin" /dev/nullb0

	modprobe zram num_devices=1
	at_exit_case rmmod zram
	echo 32M >/sys/block/zram0/disksize
	mkswap -q /dev/zram0
	swapon /dev/zram0
	at_exit_case swapoff -a
	try "zram in use as swap" /dev/zram0
	swapoff /dev/zram0
	new_filesystem place ext4 /dev/zram0
	try "zram with a file system" /dev/zram0

	new_dm_linear line "$origin"
	try "device-mapper" "$line"
	echo 0 >"/sys/block/${origin##*/}/queue/iostats"
	try "a RAM disk without statistics" "$origin"
	new_brd half 16
	new_brd other 16
	mdadm --quiet --create /dev/md77 --run --level=1 --raid-devices=2 \
		--assume-clean --metadata=1.0 "$half" "$other"
	at_exit_case mdadm --quiet --stop /dev/md77
	try "an array" /dev/md77
	echo 0 >/sys/block/md77/queue/iostats
	try "an array without statistics" /dev/md77
	new_brd storage 16
	snapshot_of "$origin"
	try "an image" "$image"
}
