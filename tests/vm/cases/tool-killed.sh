# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The tool is killed at every second step of a backup (tests/tool, which need no
# module, take every step of the commit). Its snapshot goes away without it, the
# device stays writable, there is a point or there is none, all points are whole;
# and what the next increment holds, which is based on whatever the killed backup
# has left, is exactly the snapshot that it was made from.

TIMEOUT=600
DESCRIPTION="a backup that is killed leaves a whole point or none"
MACHINE="disk=a:64M disk=b:384M disk=c:384M disk=d:384M"

tree=$(cd "${BASH_SOURCE[0]%/*}/../../.." && pwd -P)
PATH=$tree/build/tool:$PATH

requires() {
	need_blksnap
	need_tool blksnap qemu-img e2fsck
	need_file "$tree/tool/test_stop.h"
	need_module ext4
	need_disks 3
}

no_snapshot() { [[ ! $(blksnap snapshot list -n) ]]; }

end_snapshots() {
	blksnap snapshot delete all
	wait_until "no process of a snapshot is left" no_process
}

points() { find "$backups/points" -name '*.json' ! -name '*tmp*' | wc -l; }

newest() { basename -s .json "$backups"/points/2*.json | tail -n 1; }

# Something else every time, in the same places and in new ones.
change_files() {
	dd if=/dev/urandom of="$place/random" bs=64k seek=$((RANDOM % 90)) count=2 \
		conv=notrunc status=none
	dd if=/dev/urandom of="$place/$1" bs=4k count=3 status=none
}

killed_at() {
	local before status=0 image data

	before=$(points)
	change_files "$1"
	BLKSNAP_TEST_STOP=$1 blksnap backup --to "$backups" -q "$place" >/dev/null || status=$?
	check "it is killed at $1, and does not end with $status" [ "$status" = 137 ]
	wait_until "the snapshot is gone after $1" no_snapshot
	wait_until "its processes are gone after $1" no_process
	touch "$place/word"
	sync -f "$place"
	echo "$1: $(($(points) - before))"
	check "each point after $1 can be read" \
		[ "$(blksnap restore --list -n --from "$backups" | wc -l)" = "$(points)" ]

	before=$(points)
	change_files "after-$1"
	blksnap backup --to "$backups" --incremental require --keep-snapshot -q "$place" >/dev/null
	check "the next backup after $1 makes a point" [ "$(points)" = $((before + 1)) ]
	check "nothing temporary is left after $1" \
		[ "$(find "$backups" -name '*tmp*' | wc -l)" = 0 ]
	check "each point after $1 has its data, and no other has" \
		[ "$(find "$backups/data" -name '*.qcow2' | wc -l)" = "$(points)" ]
	blksnap verify --deep -q "$backups@$(newest)"
	image=$(blksnap snapshot list -n -o IMAGE)
	data=$(printf '%s\n' "$backups/data/$(newest)".*.qcow2)
	qemu-img compare -q -f qcow2 -F raw "$data" "$image"
	end_snapshots
}

act() {
	load_blksnap
	new_disk disk
	new_partition origin "$disk" 1 2048 49152
	new_disk keep
	new_disk target
	new_filesystem place ext4 "$origin"
	new_filesystem store ext4 "$keep"
	backups=$store/backups
	at_exit_case end_snapshots
	dd if=/dev/urandom of="$place/random" bs=1M count=6 status=none

	blksnap backup --to "$backups" -q "$place" >/dev/null
	mapfile -t steps < <(sed -n 's/^\tX("\([a-z-]*\)").*/\1/p' "$tree/tool/test_stop.h")
	for ((i = 0; i < ${#steps[@]}; i += 2)); do
		killed_at "${steps[i]}"
	done
	killed_at "${steps[-1]}"
	blksnap verify -q "$backups"

	(cd "$place" && find . -type f -exec sha256sum {} +) | sort >"$CASE_TMP/files"
	blksnap restore --from "$backups" --device "$place=$target" -q
	e2fsck -fn "$target" >/dev/null 2>&1
	mount -o ro "$target" /mnt
	(cd /mnt && find . -type f -exec sha256sum {} +) | sort >"$CASE_TMP/restored"
	umount /mnt
	check "the files are those of the last point" cmp "$CASE_TMP/files" "$CASE_TMP/restored"
}
