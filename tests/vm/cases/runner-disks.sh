# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The disks a case is promised: each kind is made, is as large as asked for
# and takes data; virtio disks come wiped, whatever the last case wrote.

DESCRIPTION="a case gets the disks it asks for, empty"

requires() {
	need_module brd loop dm-mod dm-delay
	need_disks 2
}

act() {
	new_disk first
	new_disk second
	new_brd small 8
	new_brd twin 8
	new_loop file 16M
	new_dm_linear line "$small"
	new_dm_delay slow "$twin" 1 1
	for device in "$first" "$small" "$twin" "$file" "$line" "$slow"; do
		blockdev --getsize64 "$device"
		printf 'a word' | dd of="$device" bs=512 conv=sync,fsync status=none
		head -c 6 "$device"
		echo
	done
	new_filesystem place ext4 "$file"
	echo "kept" >"$place/f"
	cat "$place/f"

	# What was written through the one is seen through the other.
	cmp "$small" "$line" && echo "the same"
	cmp -n 1048576 "$second" /dev/zero && echo "empty"
}
