# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Loading the modules, and then each call, with every allocation in turn failing: it
# says ENOMEM, nothing of it is left, and the next time it succeeds.

DESCRIPTION="a call that gets no memory says so, changes nothing, and can be made again"
TIMEOUT=900

requires() {
	need_snapshots failures
	need_unloading
	need_module brd ext4
	need_faults failslab fail_page_alloc
}

act() {
	local modules=("$BLKSNAP_MODULES/blksnap.ko") module dependency origin storage below files

	new_brd origin 64
	new_brd storage 64
	new_disk below
	new_filesystem files ext4 "$below"
	filter_is_in_tree || modules=("$BLKSNAP_MODULES/blkfilter.ko" "${modules[@]}")
	for module in "${modules[@]}"; do
		for dependency in $(modinfo -F depends "$module" | tr , ' '); do
			[[ $dependency == blk* ]] || modprobe "$dependency"
		done
	done
	at_exit_case unload_blksnap
	faults failslab
	faults fail_page_alloc
	failures "$origin" "$storage" "$files" "${modules[@]}"
	must_fail compgen -G '/sys/class/blksnap/*:*'
}
