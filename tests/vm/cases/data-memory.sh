# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Memory follows what is overwritten, not the size of the device: a GiB in random
# pieces of 4 KiB of a device of 100 GiB, none beside another.               I7

DESCRIPTION="a GiB overwritten in pieces of 4 KiB takes 16 MiB of memory at most"

requires() {
	need_snapshots fio
	need_module null_blk
}

act() {
	local storage=/dev/nullb1 before taken copied mib=1024 most=16384

	# What is freed is kept for a while there, what is not is several times as large, and
	# a GiB takes longer than a case may.
	if grep -q ' __kasan_kmalloc$' /proc/kallsyms; then
		mib=128 most=65536
	fi

	# need_module has loaded it, with a disk as it comes.
	modprobe -r null_blk
	modprobe null_blk nr_devices=2 gb=100 bs=512 memory_backed=0 queue_mode=2
	at_exit_case modprobe -r null_blk
	snapshot_of /dev/nullb0
	# Once unseen: what fio and the devices keep for good is there then.
	fio --name=warm --filename=/dev/nullb0 --rw=randread --bs=4k --size=100G \
		--io_size=1M --direct=1 --ioengine=libaio --iodepth=16 >/dev/null
	before=$(kernel_kib)
	fio --name=touch --filename=/dev/nullb0 --rw=randwrite --bs=4k --size=100G \
		--io_size="${mib}M" --direct=1 --ioengine=libaio --iodepth=16 >/dev/null
	wait_stored "$snapshot"
	taken=$(($(kernel_kib) - before))
	copied=$(($(snap info "$snapshot" copied) >> 20))
	check "$mib MiB were copied, not $copied" test "$copied" = "$mib"
	check "that took $most KiB of memory at most, not $taken" test "$taken" -le "$most"
}
