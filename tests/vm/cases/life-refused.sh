# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Devices whose writes cannot all be seen, or not in time, are refused with a
# reason in the log, and nothing is left of the attempt; a device that only
# looks similar is not.

DESCRIPTION="a device that cannot be covered is refused with a reason"

requires() {
	need_snapshots pattern answer mkswap mdadm
	need_module brd dm-mod dm-multipath dm-round-robin null_blk zram ext4 raid1
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

# new_multipath FEATURES: "case-paths", above $path.
new_multipath() {
	dmsetup create case-paths --table \
		"0 $(blockdev --getsz "$path") multipath $1 0 1 1 round-robin 0 1 1 $path 1"
}

# A multipath device puts requests into its path's queue: no bio is submitted there.
try_paths() {
	local path id

	new_disk path
	modprobe -a dm-multipath dm-round-robin
	at_exit_case eval "dmsetup remove case-paths 2>/dev/null || true"
	id=$(snap create "$path")
	append_storage "$id" "$origin"
	new_multipath 0
	echo "a path that became one after the attach: $(answer snap take "$id")"
	snap untrack "$path"
	try "a path" "$path"
	try "the multipath device above it" /dev/mapper/case-paths
	dmsetup remove case-paths
	new_multipath "2 queue_mode bio"
	try "a path of one that submits bios" "$path"
	dmsetup remove case-paths
}

# Where the kernel has it: a level that can neither be suspended nor counts its bios.
refuses_faulty_level() {
	modprobe -q md-faulty || return 0
	mdadm --quiet --build /dev/md78 --level=faulty --raid-devices=1 "$third"
	at_exit_case mdadm --quiet --stop /dev/md78
	check "a faulty array is refused" test "$(answer snap create /dev/md78)" = EOPNOTSUPP
}

act() {
	local origin line place half other third storage

	new_brd origin 16
	load_blksnap

	rmmod null_blk 2>/dev/null || true
	modprobe null_blk nr_devices=1 gb=1 zoned=1 memory_backed=1
	at_exit_case rmmod null_blk
	try "a zoned device" /dev/nullb0
	try "a zoned device and one that is not" "$origin" /dev/nullb0

	try_paths

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
	new_brd third 16
	refuses_faulty_level
	new_brd storage 16
	snapshot_of "$origin"
	try "an image" "$image"
}
