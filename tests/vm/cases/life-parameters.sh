# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Parameters are checked when they are set, at load and later, and those that
# older modules had still load this one.

DESCRIPTION="parameters are validated, and old ones are accepted"

requires() {
	need_unloading
	need_snapshots answer
	need_module brd
}

# The module with these parameters, or not at all.
load() {
	if load_blksnap "$@" 2>/dev/null && [[ -d /sys/module/blksnap ]]; then
		echo "$*: loaded"
		rmmod blksnap
	else
		echo "$*: refused"
	fi
}

set_parameter() {
	if echo "$2" 2>/dev/null >"/sys/module/blksnap/parameters/$1"; then
		echo "$1=$2: $(<"/sys/module/blksnap/parameters/$1")"
	else
		echo "$1=$2: refused, $(<"/sys/module/blksnap/parameters/$1") stays"
	fi
}

act() {
	# 1024 blocks of 128 KiB at most
	new_brd origin 128
	load chunk_minimum_shift=20 chunk_maximum_count=2097152 \
		chunk_maximum_in_cache=64 free_diff_buffer_pool_size=256
	load tracking_block_minimum_shift=11
	load storage_timeout_ms=-1
	load diff_storage_minimum=none
	[[ ! -d /sys/module/blksnap ]]

	load_blksnap tracking_block_minimum_shift=12 tracking_block_maximum_count=1024
	set_parameter tracking_block_minimum_shift 27
	set_parameter tracking_block_minimum_shift 16
	set_parameter tracking_block_maximum_count 1023
	set_parameter diff_storage_minimum 0
	set_parameter diff_storage_minimum 4096
	set_parameter memory_budget_mb 0
	set_parameter memory_budget_mb 1
	set_parameter storage_timeout_ms 99
	set_parameter take_timeout_ms 0
	set_parameter take_timeout_ms 5000
	stat -c '%a %n' /sys/module/blksnap/parameters/*_ms

	# The next snapshot goes by them.
	id=$(snap create "$origin")
	snap event "$id" 10000
	snap trackers | cut -d' ' -f4-
	snap destroy "$id"
	snap untrack "$origin"
	echo 12 >/sys/module/blksnap/parameters/tracking_block_minimum_shift
	id=$(snap create "$origin")
	snap trackers | cut -d' ' -f4-
	snap destroy "$id"
}
