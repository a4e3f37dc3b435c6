# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What is compared: the raw device, dm-snapshot with two chunk sizes, blksnap.
# Each is set up before a measurement and taken down behind it, so that none is
# loaded while another one is measured. Sourced in the guest by `measure`.
#
# $origin and $storage are devices, $other a third one. begin_system gives
#
#	$at_origin	where to write to the origin
#	$at_image	where to read the state of the begin (raw: the origin)
#
# and copied_bytes what was saved since.

# The storage that is put to use, and has all its pages.
STORAGE_MB=288

begin_system() {	# SYSTEM STATE
	system=$1 snapshot=
	at_origin=$origin at_image=$origin
	case $system in
	raw)	 ;;
	dm_64k)	 begin_dm 128 ;;
	dm_256k) begin_dm 512 ;;
	blksnap) begin_blksnap "$2" ;;
	esac
}

end_system() {
	case $system in
	raw)	 ;;
	dm_*)	 end_dm ;;
	blksnap) end_blksnap ;;
	esac
	AT_EXIT=("${AT_EXIT[@]/end_system*/true}")
}

# The snapshot comes first: an origin learns when it is resumed into what
# chunks its writes have to be cut.
begin_dm() {	# SECTORS_OF_A_CHUNK
	local sectors
	sectors=$(blockdev --getsz "$origin")
	dmsetup create bench-image --table "0 $sectors snapshot $origin $storage N $1"
	dmsetup create bench-origin --table "0 $sectors snapshot-origin $origin"
	at_exit_case end_system
	at_origin=/dev/mapper/bench-origin at_image=/dev/mapper/bench-image
}

end_dm() {
	dmsetup remove bench-origin
	dmsetup remove bench-image
}

# A device that is only tracked is one whose snapshot was destroyed.
begin_blksnap() {	# STATE
	load_blksnap
	at_exit_case end_system
	snapshot=$(snap create "$origin")
	snap append "$snapshot" "$storage" "0:$((STORAGE_MB * 2048))"
	snap take "$snapshot"
	at_image=$(snap images "$snapshot")
	if [[ $1 == tracked ]]; then
		snap destroy "$snapshot"
		snapshot=
	fi
}

end_blksnap() {
	[[ ! $snapshot ]] || snap destroy "$snapshot"
	snapshot=
	unload_blksnap
}

# --- what they tell ---

# Bytes that the system says it has saved. dm-snapshot tells sectors of its
# storage in use.
copied_bytes() {
	case $system in
	dm_*)	dmsetup status bench-image | awk '{ split($4, used, "/"); print used[1] * 512 }' ;;
	blksnap) if [[ $snapshot ]]; then snap info "$snapshot" copied; else echo 0; fi ;;
	*)	echo 0 ;;
	esac
}

stored_bytes() {
	if [[ $system == blksnap && $snapshot ]]; then
		snap info "$snapshot" stored
	else
		copied_bytes
	fi
}

# Until what was saved has reached the storage.
settle() { [[ ! $snapshot ]] || wait_stored "$snapshot"; }
