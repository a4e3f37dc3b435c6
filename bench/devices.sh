# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What is measured on: three sparse devices of 2 GiB in memory, $origin,
# $storage and $other. Sourced in the guest by `measure`.
#
# brd has no latency, so what is seen is the length of the path. null_blk
# completes by a timer if it is told to, and keeps statistics.

DEVICE_MB=2048

make_devices() {	# brd | null [NANOSECONDS_AN_IO]
	case $1 in
	brd)	new_brd origin $DEVICE_MB
		new_brd storage $DEVICE_MB
		new_brd other $DEVICE_MB ;;
	null)	new_null_disks "${2:-0}" ;;
	esac
	# A page that is there already costs less than one that is not.
	dd if=/dev/zero of="$storage" bs=1M count=$STORAGE_MB oflag=direct status=none
}

new_null_disks() {	# NANOSECONDS_AN_IO
	modprobe null_blk nr_devices=3 gb=$((DEVICE_MB / 1024)) bs=4096 memory_backed=1 \
		queue_mode=2 irqmode=$(($1 ? 2 : 0)) completion_nsec="$1"
	at_exit_case modprobe -r null_blk
	origin=/dev/nullb0 storage=/dev/nullb1 other=/dev/nullb2
}

free_devices() {
	sync
	run_at_exit
}

# device_counts DEVICE: reads, bytes read, writes, bytes written, by what its
# driver counted.
device_counts() {
	local stat
	read -ra stat <"/sys/block/${1##*/}/stat"
	echo "${stat[0]} $((stat[2] * 512)) ${stat[4]} $((stat[6] * 512))"
}
