# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Two snapshots at a time: a file of the first one's device is removed, and its blocks
# are free. They are not given to the second snapshot as storage, neither at its
# beginning nor while it grows, for the first one's image still shows what they held.  I3

DESCRIPTION="storage of one snapshot takes nothing from the image of another"
MACHINE="disk=a:256M disk=b:384M disk=c:128M disk=d:128M"

PATH=$(cd "${BASH_SOURCE[0]%/*}/../../.." && pwd -P)/build/tool:$PATH

requires() {
	need_blksnap
	need_tool blksnap
	need_module ext4
	need_disks 4
}

end_snapshots() {
	blksnap snapshot delete all
	wait_until "no process of a snapshot is left" no_process
}

hold_first() {
	dd if=/dev/urandom of="$place/file" bs=1M count=100 status=none
	sync -f "$place"
	sum=$(sha256sum <"$place/file")
	# Most of what is free after this is what the file leaves behind.
	fallocate -l "$(($(df --output=avail -BM "$place" | sed -n '2s/M//p') - 70))M" "$place/ballast"
	sync -f "$place"
	blksnap snapshot create --storage "$store" "$place" >/dev/null
	image=$(blksnap status -n -o IMAGE | head -n 1)
	rm "$place/file"
	sync -f "$place"
}

image_has_the_file() {
	blksnap mount "$image" /mnt
	check "the image shows the file as it was" [ "$(sha256sum </mnt/file)" == "$sum" ]
	blksnap umount /mnt
}

refused() {
	local status=0

	"$@" 2>"$CASE_TMP/said" >/dev/null || status=$?
	echo "$(cut -d ' ' -f -2 <<<"${*:2}") ends with $status"
	grep -q "another snapshot" "$CASE_TMP/said" || fail "it said: $(cat "$CASE_TMP/said")"
}

storage_of_second_is_refused() {
	hold_first
	refused blksnap snapshot create --storage "$place" "$other"
	image_has_the_file
	check "only the first snapshot is there" [ "$(blksnap snapshot list -n | wc -l)" == 1 ]
	echo "in another place: $(blksnap snapshot create --storage "$store" "$other" | wc -l) lines"
	image_has_the_file
	end_snapshots
	rm "$place/ballast"
}

growth_of_second_is_refused() {
	local log

	log=$(blksnap snapshot create --storage "$place" --storage-size 4M "$other" | head -n 1)
	hold_first
	dd if=/dev/urandom of="$other" bs=1M count=64 oflag=direct status=none
	wait_until "the second snapshot ran out of storage" second_is_corrupt
	echo "the second one got no more"
	image_has_the_file
	end_snapshots
	check "its name was printed" [ "$log" ]
	rm "$place/ballast"
}

second_is_corrupt() { blksnap snapshot list -n -o STATE | grep -q corrupt; }

stretch_is_refused() {
	local id feeder

	hold_first
	id=$(blksnap snapshot_create --device="$other")
	start feeder blksnap stretch_snapshot --id="$id" --path="$place/" \
		2>"$CASE_TMP/stretch" >/dev/null
	wait_until "it is refused" grep -q "another snapshot has been taken" "$CASE_TMP/stretch"
	check "no file is there" [ ! "$(find "$place" -name 'diff_storage*')" ]
	blksnap snapshot_destroy --id="$id"
	wait "$feeder"
	echo "stretch_snapshot was refused"
	image_has_the_file
	end_snapshots
}

act() {
	# What finds no room stays in memory, and would all find room there.
	load_blksnap memory_budget_mb=1
	new_disk disk
	new_disk keep
	new_disk other
	new_filesystem place ext4 "$disk"
	new_filesystem store ext4 "$keep"
	at_exit_case end_snapshots
	storage_of_second_is_refused
	growth_of_second_is_refused
	stretch_is_refused
}
