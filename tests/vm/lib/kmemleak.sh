# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Looking for memory that was lost, on kernels with kmemleak (debug-6.1). Sourced in
# the guest by case-runner.

kmemleak=/sys/kernel/debug/kmemleak

has_kmemleak() { [[ -w $kmemleak ]]; }

# Looks when it is told to only: what is written to meanwhile may be taken for lost.
begin_kmemleak() { ! has_kmemleak || echo scan=off >$kmemleak; }

# What the kernel itself loses: 6.1 the name of a slab cache, and that of a class, whose
# directory it cannot make for want of memory.
kernels_own='sysfs_slab_add|kobject_set_name[+][^\n]*\n[^\n]*__class_register'

# Prints what no pointer leads to, if there is any, and from then on knows it. Twice,
# for what was written to between two looks is not lost yet, and nothing is that is
# younger than five seconds.
lost_memory() {
	echo scan >$kmemleak || return
	sleep 6
	echo scan >$kmemleak || return
	awk -v own="$kernels_own" '
		/^unreferenced object/ { tell() }
		{ text = text $0 "\n" }
		END { tell() }
		function tell() {
			if (text !~ own)
				printf "%s", text
			text = ""
		}' $kmemleak
	echo clear >$kmemleak
}
