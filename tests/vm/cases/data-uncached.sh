# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Newer kernels end writes behind which the cache is dropped (RWF_DONTCACHE) by a
# worker, where what ends them may sleep: also those that pass a filter.

DESCRIPTION="writes that are not cached end, and are seen like others"
MACHINE="disk=a:512M disk=b:512M disk=c:256M disk=d:256M"

requires() {
	need_module xfs
	need_snapshots uncached
	need_tool mkfs.xfs
	need_kernel 6.14
}

content() { dd if="$1" iflag=direct bs=1M status=none | sha256sum; }

act() {
	local ext4 xfs disks=() dir device n

	new_disk 'disks[0]'
	new_disk 'disks[1]'
	new_filesystem ext4 ext4 "${disks[0]}"
	new_filesystem xfs xfs "${disks[1]}"
	for dir in "$ext4" "$xfs"; do
		uncached "$dir/file" 64 1
	done
	snapshot_of "${disks[@]}"
	for device in "${image[@]}"; do
		content "$device"
	done >"$CASE_TMP/before"

	for dir in "$ext4" "$xfs"; do
		uncached "$dir/file" 64 2
		uncached "$dir/another" 32 3
		check "it can be read" test "$(tr -d '\2' <"$dir/file" | wc -c)" = 0
	done
	for device in "${image[@]}"; do
		content "$device"
	done | cmp - "$CASE_TMP/before"

	n=$(snap trackers | awk 'NR == 1 { print $3 }')
	destroy_snapshot "$snapshot"
	snapshot_of "${disks[@]}"
	for device in "${disks[@]}"; do
		check "all that was written counts as changed" \
			test "$(snap changed "$device" "$n")" -ge 1536
	done
}
