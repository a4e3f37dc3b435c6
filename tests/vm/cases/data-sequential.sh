# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Small writes in sequence: what is likely to come next is copied ahead, so that few
# of them are held, and not much more is copied than was overwritten. What cannot be
# read ahead of time is no loss: it is read again when somebody overwrites it.

DESCRIPTION="writes in sequence are copied ahead of, and lose nothing by it"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

# Sectors that cannot be read for some time; writes end just short of them, within what
# is copied ahead (check the counter below if that changes).
BAD=$((0x4004))
END=$((0x4000))

requires() {
	need_module scsi_debug sd_mod
	need_snapshots pattern
}

opts=/sys/bus/pseudo/drivers/scsi_debug/opts

# append FROM TO: 4 KiB after 4 KiB, as a log is written.
append() {
	dd if=/dev/urandom of="$origin" bs=4k seek=$(($1 / 8)) count=$((($2 - $1) / 8)) \
		oflag=direct conv=notrunc status=none
}

act() {
	local copied held now

	new_scsi origin dev_size_mb=16 medium_error_start=$BAD medium_error_count=2
	pattern fill "$origin" 1
	snapshot_of "$origin"
	echo 2 >"$opts"
	must_fail dd if="$origin" of=/dev/null bs=512 skip=$BAD count=1 iflag=direct
	append 0 $END
	read -r copied held _ < <(snap counters "$snapshot")
	check "not more than a part was copied in vain: $copied bytes" \
		test "$copied" -ge $((END * 512)) -a "$copied" -le $((END * 512 + (256 << 10)))
	check "few writes were held: $held of $((END / 8))" test "$held" -lt $((END / 8 / 16))
	echo 0 >"$opts"
	pattern check "$image" 1

	# Who could not be served ahead is served now; and so is a second run.
	append $END $((0x6000))
	append $((0x7000)) $((0x7800))
	pattern check "$image" 1
	check "the snapshot holds" snapshot_holds "$snapshot"

	# Far from any sequence nothing is copied ahead.
	read -r copied held _ < <(snap counters "$snapshot")
	dd if=/dev/urandom of="$origin" bs=4k seek=4000 count=1 oflag=direct conv=notrunc status=none
	dd if=/dev/urandom of="$origin" bs=4k seek=3990 count=1 oflag=direct conv=notrunc status=none
	read -r now _ < <(snap counters "$snapshot")
	echo "two writes apart copied $((now - copied)) bytes"
	pattern check "$image" 1
}
