# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What cases about snapshots share. Sourced in the guest by case-runner.
#
# The programs of tests/vm/src are found by name: snap makes the module's
# calls one by one, pattern writes and checks data that knows its place.

PATH=$(cd "${BASH_SOURCE[0]%/*}/../../.." && pwd -P)/build/tests/bin:$PATH

# --- for requires() ---

# The modules and the programs, all that a case about snapshots is built on.
need_snapshots() {
	need_blksnap
	need_tool snap "$@"
}

# --- snapshots ---

# append_storage ID DEVICE: all of a device becomes storage.
append_storage() { snap append "$1" "$2" "0:$(blockdev --getsz "$2")"; }

# No process of the tool is left. Threads of the kernel, whose parent is 2, may
# have names like theirs.
no_process() {
	local file name status

	for file in /proc/[0-9]*/comm; do
		{ read -r name <"$file"; } 2>/dev/null || continue
		[[ $name == blksnap* ]] || continue
		{ read -r status <"${file%comm}stat"; } 2>/dev/null || continue
		# Behind the name come the state and the parent.
		[[ ${status##*) } == ?" 2 "* ]] || return 1
	done
}

# create_snapshot VARIABLE DEVICE...: created and with storage, but not taken;
# the variable gets the id. Storage is the device in $storage; if the case has
# not set that, one of the machine's disks. Destroyed when the case ends.
create_snapshot() {
	local _variable=$1
	shift
	blksnap_is_loaded || load_blksnap
	[[ ${storage:-} ]] || new_disk storage
	printf -v "$_variable" %s "$(snap create "$@")"
	[[ ${!_variable} ]] || fail "no snapshot of $*"
	at_exit_case destroy_snapshot "${!_variable}"
	append_storage "${!_variable}" "$storage"
}

# wait_stored ID: until all that was saved has reached the storage.
wait_stored() { wait_until "all is stored" has_no_memory "$1"; }
has_no_memory() { [[ $(snap info "$1" memory) == 0 ]]; }

# take_snapshot ID: the images' paths go to the array $image, in the order of
# creation, so that $image is the first.
take_snapshot() {
	snap take "$1"
	mapfile -t image < <(snap images "$1")
	((${#image[@]})) || fail "a snapshot without images"
}

# snapshot_of DEVICE...: created, with storage, and taken. Gives $snapshot,
# the id, and $image, the images.
snapshot_of() {
	snapshot=
	create_snapshot snapshot "$@"
	take_snapshot "$snapshot"
}

# Does nothing if it is not there any more.
destroy_snapshot() {
	blksnap_is_loaded || return 0
	! snap list | grep -qx "$1" || snap destroy "$1"
}

# True if the snapshot still shows what it promised.
snapshot_holds() { [[ $(snap info "$1" error) == 0 ]]; }

# True if it does not, and never will again.
is_corrupt() { [[ $(snap info "$1" state) == 2 ]]; }

# --- processes beside the case ---

# start VARIABLE COMMAND...: runs it in the background; the variable gets the
# process.
start() {
	local _variable=$1
	shift
	"$@" &
	printf -v "$_variable" %s $!
	at_exit_case end_process $!
}

end_process() {
	kill -KILL "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

# stop PROCESS...: asks them to end. The case fails if one has not ended well.
stop() {
	local process

	kill -TERM "$@" 2>/dev/null || true
	for process; do
		wait "$process" || fail "a process in the background ended with status $?"
	done
}

# scope COMMAND...: what it makes is undone when it ends, not only with the case.
scope() (
	# shellcheck disable=SC2034	# the framework's
	AT_EXIT=()
	trap end_scope EXIT
	"$@"
)

end_scope() {
	local status=$?

	run_at_exit || status=1
	exit "$status"
}

# --- more devices ---

# new_partition VARIABLE DISK NUMBER START COUNT: in sectors. Only the kernel
# knows it, nothing is written to the disk.
new_partition() {
	local _disk
	_disk=$(readlink -f "$2")
	addpart "$_disk" "$3" "$4" "$5"
	at_exit_case delpart "$_disk" "$3"
	[[ $_disk != *[0-9] ]] || _disk+=p
	printf -v "$1" %s "$_disk$3"
}

# new_md VARIABLE LEVEL DEVICE...: an array without a superblock. LEVEL is a number, or
# a word.
new_md() {
	local _variable=$1 _level=$2 _module=md-$2
	shift 2
	[[ $_level != [0-9]* ]] || _module=raid$_level
	modprobe "$_module"
	mdadm --build /dev/md77 --assume-clean --level="$_level" --raid-devices=$# "$@" \
		>/dev/null 2>&1
	at_exit_case mdadm --quiet --stop /dev/md77
	printf -v "$_variable" %s /dev/md77
}

# new_scsi VARIABLE PARAMETERS...: the disk of scsi_debug.
new_scsi() {
	local _variable=$1 _found
	shift
	modprobe sd_mod
	# need_module has loaded it, with a disk as it comes.
	[[ ! -d /sys/module/scsi_debug ]] || modprobe -r scsi_debug
	modprobe scsi_debug delay=0 "$@"
	at_exit_case modprobe -r scsi_debug
	wait_until "the SCSI disk is there" find_scsi >/dev/null
	_found=$(find_scsi)
	printf -v "$_variable" %s "$_found"
}

find_scsi() {
	local model

	for model in /sys/block/sd*/device/model; do
		if [[ -e $model && $(<"$model") == scsi_debug* ]]; then
			model=${model%/device/model}
			[[ ! -b /dev/${model##*/} ]] || { echo "/dev/${model##*/}"; return; }
		fi
	done
	return 1
}

# --- what was written ---

# overwrite DEVICE [options of pattern write]: all of it, with generations from
# 2 on.
overwrite() {
	local device=$1 sectors
	shift
	sectors=$(blockdev --getsz "$device")
	pattern write "$device" --seq --bs 64k --align 512 --ops $(((sectors + 127) / 128)) "$@"
}

# What a device holds, past all caches: to a file, and compared with one.
copy_of() { dd if="$1" of="$2" iflag=direct bs=1M status=none; }

same() { dd if="$1" iflag=direct bs=1M status=none | cmp - "$2"; }

differs() { ! dd if="$1" iflag=direct bs=1M status=none | cmp -s - "$2"; }
