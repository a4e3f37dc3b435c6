# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Looking for memory that was lost, on kernels with kmemleak (debug-6.1). Sourced in
# the guest by case-runner.

kmemleak=/sys/kernel/debug/kmemleak

has_kmemleak() { [[ -w $kmemleak ]]; }

# Prints what no pointer leads to, if there is any, and from then on knows it. Twice,
# for what was written to between two looks is not lost yet, and nothing is that is
# younger than five seconds.
lost_memory() {
	echo scan >$kmemleak || return
	sleep 6
	echo scan >$kmemleak || return
	cat $kmemleak
	echo clear >$kmemleak
}
