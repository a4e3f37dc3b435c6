# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Unloading: refused as long as there is a snapshot, whatever its state, or
# somebody has the control node or an image open; trackers alone do not keep the
# module, nor does I/O on what they track. And what is left in the kernel's
# functions afterwards: nothing. With the filter in the tree nothing ever is.

DESCRIPTION="the modules go when nothing needs them, also under I/O"
MACHINE=turns

requires() {
	need_unloading
	need_snapshots pattern strip
	need_module brd
}

hooks() { grep -c 'submit_bio_noacct\|del_gendisk\|bdev_write_page' /sys/kernel/tracing/enabled_functions || true; }

act() {
	local id held image i file

	# At hand and small, as they are loaded often.
	for file in "$BLKSNAP_MODULES"/*.ko; do
		strip --strip-debug -o "$CASE_TMP/${file##*/}" "$file"
	done
	BLKSNAP_MODULES=$CASE_TMP
	new_brd origin 4
	new_brd storage 4
	load_blksnap memory_budget_mb=1
	[[ ! -d /sys/module/blkfilter ]] || must_fail rmmod blkfilter
	echo "hooks before the first tracker: $(hooks)"

	id=$(snap create "$origin")
	if filter_is_in_tree; then
		check "there are no hooks" test "$(hooks)" == 0
	else
		check "there are hooks" test "$(hooks)" -ge 2
	fi
	must_fail rmmod blksnap
	snap append "$id" "$storage" 0:2048
	snap take "$id"
	must_fail rmmod blksnap
	pattern fill "$origin" 1
	pattern fill "$origin" 2
	[[ $(snap info "$id" state) == 2 ]]
	must_fail rmmod blksnap
	exec {image}</dev/blksnap-image0
	snap destroy "$id"
	must_fail rmmod blksnap
	exec {image}<&-
	echo "not with a snapshot, nor with an image open"

	exec {held}</dev/blksnap
	must_fail rmmod blksnap
	exec {held}<&-
	echo "not with the node open"
	[[ $(snap trackers | wc -l) == 1 ]]
	unload_blksnap
	echo "with a tracker; hooks: $(hooks)"

	pattern write "$origin" --threads 2 --shared &
	at_exit_case eval "kill $! 2>/dev/null || true"
	for ((i = 0; i < 10; i++)); do
		load_blksnap
		id=$(snap create "$origin")
		((i % 2)) || {
			append_storage "$id" "$storage"
			snap take "$id"
		}
		snap destroy "$id"
		unload_blksnap
	done
	kill %%
	wait %% || true
	echo "ten times under I/O; hooks: $(hooks)"
}
