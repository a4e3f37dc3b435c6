# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Writes and reads of an image while the modules get no memory: now and then, and
# often. The original holds what was written, always (I5). The image shows the past, or
# the snapshot is corrupt, says so, and then it shows nothing at all (I6).

DESCRIPTION="without memory a snapshot may end, and the original is what was written"
MACHINE="disk=a:32M disk=b:32M disk=c:32M disk=d:64M"
TIMEOUT=900

requires() {
	need_snapshots pattern
	need_unloading
	need_faults failslab fail_page_alloc
}

# What the readers of an image complained of is what a corrupt snapshot does.
look_at_corrupt() {
	local event

	while event=$(snap event "$snapshot" 1000); do
		[[ $event != corrupted* ]] || break
	done
	check "the event tells of it" grep -q '^corrupted .* ENOMEM$' <<<"$event"
	check "the readers got EIO at most" \
		test ! "$(grep -v ': EIO$' "$CASE_TMP/complaints" || true)"
	must_fail dd if="$image" of=/dev/null bs=4k count=1 iflag=direct
}

# round MODULE KIND PERCENT
round() {
	local readers result="it held" words
	mapfile -t words < <(only_of "$1")

	pattern fill "$origin" 1
	create_snapshot snapshot "$origin"
	# Only then are there no requests of the take's own.
	take_snapshot "$snapshot"
	start readers pattern watch "$image" 1 --readers 2 2>"$CASE_TMP/complaints"
	faults "$2" "${words[@]}" "times=$MANY_FAULTS" "probability=$3"
	pattern write "$origin" --threads 2 --ops 150 --bs 512-64k --align 512 --only 0:32768
	pattern write "$origin" --uring --depth 16 --ops 150 --bs 4k-128k --only 32768:16384
	pattern write "$origin" --buffered --fsync 2 --ops 50 --bs 512-16k --only 49152:16384
	end_faults "$2"
	pattern check "$origin" 1-9999

	if snapshot_holds "$snapshot"; then
		stop "$readers"
		pattern check "$image" 1
	else
		result="it ended"
		wait "$readers" || true
		look_at_corrupt
	fi
	echo "$1, $2, $3 %: $(count_faults "$2") failures, $result" >&2
	count=$((count + $(count_faults "$2")))
	snap destroy "$snapshot"
	pattern fill "$origin" 1
}

act() {
	local module kind percent count=0

	new_disk origin
	load_blksnap
	for module in blkfilter blksnap; do
		[[ -d /sys/module/$module ]] || continue
		for kind in failslab fail_page_alloc; do
			for percent in 1 40; do
				round "$module" "$kind" "$percent"
			done
		done
	done
	check "there were failures" test "$count" -gt 20
}
