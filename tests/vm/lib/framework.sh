# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What a test case can say. Sourced in the guest by case-runner.
#
# A helper that makes a device puts its path into the variable it is given,
# and undoes itself when the case ends:
#
#	new_brd origin 64	# $origin is now a RAM disk of 64 MiB
#
# Capitals are the framework's variables, small letters a case's own.

# --- verdicts ---

# Ends the case as failed, for the reason given in words.
fail() {
	printf 'failed: %s\n' "$*" >&2
	exit 1
}

# For conditions: check "the origin is unchanged" cmp a b
check() {
	local words=$1
	shift
	"$@" || fail "not so: $words"
}

# Ends the case as failed if the command succeeds; its complaint is dropped.
must_fail() {
	if "$@" >/dev/null 2>&1; then
		fail "succeeded, but should not have: $*"
	fi
}

# --- requirements, for requires() ---

# Skips the case, for the reason given in words.
skip() { SKIP_REASONS+=("$*"); }

need_tool() {
	local tool

	for tool; do
		type -P "$tool" >/dev/null || skip "no $tool here"
	done
}

# A module that can be loaded, or is built in; it is loaded.
need_module() {
	local module

	for module; do
		[[ -d /sys/module/${module//-/_} ]] || modprobe -q "$module" ||
			skip "this kernel has no module $module"
	done
}

# A kernel at least as new as this, e.g. need_kernel 6.12
need_kernel() {
	local have

	IFS=.- read -ra have < <(uname -r)
	((have[0] * 1000 + have[1] >= ${1%%.*} * 1000 + ${1#*.})) ||
		skip "this kernel is older than $1"
}

need_file() { [[ -e $1 ]] || skip "there is no ${2:-$1}"; }

need_disks() {
	((${#FREE_DISKS[@]} >= $1)) || skip "this machine has not $1 disks"
}

need_blksnap() {
	blksnap_is_built_in ||
		need_file "$BLKSNAP_MODULES/blksnap.ko" "blksnap.ko, build the modules first"
}

# For cases about what a filter hooks that is not in the block layer.
need_hooks() { ! filter_is_in_tree || skip "this kernel has the filter in its block layer"; }

# For cases that need more than unload_blksnap and load_blksnap.
need_unloading() { ! blksnap_is_built_in || skip "blksnap is built into this kernel"; }

# --- the end of a case ---

# Has a command run when the case ends, however it ends; the last one given
# comes first. If it fails, so does the case.
at_exit_case() { AT_EXIT+=("$(printf '%q ' "$@")"); }

run_at_exit() {
	local i status=0

	for ((i = ${#AT_EXIT[@]} - 1; i >= 0; i--)); do
		eval "${AT_EXIT[i]}" || {
			printf 'clean-up failed: %s\n' "${AT_EXIT[i]}" >&2
			status=1
		}
	done
	AT_EXIT=()
	return $status
}

# --- waiting ---

# Polls until a command succeeds; fails the case with "words" if it never
# does. There is no deadline of its own but the case's.
#	wait_until "the snapshot is overflown" test -s log
wait_until() {
	local words=$1 tries=0
	shift
	until "$@"; do
		((++tries < 600 * ${BLKSNAP_SLOW:-1})) || fail "waited in vain until $words"
		sleep 0.1
	done
}

# Duration in seconds for a program's option, longer on a slow machine.
seconds() { echo $(($1 * ${BLKSNAP_SLOW:-1})); }

# --- devices ---

# new_disk VARIABLE: one of the virtio disks of this machine, wiped.
new_disk() {
	((${#FREE_DISKS[@]})) || fail "no disk is left; see MACHINE"
	printf -v "$1" %s "${FREE_DISKS[0]}"
	FREE_DISKS=("${FREE_DISKS[@]:1}")
	blkdiscard -f "${!1}"
}

# new_brd VARIABLE SIZE_MB: a RAM disk. All of one case have the same size.
new_brd() {
	if ((BRD_USED == 0)); then
		! [[ -d /sys/module/brd ]] || rmmod brd
		modprobe brd rd_nr=8 rd_size=$(($2 * 1024))
		at_exit_case rmmod brd
		BRD_SIZE=$2
	fi
	((BRD_SIZE == $2)) || fail "RAM disks of one case have one size, $BRD_SIZE MiB"
	((BRD_USED < 8)) || fail "no RAM disk is left"
	printf -v "$1" /dev/ram%d "$BRD_USED"
	BRD_USED=$((BRD_USED + 1))
}

# new_loop VARIABLE SIZE [losetup options]: a loop device over a sparse file
# in memory; SIZE as in 64M.
new_loop() {
	local _variable=$1 _size=$2 _file
	shift 2
	modprobe loop
	_file=$(mktemp "$CASE_TMP/loop.XXXXXX")
	truncate -s "$_size" "$_file"
	printf -v "$_variable" %s "$(losetup --find --show "$@" "$_file")"
	[[ ${!_variable} ]] || fail "no loop device"
	at_exit_case losetup -d "${!_variable}"
}

# new_dm VARIABLE TABLE: a device-mapper device; its name ends in VARIABLE.
new_dm() {
	modprobe dm-mod
	dmsetup create "case-$1" --table "$2"
	at_exit_case dmsetup remove "case-$1"
	printf -v "$1" %s "/dev/mapper/case-$1"
}

# new_dm_linear VARIABLE DEVICE: all of a device, through device-mapper.
new_dm_linear() { new_dm "$1" "0 $(blockdev --getsz "$2") linear $2 0"; }

# new_dm_delay VARIABLE DEVICE READ_MS WRITE_MS: a slow view of a device.
new_dm_delay() {
	modprobe dm-delay
	new_dm "$1" "0 $(blockdev --getsz "$2") delay $2 0 $3 $2 0 $4"
}

# new_filesystem VARIABLE TYPE DEVICE [mount options]: makes it, mounts it
# and gives the place.
new_filesystem() {
	local _variable=$1 _type=$2 _device=$3 _dir
	shift 3
	case $_type in
	# Whole at once: else the kernel goes on making it, at a time of its choice. And
	# no room for root alone.
	ext4)	mkfs.ext4 -q -F -m 0 -E lazy_itable_init=0,lazy_journal_init=0 "$_device" ;;
	xfs)	mkfs.xfs -q -f "$_device" ;;
	btrfs)	mkfs.btrfs -q -f "$_device" >/dev/null ;;
	*)	fail "no way to make a $_type file system" ;;
	esac
	_dir=$(mktemp -d "$CASE_TMP/$_type.XXXXXX")
	mount "$@" -t "$_type" "$_device" "$_dir"
	at_exit_case umount "$_dir"
	printf -v "$_variable" %s "$_dir"
}

# What the kernel has taken for itself and cannot give back, in KiB: all but what
# is free, be it in the lists of the processors, caches, and the memory of programs.
kernel_kib() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	# What is freed behind a grace period.
	sleep 1
	awk '$1 == "MemTotal:" { kib += $2 }
		$1 ~ /^(MemFree|Buffers|Cached|SwapCached|AnonPages|SReclaimable|PageTables|KernelStack):$/ {
			kib -= $2
		}
		$1 == "count:" { kib -= $2 * 4 }
		END { print kib }' /proc/meminfo /proc/zoneinfo
}

# --- the modules under test ---

# Has this kernel the filter in its block layer? Then blksnap is one of its drivers,
# and there is no blkfilter.ko.
filter_is_in_tree() {
	grep -qs '/blksnap\.ko$' "/lib/modules/$(uname -r)"/modules.{order,builtin}
}

blksnap_is_built_in() { [[ -d /sys/module/blksnap && ! -e /sys/module/blksnap/initstate ]]; }

# True between load_blksnap and unload_blksnap.
blksnap_is_loaded() {
	if blksnap_is_built_in; then
		[[ -e $CASE_TMP/parameters ]]
	else
		[[ -d /sys/module/blksnap ]]
	fi
}

# A module file of the build and what it depends on in this kernel.
insert_module() {
	local file=$BLKSNAP_MODULES/$1.ko dependency
	shift
	for dependency in $(modinfo -F depends "$file" | tr , ' '); do
		[[ $dependency == blk* ]] || modprobe "$dependency"
	done
	insmod "$file" "$@"
}

# load_blksnap [PARAMETERS]: the snapshot module, below it the filter module
# on a kernel that needs one. Unloaded when the case ends.
load_blksnap() {
	! blksnap_is_loaded || fail "blksnap is loaded already"
	if blksnap_is_built_in; then
		begin_built_in "$@"
	else
		if [[ -e $BLKSNAP_MODULES/blkfilter.ko && ! -d /sys/module/blkfilter ]]; then
			insert_module blkfilter
		fi
		insert_module blksnap "$@"
	fi
	[[ " ${AT_EXIT[*]} " == *unload_blksnap* ]] || at_exit_case unload_blksnap
}

# What comes nearest to loading a driver that is built in: its parameters are set,
# and what they were is kept.
begin_built_in() {
	local word

	(cd /sys/module/blksnap/parameters && grep . -- *) >"$CASE_TMP/parameters"
	for word; do
		echo "${word#*=}" >"/sys/module/blksnap/parameters/${word%%=*}"
	done
}

# ... and to unloading it: it has no snapshot, tracks nothing, and is as it was.
end_built_in() {
	local name value

	[[ ! $(snap list) ]] || { echo "blksnap is in use" >&2; return 1; }
	snap trackers | while read -r name _; do
		snap untrack "/dev/$(sed -n 's/^DEVNAME=//p' "/sys/dev/block/$name/uevent")"
	done
	while IFS=: read -r name value; do
		echo "$value" >"/sys/module/blksnap/parameters/$name"
	done <"$CASE_TMP/parameters"
	rm "$CASE_TMP/parameters"
}

# Does nothing if they are not loaded.
unload_blksnap() {
	if blksnap_is_built_in; then
		! blksnap_is_loaded || end_built_in
		return
	fi
	[[ ! -d /sys/module/blksnap ]] || rmmod blksnap
	[[ ! -d /sys/module/blkfilter ]] || rmmod blkfilter
}
