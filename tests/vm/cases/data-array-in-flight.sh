# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What is under way on an array when tracking begins belongs to the past of the image,
# wherever md has it by then: the image shows it at once, and when it has landed it is
# the same. Nothing is written after it, so in the end the image is what the array is.
# In the tree md tells that itself, and needs no statistics; from outside a discard on
# a raid0 and the level "linear" are not to be known.                          I3

DESCRIPTION="writes and discards in flight on an array at the attach land before the image"
MACHINE="turns disk=a:8M disk=b:8M disk=c:64M"

requires() {
	need_module dm-delay raid0 raid1
	need_tool mdadm
	need_snapshots pattern
}

# An array of this level with old data, whose members then take three seconds to write.
new_slow_array() {
	local level=$1

	scope fill "$level"
	new_dm_delay slow0 "$first" 0 3000
	new_dm_delay slow1 "$second" 0 3000
	new_md array "$level" "$slow0" "$slow1"
	! filter_is_in_tree || echo 0 >"/sys/block/${array#/dev/}/queue/iostats"
}

fill() {
	local array

	new_md array "$1" "$first" "$second"
	pattern fill "$array" 1
}

# The image is of an instant behind what this process does.
compare() {
	snapshot_of "$array"
	copy_of "$image" "$CASE_TMP/first"
	wait "$1"
	same "$image" "$CASE_TMP/first"
	same "$array" "$CASE_TMP/first"
	destroy_snapshot "$snapshot"
	snap untrack "$array"
}

array_of() {
	local level=$1 array slow0 slow1 writers discard

	new_slow_array "$level"
	# All submitted at once.
	start writers pattern write "$array" --threads 2 --uring --depth 48 --ops 48 --seq \
		--bs 4k-16k --align 4k --no-check --gen 1000
	sleep 0.5
	compare "$writers"
	pattern check "$CASE_TMP/first" 1-999999

	[[ $level != 0 ]] || filter_is_in_tree || return 0
	start discard blkdiscard --offset 1M --length 4M "$array"
	sleep 0.5
	compare "$discard"
	must_fail pattern check "$CASE_TMP/first" 1-999999
}

act() {
	local first second level levels=(0 1)

	new_disk first
	new_disk second
	load_blksnap
	! filter_is_in_tree || levels+=(linear)
	for level in "${levels[@]}"; do
		scope array_of "$level"
	done
}
