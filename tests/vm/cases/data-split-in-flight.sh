# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A large write is split. While its first part waits for a tag the rest of it is on
# a list of the writer's own, where no queue knows of it. An attach that comes then
# must not be over before all of the write is on the device.

DESCRIPTION="a write whose submission is half done ends before tracking begins"
MACHINE="disk=a:64M disk=b:64M disk=c:64M disk=d:128M"

requires() {
	need_snapshots
	need_module null_blk
}

# Sectors written so far, of what has ended.
written() { awk '{ print $7 }' /sys/block/nullb0/stat; }

# Starts a write of two parts, sets before. Who gets a tag is a matter of luck: again,
# if it was the first part at once.
write_in_parts() {
	local tries

	for ((tries = 0; tries < 20; tries++)); do
		before=$(written)
		start writer dd if=/dev/zero of=/dev/nullb0 bs=8k count=1 oflag=direct \
			conv=notrunc status=none
		sleep 0.2
		[[ $(written) != "$before" ]] || return 0
		wait "$writer"
	done
	fail "no write has to wait"
}

act() {
	local before writer reader readers=() id i

	rmmod null_blk 2>/dev/null || true
	# One request at a time, each of half a second.
	modprobe null_blk nr_devices=1 gb=1 memory_backed=1 queue_mode=2 submit_queues=1 \
		hw_queue_depth=1 irqmode=2 completion_nsec=500000000
	at_exit_case rmmod null_blk
	echo none >/sys/block/nullb0/queue/scheduler
	echo 4 >/sys/block/nullb0/queue/max_sectors_kb
	load_blksnap take_timeout_ms=120000

	# These want the tag, too; not for ever, as nobody gives it out in turn.
	for ((i = 0; i < 8; i++)); do
		start reader dd if=/dev/nullb0 of=/dev/null bs=4k count=8 skip=$((1000 + i * 1000)) \
			iflag=direct status=none
		readers+=("$reader")
	done
	sleep 1
	write_in_parts
	id=$(snap create /dev/nullb0)
	if filter_is_in_tree; then
		# The rest is shown to the filter when it comes, like any later write.
		check "what was submitted is on the device" test "$(written)" -ge $((before + 8))
	else
		check "both of its parts are on the device" test "$(written)" == $((before + 16))
	fi
	for reader in "${readers[@]}"; do
		end_process "$reader"
	done
	wait "$writer"
	snap destroy "$id"
}
