# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Writes to a device that lies above a snapshotted one, and reach it from there:
# device-mapper, arrays, volumes, loop devices.

DESCRIPTION="writes through dm, md, LVM and loop devices above reach the snapshot"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() {
	need_module dm-mod raid0 raid1 loop
	need_tool mdadm lvm
	need_snapshots pattern
}

# through ABOVE ORIGIN...: overwrites what lies above, compares the images.
through() {
	local above=$1 device i=0
	shift

	snapshot_of "$@"
	for device; do
		copy_of "$device" "$CASE_TMP/was$i"
		i=$((i + 1))
	done
	overwrite "$above" --gen "$generation"
	pattern check "$above" "$generation-$((generation + 99999))"
	i=0
	for device; do
		same "${image[i]}" "$CASE_TMP/was$i"
		check "$device was written to" differs "$device" "$CASE_TMP/was$i"
		i=$((i + 1))
	done
}

linear() {
	local line

	new_dm_linear line "$first"
	through "$line" "$first"
}

array() {
	local array

	new_md array "$1" "$first" "$second"
	through "$array" "$first" "$second"
}

over_loop() {
	local loop

	loop=$(losetup --find --show --direct-io=on "$first")
	at_exit_case losetup -d "$loop"
	through "$loop" "$first"
}

# No udev here, no other disks, and nothing of it on the host.
lvm_() {
	LVM_SUPPRESS_FD_WARNINGS=1 lvm "$@" -q -q --config 'devices { use_devicesfile=0 filter=["a|/dev/ram|","r|.*|"] }
		activation { udev_sync=0 udev_rules=0 } global { use_lvmpolld=0 }'
}

volume() {
	lvm_ pvcreate -y "$first" "$second"
	lvm_ vgcreate case "$first" "$second"
	lvm_ lvcreate -y -Wn -Zn -n volume -i 2 -l 100%FREE case
	at_exit_case lvm_ vgchange -an case
	through /dev/mapper/case-volume "$first" "$second"
}

act() {
	local first second way generation=0

	new_brd first 8
	new_brd second 8
	load_blksnap
	for way in linear "array 0" "array 1" over_loop volume; do
		generation=$((generation + 100000))
		# shellcheck disable=SC2086	# a command of words
		scope $way
		echo "$way"
	done
}
