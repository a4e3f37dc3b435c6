# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The devices and files that tests/interface asks for, and its run. Sourced by
# the cases.

MACHINE="mem=1024 disk=a:512M"
TIMEOUT=300

requires() {
	need_snapshots mkfs.xfs mkswap dmsetup
	need_module brd loop dm-mod dm-delay ext4 xfs zram null_blk
	need_disks 1
}

# Of null_blk and zram, which need_module has loaded as they come.
new_zoned() {
	rmmod null_blk
	modprobe null_blk nr_devices=1 gb=1 zoned=1 memory_backed=1
	at_exit_case rmmod null_blk
	zoned=/dev/nullb0
}

new_zram() {
	zram=/dev/zram0
	at_exit_case rmmod zram
	echo 16M >/sys/block/zram0/disksize
	mkswap -q "$zram"
}

# Half a disk, which the program removes: what is left of it goes at the end.
new_going() {
	dmsetup create "case-$1" --table "0 8192 linear $2 $3"
	at_exit_case eval "dmsetup remove --retry case-$1 2>/dev/null || true"
	printf -v "$1" %s "/dev/mapper/case-$1"
}

run_interface() {
	local a b plain storage below_slow below_going large above striped slow zoned zram \
		going0 going1 kept small ext4 disk xfs

	new_brd a 24
	new_brd b 24
	new_brd plain 24
	new_brd storage 24
	new_brd below_slow 24
	new_brd below_going 24
	new_brd kept 24
	new_brd small 24
	new_loop large 16M --sector-size 4096 --direct-io=off
	new_dm_linear above "$b"
	new_dm striped "0 16384 striped 2 128 $below_going 16384 $below_going 24576"
	new_dm_delay slow "$below_slow" 0 3000
	new_going going0 "$below_going" 0
	new_going going1 "$below_going" 8192
	new_zoned
	new_zram
	new_filesystem ext4 ext4 "$small"
	dd if=/dev/zero of="$ext4/swap" bs=1M count=1 status=none
	chmod 600 "$ext4/swap"
	mkswap -q "$ext4/swap"
	sync -f "$ext4"
	new_disk disk
	new_filesystem xfs xfs "$disk"
	load_blksnap
	"$1" a="$a" b="$b" plain="$plain" storage="$storage" large="$large" \
		above="$above" striped="$striped" slow="$slow" going0="$going0" going1="$going1" \
		zoned="$zoned" zram="$zram" kept="$kept" ext4="$ext4" xfs="$xfs" memory="$CASE_TMP" \
		${BLKSNAP_FACTS:+only="$BLKSNAP_FACTS"}
}
