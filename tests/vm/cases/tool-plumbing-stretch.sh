# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# stretch_snapshot: what it prints and makes when storage is asked for, how it
# ends, and that no file of it is left behind, however it ends. That it sleeps
# while there is nothing to do; that it keeps to its limit; what it does on a
# full file system, and on one that is itself snapshotted. Most of the time goes
# into starting processes: what is asked often is read by the shell itself.

DESCRIPTION="a snapshot is fed with files, and none is left of them"
MACHINE="disk=a:64M disk=b:384M disk=c:384M disk=d:384M"

. "$(dirname "${BASH_SOURCE[0]}")/../lib/plumbing.sh"

requires() {
	need_snapshots pattern blksnap
	need_module brd ext4 xfs
	need_disks 3
}

# Fills $found with all files there may be, however deep.
find_files() {
	shopt -s globstar dotglob nullglob
	found=("$place"/**/*diff_storage#*)
	shopt -u globstar dotglob nullglob
}

files() {
	local found sizes
	find_files
	mapfile -t sizes < <(stat -c '%n %s' "${found[@]}")
	local IFS=,
	echo "${sizes[*]#"$place/"}"
}

no_file() {
	local found
	find_files
	((${#found[@]} == 0))
}

lines() {
	local lines
	mapfile -t lines <"$CASE_TMP/lines"
	((${#lines[@]} >= $1))
}

end_snapshots() {
	blksnap snapshot delete all
	wait_until "no process of a snapshot is left" no_process
}

# A snapshot of a device that is fed by $stretcher, and not yet taken.
stretch() {
	local device
	device=$(readlink -f "$1")
	tracker=/sys/class/blksnap/$(<"/sys/class/block/${device##*/}/dev")
	shift
	id=$(snap create "$device")
	start stretcher blksnap stretch_snapshot "$@" --id="$id" \
		>"$CASE_TMP/lines" 2>"$CASE_TMP/said"
	wait_until "the first request is printed" lines 1
}

has_room() { (($(<"$tracker/storage_free_sectors") > 2048)); }

has_storage() { (($(<"$tracker/storage_sectors") >= ${1:-1})); }

taken_when_fed() {
	wait_until "there is storage" has_storage
	snap take "$id"
}

# tell: how it ended, and what it has said.
ended() {
	local status=0
	wait "$stretcher" || status=$?
	echo "ended with $status"
	printed "$CASE_TMP/lines" "$CASE_TMP/said" | normal
}

# Writes a MiB of the original that was never written in this snapshot.
write_more() {
	pattern fill "$origin" $((generation += 1)) --only $((written * 2048)):2048
	written=$((written + 1))
}

# Sets $activity: ticks of processor time, and how often it went to sleep.
find_activity() {
	local fields status
	read -r status <"/proc/$1/stat"
	read -ra fields <<<"${status##*) }"
	status=$(<"/proc/$1/status")
	status=${status#*$'\n'voluntary_ctxt_switches:}
	activity="$((fields[11] + fields[12])) ${status%%$'\n'*}"
}

# Twice as long as it waits where something is owed.
sleeps() {
	local activity before
	find_activity "$stretcher"
	before=$activity
	sleep 2
	find_activity "$stretcher"
	[[ $activity == "$before" ]]
}

# Fed, overwritten, and destroyed while it is fed.
life() {
	written=0
	echo "on $1, until the snapshot is gone:"
	touch "$place/a-diff_storage#1"
	stretch "$origin" -p "$place/a-" --limit=64
	taken_when_fed
	check "it does nothing while there is nothing to do" sleeps
	write_more
	wait_until "more is asked for" lines 2
	wait_until "and given" has_storage 8000
	files
	must_fail rm "$place/a-diff_storage#0"
	check "the snapshot shows what was" pattern check /dev/blksnap-image0 1
	check "the other file is left alone" [ ! -s "$place/a-diff_storage#1" ]
	blksnap snapshot_destroy -i "$id"
	ended
	rm "$place/a-diff_storage#1"
	check "there are no files when it has ended" no_file
	wait_until "its helper has ended" no_process
	pattern fill "$origin" 1
}

# The files cannot be removed by anybody, and are when the snapshot is gone.
stopped_by() {
	written=0
	echo "stopped by $1:"
	stretch "$origin" --path "$place/dir/" -l 64
	taken_when_fed
	kill -s "$1" "$stretcher"
	ended 2>/dev/null
	write_more
	check "the snapshot shows what was" pattern check /dev/blksnap-image0 1
	files
	snap destroy "$id"
	wait_until "the files are gone" no_file
	wait_until "its helper has ended" no_process
	pattern fill "$origin" 1
}

limited() {
	written=0
	echo "no more than the limit:"
	stretch "$origin" --path="$place/" --limit 3
	taken_when_fed
	write_more
	wait_until "more is given" has_storage 6000
	write_more
	wait_until "more is asked for" lines 3
	wait_until "it says so" test -s "$CASE_TMP/said"
	files
	pattern fill "$origin" 7
	ended
	echo "state $(snap info "$id" state)"
	snap destroy "$id"
	wait_until "the files are gone" no_file
	wait_until "its helper has ended" no_process
	pattern fill "$origin" 1
}

fs_is_full() {
	written=0
	echo "a file system without room:"
	fallocate -l $(($(df --output=avail -B1 "$place" | tail -n 1) - 600000)) "$place/filler"
	stretch "$origin" --path="$place/" --limit 64
	wait_until "it says so" test -s "$CASE_TMP/said"
	must_fail has_storage
	must_fail snap take "$id"
	rm "$place/filler"
	taken_when_fed
	write_more
	wait_until "more is asked for" lines 2
	check "the snapshot shows what was" pattern check /dev/blksnap-image0 1
	snap destroy "$id"
	ended >"$CASE_TMP/end"
	# rm gives the blocks back in pieces, and may have been between two of them.
	sed '/^! PLACE\/: . of 2 MiB could be given$/d' "$CASE_TMP/end"
	check "there are no files" no_file
	pattern fill "$origin" 1
}

# The first file of the storage has its name when the snapshot is taken.
sums_of() {
	(cd "$1" && find . -type f ! -name 'diff_storage#0' -exec sha256sum {} + | sort -k 2)
}

# Room is set aside before the take, so what is deleted later is in the image.
on_itself() {
	echo "on the file system that is snapshotted:"
	cp -r /usr/include/linux/netfilter_bridge "$place/files"
	dd if=/dev/urandom of="$place/files/random" bs=1M count=8 status=none
	sync -f "$place"
	sums_of "$place" >"$CASE_TMP/before"
	stretch "$disk" --path="$place/" --limit=16
	taken_when_fed
	rm -r "$place/files"
	for ((written = 0; written < 8; written++)); do
		dd if=/dev/zero of="$place/filler" bs=1M count=1 seek=$written conv=fsync,notrunc \
			status=none
		wait_until "more is given" has_room
	done
	check "several files were given" [ -e "$place/diff_storage#3" ]
	echo 3 >/proc/sys/vm/drop_caches
	blksnap mount /dev/blksnap-image0 /mnt
	sums_of /mnt | cmp - "$CASE_TMP/before"
	blksnap umount /mnt
	kill -TERM "$stretcher"
	wait "$stretcher"
	run stretch_snapshot -i "$id" --path="$place/" -l 16
	snap destroy "$id"
	wait_until "the files are gone" no_file
	wait_until "its helper has ended" no_process
}

refused() {
	id=$(snap create "$origin")
	run stretch_snapshot -i "$id" -p "$CASE_TMP/no/such" -l 1
	run stretch_snapshot -i "$id" -p "$CASE_TMP/" -l 1
	check "no file is left" [ ! "$(find "$CASE_TMP" -maxdepth 1 -name '*diff_storage*')" ]
	snap destroy "$id"
	run stretch_snapshot -i "$id" -p "$place/" -l 1
}

act() {
	new_brd origin 8
	new_disk disk
	new_disk keep
	new_disk keep_xfs
	load_blksnap diff_storage_minimum=4096 memory_budget_mb=1
	at_exit_case end_snapshots
	pattern fill "$origin" 1
	generation=1
	new_filesystem place xfs "$keep_xfs"
	life XFS
	new_filesystem place ext4 "$keep"
	mkdir "$place/dir"
	life ext4
	stopped_by TERM
	stopped_by KILL
	limited
	new_filesystem place ext4 "$disk"
	fs_is_full
	on_itself
	refused
}
