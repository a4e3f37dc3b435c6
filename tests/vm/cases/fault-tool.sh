# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A backup some of whose calls get no memory: it says so, or is as good as any. There
# is no snapshot afterwards, no process, nothing is frozen, and the next one succeeds.

DESCRIPTION="a backup whose calls get no memory fails cleanly or is a good one"
MACHINE="disk=a:64M disk=b:256M disk=c:64M disk=d:64M"
TIMEOUT=600

PATH=$(cd "${BASH_SOURCE[0]%/*}/../../.." && pwd -P)/build/tool:$PATH

requires() {
	need_blksnap
	need_unloading
	need_tool blksnap
	need_module ext4
	need_faults failslab fail_page_alloc
}

# What this process and its children ask of the module may fail.
backup() (
	echo 1 >/proc/self/make-it-fail
	exec blksnap backup --to "$store/backups" --storage "$store" -q "$place" \
		2>"$CASE_TMP/complaint" >&2
)

nothing_is_left() {
	check "there is no snapshot" [ ! "$(blksnap snapshot list -n)" ]
	wait_until "no process is left" no_process
	date >"$place/written"
	sync -f "$place/written"
}

act() {
	local place_disk store_disk place store round words failed=0

	new_disk place_disk
	new_disk store_disk
	new_filesystem place ext4 "$place_disk"
	new_filesystem store ext4 "$store_disk"
	load_blksnap
	head -c 8M /dev/urandom >"$place/file"
	mapfile -t words < <(only_of blksnap)
	words+=(task-filter=Y times="$MANY_FAULTS" probability=100)
	# One of so many allocations fails.
	for round in 2000 1000 500 300 200 150 100 70; do
		faults failslab "${words[@]}" interval="$round"
		faults fail_page_alloc "${words[@]}" interval="$round"
		backup || {
			failed=$((failed + 1))
			check "it says why" test -s "$CASE_TMP/complaint"
			cat "$CASE_TMP/complaint" >&2
		}
		end_faults failslab
		end_faults fail_page_alloc
		nothing_is_left
	done
	echo "$failed of 8 failed" >&2
	blksnap backup --to "$store/backups" --storage "$store" -q "$place" >/dev/null
	blksnap verify -q "$store/backups"
	nothing_is_left
}
