# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What was held is submitted by one worker a device, whoever it is from. Where a
# controller has given a cgroup next to nothing of the disk, its held writes must not
# keep that worker waiting: the writes of others are behind them.              I5

DESCRIPTION="held writes do not wait for those of a cgroup without a share of the disk"
TIMEOUT=120

groups=/sys/fs/cgroup

requires() {
	need_snapshots pattern
	if mount -t cgroup2 none "$groups" 2>/dev/null; then
		need_file "$groups/io.cost.qos" "controller that shares out disks (blk-iocost)"
		umount "$groups"
	else
		skip "this kernel has no cgroups"
	fi
}

# in_cgroup NAME COMMAND...
in_cgroup() {
	echo "$BASHPID" >"$groups/$1/cgroup.procs"
	shift
	exec "$@"
}

# Twenty writes a second, of which one group has ten thousand times as many as the other.
share_out() {
	local number=$1

	echo "$number enable=1 ctrl=user rpct=0 wpct=0 min=100 max=100" >"$groups/io.cost.qos"
	at_exit_case eval "echo '$number enable=0' >'$groups/io.cost.qos'"
	echo "$number ctrl=user model=linear rbps=1000000000 rseqiops=100000 rrandiops=100000" \
		"wbps=1000000000 wseqiops=20 wrandiops=20" >"$groups/io.cost.model"
	echo "default 1" >"$groups/poor/io.weight"
	echo "default 10000" >"$groups/rich/io.weight"
}

has_held() { (($(snap info "$snapshot" held) > 0)); }

act() {
	local origin busy poor

	mount -t cgroup2 none "$groups"
	at_exit_case umount "$groups"
	echo +io >"$groups/cgroup.subtree_control"
	mkdir "$groups/poor" "$groups/rich"
	at_exit_case rmdir "$groups/poor" "$groups/rich"

	new_disk origin
	load_blksnap
	pattern fill "$origin" 1
	snapshot_of "$origin"
	pattern write "$origin" --seq --bs 64k --ops 8 --only 131072:1024
	share_out "$(lsblk -dno MAJ:MIN "$origin")"
	# Who has a share uses it, of what is saved already.
	start busy in_cgroup rich pattern write "$origin" --uring --depth 8 --bs 4k --align 4k \
		--only 131072:1024 --no-check
	start poor in_cgroup poor pattern write "$origin" --uring --depth 32 --ops 64 \
		--bs 4k --align 4k --only 0:65536 --no-check
	wait_until "its writes are held" has_held
	(in_cgroup rich timeout "$(seconds 20)" pattern write "$origin" --ops 10 --bs 4k \
		--align 4k --only 65536:65536)
	stop "$busy"
	wait "$poor"
	pattern check "$image" 1
}
