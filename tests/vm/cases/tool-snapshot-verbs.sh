# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What an administrator types beside backup and restore: snapshots by hand,
# status and diff for reading and as JSON, mounting images and backups; and the
# status that each kind of failure ends with.

DESCRIPTION="the verbs for snapshots, and what statuses tell"
MACHINE="disk=a:64M disk=b:384M disk=c:384M disk=d:384M"

PATH=$(cd "${BASH_SOURCE[0]%/*}/../../.." && pwd -P)/build/tool:$PATH

requires() {
	need_blksnap
	need_tool blksnap qemu-nbd
	need_module ext4 nbd
	need_disks 3
}

end_snapshots() {
	[[ ! -c /dev/blksnap ]] || blksnap snapshot delete all
	wait_until "no process of a snapshot is left" no_process
}

sums_of() { (cd "$1" && find . -type f -exec sha256sum {} + | sort -k 2); }

# ends STATUS COMMAND...: nothing else will do, and it says why.
ends() {
	local wanted=$1 status=0
	shift
	"$@" >/dev/null 2>"$CASE_TMP/complaint" || status=$?
	check "status $status of '$*' is $wanted" [ "$status" = "$wanted" ]
	check "'$*' says why" test -s "$CASE_TMP/complaint"
}

# A JSON text that has each of these, written as "name": value.
json_has() {
	local text=$1 word
	shift
	[[ ${text:0:1}${text: -1} == '{}' ]] || fail "this is no JSON: $text"
	for word; do
		grep -qE "$word" <<<"$text" || fail "no $word in $text"
	done
}

by_hand() {
	local id image generation start length offset=$((40 << 20)) size

	blksnap snapshot create --storage "$store" "$place" "$other" >"$CASE_TMP/created"
	id=$(head -n 1 "$CASE_TMP/created")
	image=$(sed -n 's/^[^ ]* //; 2 p' "$CASE_TMP/created")
	check "create tells the devices" [ "$(sed -n '2 s/ .*//p' "$CASE_TMP/created")" = "$disk" ]
	check "create tells images" test -b "$image"
	check "create tells of both devices" [ "$(wc -l <"$CASE_TMP/created")" = 3 ]
	check "list has both" [ "$(blksnap snapshot list -n -o SNAPSHOT | grep -cx "$id")" = 2 ]
	check "status has both" [ "$(blksnap status -n | wc -l)" = 2 ]
	blksnap snapshot list -J >"$CASE_TMP/json"
	json_has "$(<"$CASE_TMP/json")" '"schema": ?"[a-z-]+"' '"schema_version": ?[0-9]+' "\"$id\""
	size=$(blockdev --getsize64 "$disk")
	json_has "$(blksnap status -J)" '"schema": ?"[a-z-]+"' '"schema_version": ?[0-9]+' \
		"\"capacity\": ?$size" '"snap_number": ?1\b' "\"$id\""
	blksnap mount "$image" /mnt
	sums_of /mnt | cmp - "$CASE_TMP/sums"
	blksnap umount /mnt
	must_fail grep "^$image " /proc/mounts
	blksnap snapshot delete "$id"
	check "none is listed" [ ! "$(blksnap snapshot list -n)" ]
	ends 1 blksnap snapshot delete "$id"
	echo "by hand"

	# One block of the other device changes, which has no file system.
	dd if=/dev/urandom of="$other" bs=4k seek=$((offset / 4096)) count=1 \
		oflag=direct status=none
	blksnap snapshot create --storage "$store" "$other" >/dev/null
	generation=$(blksnap status -n -o DEVICE,GENERATION | awk -v d="$other" '$1 == d { print $2 }')
	for since in 1 "$generation:1"; do
		blksnap diff --since "$since" "$other" >"$CASE_TMP/diff"
		check "diff since $since is one line" [ "$(wc -l <"$CASE_TMP/diff")" = 1 ]
		read -r start length <"$CASE_TMP/diff"
		((start <= offset && start + length >= offset + 4096 && length <= 1 << 20)) ||
			fail "diff since $since has $start $length"
	done
	json_has "$(blksnap diff --since 1 -J "$other")" '"schema": ?"[a-z-]+"' \
		"\"offset\": ?$start\b" "\"length\": ?$length\b"
	ends 10 blksnap diff --since 200 "$other"
	ends 10 blksnap diff --since 00000000-0000-4000-8000-000000000000:1 "$other"
	ends 2 blksnap diff "$other"
	end_snapshots
	echo "what differs"
}

from_backup() {
	ends 10 blksnap backup --to "$store/backups" --incremental require -q "$place"
	blksnap backup --to "$store/backups" -q "$place" >/dev/null
	blksnap mount "$store/backups" /mnt
	sums_of /mnt | cmp - "$CASE_TMP/sums"
	must_fail touch /mnt/new
	blksnap umount /mnt
	blksnap mount --writable "$store/backups:$place" /mnt
	echo more >/mnt/new
	blksnap umount /mnt
	blksnap verify -q "$store/backups"
	check "nothing is left of the mounts" [ ! "$(find /run/blksnap -name 'nbd*' 2>/dev/null)" ]
	echo "a backup, mounted"

	ends 12 blksnap restore --from "$store/backups" --device "$place=$keep"
	ends 1 blksnap restore --from "$store/backups@none" --device "$place=$other"
	ends 2 blksnap restore --list --from "$store/backups" -o NONSENSE
}

act() {
	new_disk disk
	new_disk other
	new_disk keep
	disk=$(readlink -f "$disk")
	other=$(readlink -f "$other")
	ends 15 blksnap snapshot create "$disk"
	ends 15 blksnap backup --to "$CASE_TMP/backups" "$disk"

	load_blksnap
	new_filesystem place ext4 "$disk"
	new_filesystem store ext4 "$keep"
	at_exit_case end_snapshots
	cp -r /usr/include/linux/netfilter "$place/files"
	sums_of "$place" >"$CASE_TMP/sums"

	ends 2 blksnap
	ends 2 blksnap nonsense
	ends 2 blksnap backup "$place"
	ends 2 blksnap status --nonsense
	ends 1 blksnap snapshot create "$CASE_TMP/none"
	ends 1 blksnap mount /dev/blksnap-image0 /mnt
	check "there is no snapshot" [ ! "$(blksnap snapshot list -n)" ]
	by_hand
	from_backup
}
