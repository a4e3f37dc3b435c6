# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The counters of modules built for scripts/coverage.sh. The kernel keeps those of a
# module that has been unloaded. Sourced in the guest by case-runner.

coverage=/sys/kernel/debug/gcov

# collect_coverage DIR: below it, the tree of the objects' counters, as gcov has it.
# From then on the kernel counts from zero.
collect_coverage() {
	local counters=$coverage$BLKSNAP_MODULES/src file to

	[[ -d $counters ]] || return 0
	while read -r file; do
		to=$1/${file#"$counters/"}
		[[ -d ${to%/*} ]] || mkdir -p "${to%/*}"
		cat "$file" >"$to"
	done < <(find "$counters" -name '*.gcda')
	echo 1 >$coverage/reset
}
