# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Invariants I1, I3 and I6: whatever is written to the original, in whatever
# sizes and by whom, an image never shows it. Readers in several sizes read it
# all the while, and know what each sector must hold.

DESCRIPTION="an image stays what it was while the original is overwritten in all ways"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() { need_snapshots pattern; }

act() {
	local ways

	new_disk origin
	pattern fill "$origin" 1
	snapshot_of "$origin"
	start readers pattern watch "$image" 1

	pattern write "$origin" --threads 2 --ops 600
	pattern write "$origin" --threads 2 --ops 300 --align 512 --bs 512-12k --seed 2
	pattern write "$origin" --seq --bs 1M --ops 24
	for ways in --direct --buffered; do
		pattern write "$origin" --shared --threads 4 --ops 80 --align 512 --bs 512-64k \
			--only 32768:2048 --seed 3 "$ways"
	done
	pattern write "$origin" --shared --threads 2 --depth 16 --uring --ops 400 \
		--align 512 --bs 512-32k --only 49152:4096 --seed 4
	pattern check "$image" 1

	overwrite "$origin" --gen 1000000
	stop "$readers"
	pattern check "$image" 1
	pattern check "$origin" 1000000-2000000
	check "the snapshot holds" snapshot_holds "$snapshot"
	check "writes were held" test "$(snap info "$snapshot" held)" -gt 0
}
