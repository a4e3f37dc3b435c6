# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A take freezes the file systems on its devices, so that the images are clean:
# no journal is to be replayed. One that cannot freeze in time makes the take
# fail, with everything thawed and every writer going on.

DESCRIPTION="file systems are frozen at the take, and thawed whatever comes"

requires() {
	need_snapshots pattern answer fsfreeze dumpe2fs
	need_module ext4 xfs brd dm-mod
	need_disks 2
}

# True if it takes data and syncs it.
is_writable() { timeout "$(seconds 5)" sh -c "echo word >$1/word && sync -f $1/word"; }

act() {
	local disk ext4 xfs id room slow stuck writer place

	new_brd first 32
	new_brd room 32
	new_disk disk
	new_filesystem ext4 ext4 "$first"
	new_filesystem xfs xfs "$disk"
	load_blksnap
	for place in "$ext4" "$xfs"; do
		(while :; do
			echo "$BASHPID" >"$place/file.$((RANDOM % 50))"
			rm -f "$place/file.$((RANDOM % 50))"
		done) &
		at_exit_case kill $!
	done

	id=$(snap create "$first" "$disk")
	at_exit_case destroy_snapshot "$id"
	append_storage "$id" "$room"
	snap take "$id"
	echo "ext4: $(dumpe2fs -h /dev/blksnap-image0 2>/dev/null | grep -c needs_recovery || true) to recover"
	fsck.ext4 -fn /dev/blksnap-image0 >/dev/null
	# XFS has an image recovered even so, but nothing may depend on it.
	mount -o ro,nouuid,norecovery /dev/blksnap-image1 /mnt
	check "the files can be read" eval "cat /mnt/file.* >/dev/null"
	umount /mnt
	check "ext4 goes on" is_writable "$ext4"
	check "XFS goes on" is_writable "$xfs"
	snap destroy "$id"

	# Frozen by somebody already: it is clean, so the take is none the worse.
	fsfreeze -f "$xfs"
	id=$(snap create "$disk")
	at_exit_case destroy_snapshot "$id"
	append_storage "$id" "$room"
	check "it is taken" [ "$(answer timeout "$(seconds 40)" snap take "$id")" = ok ]
	destroy_snapshot "$id"
	fsfreeze -u "$xfs"
	check "XFS goes on" is_writable "$xfs"

	# A device that hangs: what is to be synced before the freeze cannot be.
	new_brd below 32
	new_dm_linear slow "$below"
	new_filesystem stuck ext4 "$slow"
	id=$(snap create "$first" "$slow")
	at_exit_case destroy_snapshot "$id"
	append_storage "$id" "$room"
	dd if=/dev/zero of="$stuck/file" bs=64k count=16 status=none
	echo $((1000 * $(seconds 1))) >/sys/module/blksnap/parameters/take_timeout_ms
	dmsetup suspend --noflush --nolockfs "$slow"
	sync -f "$stuck/file" &
	writer=$!
	echo "one that hangs: $(answer timeout "$(seconds 20)" snap take "$id")"
	echo "the snapshot: $(answer snap info "$id")"
	check "the other goes on" is_writable "$ext4"
	dmsetup resume "$slow"
	wait "$writer"
	check "and that one" is_writable "$stuck"
	echo 30000 >/sys/module/blksnap/parameters/take_timeout_ms

	id=$(snap create "$first" "$slow")
	at_exit_case destroy_snapshot "$id"
	append_storage "$id" "$room"
	snap take "$id"
	fsck.ext4 -fn /dev/blksnap-image1 >/dev/null
	snap destroy "$id"
	echo "the next take is fine"
}
