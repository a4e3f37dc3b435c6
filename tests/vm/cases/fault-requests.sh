# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Requests that fail. On the storage: the snapshot ends, with an event, and no write
# to the original fails. On the original: a write fails as it would have without us, a
# unit that could not be read for the image is missing there, and all else is right.

DESCRIPTION="requests that fail on storage or origin hurt what they must, and no more"
MACHINE="disk=a:32M disk=b:32M disk=c:32M disk=d:64M"

requires() {
	need_snapshots pattern
	need_faults fail_make_request
}

# may_fail DEVICE 0|1
may_fail() { echo "$2" >"/sys/block/$(basename "$(readlink -f "$1")")/make-it-fail"; }

corrupted_event() {
	local event

	while event=$(snap event "$1" 1000); do
		[[ $event != corrupted* ]] || echo "event: ${event/ *:* / }"
	done 2>/dev/null
}

# So many percent of the storage's requests fail.
on_storage() {
	echo "of the storage's requests $1 % fail:"
	pattern fill "$origin" 1
	snapshot_of "$origin"
	may_fail "$storage" 1
	faults fail_make_request probability="$1"
	# The writers would tell of a write that failed, and check the others.
	overwrite "$origin"
	pattern write "$origin" --threads 2 --ops 200 --bs 512-64k --align 512 --gen 100
	wait_until "the snapshot is corrupt" is_corrupt "$snapshot"
	end_faults fail_make_request
	may_fail "$storage" 0
	echo "  error $(snap info "$snapshot" error)"
	corrupted_event "$snapshot" | sed 's/^/  /'
	must_fail dd if="$image" of=/dev/null bs=4k count=1 iflag=direct
	overwrite "$origin"
	snap destroy "$snapshot"
}

# The parts that a command could do nothing with are counted, not told of.
count_of() {
	local n=0 at

	for ((at = 0; at < 2048; at += 64)); do
		"$@" --only $at:64 2>"$CASE_TMP/complaint" || {
			check "it complains of EIO" grep -q 'EIO$' "$CASE_TMP/complaint"
			n=$((n + 1))
		}
	done
	echo "$n"
}

on_origin() {
	local failed missing

	echo "of the origin's requests some fail:"
	pattern fill "$origin" 1
	snapshot_of "$origin"
	may_fail "$origin" 1
	faults fail_make_request probability=30
	failed=$(count_of pattern fill "$origin" 2)
	end_faults fail_make_request
	may_fail "$origin" 0
	check "writes failed ($failed)" test "$failed" -gt 2
	pattern check "$origin" 1-2
	missing=$(count_of pattern check "$image" 1)
	check "not all of the image is missing ($missing)" test "$missing" -lt 32
	pattern check "$image" 1 --only 2048:60000
	check "the snapshot holds" snapshot_holds "$snapshot"

	overwrite "$origin"
	pattern check "$image" 1 --only 2048:60000
	check "nothing more is missing" [ "$missing" = "$(count_of pattern check "$image" 1)" ]
	snap destroy "$snapshot"
	echo "  the image shows the past, but for what could not be read"
}

act() {
	new_disk origin
	new_disk storage
	on_storage 100
	on_storage 20
	on_origin
}
