# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A backup is stopped while it reads an image. Nobody can mount the image then, and
# so replay a journal into what is being backed up.

DESCRIPTION="an image that is being backed up cannot be mounted"
MACHINE="disk=a:128M disk=b:384M"

PATH=$(cd "${BASH_SOURCE[0]%/*}/../../.." && pwd -P)/build/tool:$PATH

requires() {
	need_blksnap
	need_tool blksnap qemu-nbd
	need_module ext4
	need_disks 2
}

reads_image() { [[ $(readlink "/proc/$backup/fd"/* 2>/dev/null) == */dev/blksnap-image0* ]]; }

act() {
	load_blksnap
	new_disk disk
	new_disk keep
	new_filesystem place ext4 "$disk"
	new_filesystem store ext4 "$keep"
	dd if=/dev/urandom of="$place/random" bs=1M count=48 status=none

	blksnap backup --to "$store/backups" -q "$place" >/dev/null &
	backup=$!
	# No pause between two looks: it does not take long.
	until reads_image; do
		kill -0 $backup || fail "the backup has ended already"
	done
	kill -STOP $backup
	must_fail mount -o ro /dev/blksnap-image0 /mnt
	kill -CONT $backup
	wait $backup
	blksnap verify --progress none "$store/backups" >/dev/null
	echo "claimed, and whole"
}
