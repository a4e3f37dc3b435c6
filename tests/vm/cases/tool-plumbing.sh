# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Every plumbing command but stretch_snapshot, in both spellings of its options,
# with what it prints and the status that it ends with: that is what scripts
# written against the older tool have been made for.

DESCRIPTION="scripts of the older tool find its commands and their output"
MACHINE="disk=a:64M disk=b:384M disk=c:384M disk=d:384M"

. "$(dirname "${BASH_SOURCE[0]}")/../lib/plumbing.sh"

requires() {
	need_snapshots pattern blksnap
	need_module brd ext4
	need_disks 1
}

created() { tail -n 1 "$CASE_TMP/stdout"; }

# The blocks of a map that are not 0, as "NUMBER:BYTE".
written_blocks() { od -An -v -w1 -tu1 "$1" | awk '$1 { printf " %d:%d", NR - 1, $1 } END { print "" }'; }

byte_of() { od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' '; }

# Where a file lies is the file system's affair.
somewhere() { sed -E 's/ofs=[0-9]+/ofs=SOMEWHERE/'; }

interrupted() {
	local waiter

	start waiter blksnap snapshot_waitevent --id "$id" --timeout 600000 \
		>"$CASE_TMP/waited" 2>&1
	wait_until "it waits" catches_term "$waiter"
	kill -TERM "$waiter"
	wait "$waiter"
	echo "a wait that gets a signal:"
	cat "$CASE_TMP/waited"
}

before_the_take() {
	run version
	run tracker_collect
	run snapshot_collect
	run snapshot_create --device="$origin" -d "$second"
	id=$(created)
	run tracker_collect
	run snapshot_collect
	run snapshot_waitevent --id="$id" --timeout=10000
	run snapshot_waitevent -i "$id" -t 100
	interrupted
	run snapshot_create --device "$origin"
	run snapshot_create -d "$room" -d "$room"
	run snapshot_take -i "$id"
}

storage() {
	fallocate -l 2M "$place/file"
	sync -f "$place"
	run snapshot_appendstorage -i "$id" -d "$room" -r 0:1024 1024:1024
	run snapshot_appendstorage --id="$id" --device="$room" --range=2048:512 --range 2560:512
	run snapshot_appendstorage -i "$id" -d "$room"
	run snapshot_appendstorage -i "$id" -d "$room" -r 2048:8
	run snapshot_appendstorage -i "$id" -d "$room" -r 65528:16
	run snapshot_appendstorage --id "$id" --file="$place/file" | somewhere
	must_fail rm "$place/file"
	run snapshot_appendstorage --id "$id" --file "$place/file"
	truncate -s 1M "$CASE_TMP/file"
	run snapshot_appendstorage -i "$id" -f "$CASE_TMP/file"
	run snapshot_appendstorage -i "$id" -f "$CASE_TMP/none"
	# Of each extent a part of a unit may be lost at both ends.
	(($(snap info "$id" storage) > 3072 + 4096 - 16)) || fail "not all of it is storage"
}

taken() {
	run snapshot_take --id="$id"
	name_it IMAGE0 /dev/blksnap-image0
	name_it IMAGE1 /dev/blksnap-image1
	run snapshot_take --id "$id"
	run snapshot_collect
	run tracker_collect
	run tracker_remove --device="$origin"
}

changes() {
	local file=$files/file at ofs

	run tracker_readcbtmap -d "$origin" -f "$CASE_TMP/map"
	snap map "$origin" | cmp - "$CASE_TMP/map"
	echo "map:$(written_blocks "$CASE_TMP/map")"
	run tracker_markdirtyblock -d "$origin" -r 1280:8 2560:8
	run tracker_markdirtyblock --device=/dev/blksnap-image0 --ranges=3840:256 --ranges 5120:1
	run tracker_markdirtyblock --device "$origin" -r 6400:8 -r 65535:2
	run tracker_readcbtmap --device="$origin" --file="$CASE_TMP/map"
	echo "map:$(written_blocks "$CASE_TMP/map")"

	snap map "$second" >"$CASE_TMP/map"
	run tracker_markdirtyblock -f "$file" | somewhere
	ofs=$(sed -nE 's/.*ofs=([0-9]+) .*/\1/p' "$CASE_TMP/stdout")
	at=$((ofs / 128))
	check "the file's block was not marked" [ "$(byte_of "$CASE_TMP/map" $at)" = 0 ]
	run tracker_readcbtmap --device "$second" --file "$CASE_TMP/map"
	check "it is now" [ "$(byte_of "$CASE_TMP/map" $at)" = 1 ]
	check "and holds what the file does" cmp -n 65536 "$file" \
		<(dd if="$second" bs=512 skip="$ofs" count=128 iflag=direct status=none)
	run tracker_markdirtyblock -f "$place/file" | somewhere
	run tracker_markdirtyblock -d "$room"
	run tracker_markdirtyblock -d "$room" -r 0:8
	run tracker_markdirtyblock -f "$CASE_TMP"
	run tracker_markdirtyblock -f "$CASE_TMP/map"
	run tracker_readcbtmap -d "$room" -f "$CASE_TMP/map"
	run tracker_readcbtmap -d "$origin" -f "$CASE_TMP/no/map"
}

# Asked for once, and not given.
overflow() {
	pattern fill "$origin" 2
	run snapshot_waitevent -i "$id" --timeout 10000
	run snapshot_waitevent -i "$id" --timeout 10000
	run snapshot_waitevent -i "$id" --timeout 0
	run snapshot_destroy --id="$id"
	check "the file is free again" rm "$place/file"
}

afterwards() {
	run snapshot_destroy -i "$id"
	run snapshot_take -i "$id"
	run snapshot_waitevent -i "$id" -t 0
	run snapshot_appendstorage -i "$id" -d "$room" -r 0:8
	run tracker_readcbtmap -d "$origin" -f "$CASE_TMP/map"
	run tracker_remove --device "$origin"
	run tracker_remove -d "$origin"
	run tracker_remove -d "$second"
	run tracker_collect
	run snapshot_collect
}

act() {
	new_brd origin 32
	new_brd second 32
	new_brd room 32
	new_disk disk
	name_it ORIGIN "$origin"
	name_it SECOND "$second"
	name_it ROOM "$room"
	load_blksnap diff_storage_minimum=4096 memory_budget_mb=1
	new_filesystem place ext4 "$disk"
	new_filesystem files ext4 "$second"
	dd if=/dev/urandom of="$files/file" bs=64k count=4 conv=fsync status=none
	before_the_take
	# The fourth block of 64 KiB.
	dd if=/dev/zero of="$origin" bs=4k seek=50 count=1 oflag=direct status=none
	storage
	taken
	changes
	overflow
	afterwards
}
