# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Failures on demand, on kernels that have them (debug-6.1). Sourced in the guest by
# case-runner.

# need_faults KIND...: failslab, fail_page_alloc, fail_make_request.
need_faults() {
	local kind

	for kind; do
		need_file "/sys/kernel/debug/$kind/probability" "failures on demand ($kind)"
	done
}

# faults KIND NAME=VALUE...: the kernel's words, see its fault-injection.rst. All of
# it is as it was when the case ends. Allocations that may wait are not spared.
faults() {
	local dir=/sys/kernel/debug/$1 word
	shift
	at_exit_case end_faults "${dir##*/}"
	echo 0 >"$dir/verbose"
	echo -1 >"$dir/times"
	[[ ! -e $dir/ignore-gfp-wait ]] || echo N >"$dir/ignore-gfp-wait"
	[[ ! -e $dir/ignore-gfp-highmem ]] || echo N >"$dir/ignore-gfp-highmem"
	[[ ! -e $dir/min-order ]] || echo 0 >"$dir/min-order"
	for word; do
		echo "${word#*=}" >"$dir/${word%%=*}"
	done
}

end_faults() {
	local dir=/sys/kernel/debug/$1

	echo 0 >"$dir/probability"
	echo 1 >"$dir/interval"
	echo N >"$dir/task-filter"
	[[ ! -e $dir/require-start ]] || echo 0 >"$dir/require-start"
	[[ ! -e $dir/require-end ]] || echo 0xffffffffffffffff >"$dir/require-end"
}

# Prints the words for faults() that confine them to what a module asks for.
only_of() {
	local start size

	read -r start size < <(awk -v module="$1" '$1 == module { print $6, $2 }' /proc/modules)
	[[ $start ]] || fail "there is no module $1"
	printf 'require-start=%s\nrequire-end=%#x\n' "$start" $((start + size))
}

# Prints how many there were since faults() was given times=$MANY_FAULTS.
MANY_FAULTS=1000000
count_faults() { echo $((MANY_FAULTS - $(<"/sys/kernel/debug/$1/times"))); }
