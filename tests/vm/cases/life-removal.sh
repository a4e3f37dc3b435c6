# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The original goes away, whatever the state: nobody has it held open, so it can
# go; its tracker leaves the list, its image answers EIO for what only the
# original had, destroying works, and nothing waits for ever.

DESCRIPTION="an original can be removed in every state of its snapshot"

requires() {
	need_snapshots pattern answer
	need_module brd dm-mod sd_mod scsi_debug
}

trackers() { snap trackers | wc -l; }
no_tracker() { [[ $(trackers) == "$1" ]]; }

remove_dm() { dmsetup remove --retry "$origin"; }

# Untaken, taken, and only tracked; made and removed by the commands given.
in_each_state() {
	local words=$1 make=$2 remove=$3 state id writer=

	for state in tracked new taken busy; do
		$make
		id=$(snap create "$origin")
		at_exit_case destroy_snapshot "$id"
		[[ $state != tracked ]] || snap destroy "$id"
		if [[ $state == taken || $state == busy ]]; then
			append_storage "$id" "$room"
			snap take "$id"
			pattern fill "$origin" 2 --only 0:64
		fi
		if [[ $state == busy ]]; then
			pattern write "$origin" --threads 2 --shared --seed 5 >/dev/null 2>&1 &
			writer=$!
			sleep 0.3
		fi
		$remove
		if [[ $writer ]]; then
			wait "$writer" || true
		fi
		if [[ $state == taken ]]; then
			pattern check /dev/blksnap-image0 1 --only 0:64
			must_fail dd if=/dev/blksnap-image0 bs=4k skip=100 count=1 iflag=direct
		fi
		wait_until "the tracker is off the list" no_tracker 0
		if [[ $state != tracked ]]; then
			[[ $state != new ]] || {
				append_storage "$id" "$room"
				echo "take: $(answer snap take "$id")"
			}
			destroy_snapshot "$id"
		fi
		wait_until "the tracker is gone" no_tracker 0
		echo "$words, $state: removed"
	done
}

make_dm() {
	dmsetup create case-removed --table "0 8192 linear $below 0"
	origin=/dev/mapper/case-removed
	pattern fill "$origin" 1
}

# Writers fail from there on: under I/O a device-mapper device cannot be removed.
remove_dm_forced() {
	[[ ! $writer ]] || kill "$writer" 2>/dev/null || true
	[[ ! $writer ]] || wait "$writer" || true
	dmsetup remove --retry case-removed
}

make_scsi() {
	local host

	echo 1 >/sys/bus/pseudo/drivers/scsi_debug/add_host
	udevadm settle 2>/dev/null || true
	wait_until "there is a disk" has_scsi_disk
	origin=/dev/$(scsi_disk)
	wait_until "it has a node" test -b "$origin"
	pattern fill "$origin" 1
}

scsi_disk() { basename -a /sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*/block/sd* 2>/dev/null | grep -v '\*' | head -n 1; }

has_scsi_disk() { [[ $(scsi_disk) ]]; }

remove_scsi() {
	echo 1 >"/sys/block/${origin##*/}/device/delete"
	echo -1 >/sys/bus/pseudo/drivers/scsi_debug/add_host
}

act() {
	new_brd below 8
	new_brd room 8
	load_blksnap
	in_each_state "device-mapper" make_dm remove_dm_forced

	rmmod scsi_debug 2>/dev/null || true
	modprobe scsi_debug dev_size_mb=8 add_host=0
	in_each_state "scsi" make_scsi remove_scsi
	rmmod scsi_debug
}
