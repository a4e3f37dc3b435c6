#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-interface.sh [KERNEL...] - runs the test of the interface, built before, in
# a virtual machine of each kernel, as a 64-bit and as a 32-bit program. Prints its
# facts and ends with their sum: N passed, N failed. A run that ends early, or whose
# kernel log tells of trouble, is one failure more.

set -uo pipefail
cd "${BASH_SOURCE[0]%/*}/.." || exit
kernels=("$@")
((${#kernels[@]})) || kernels=(6.1 6.12)
cases=(interface-64 interface-32)
passed=0 failed=0

# count KERNEL CASE: adds what the program printed, and how its case ended.
count() {
	local dir=build/tests/$1/$2 ok failures

	printf '\n      %s on %s\n' "$2" "$1"
	grep -E '^(ok|FAIL)  ' "$dir/out"
	ok=$(grep -c '^ok  ' "$dir/out")
	failures=$(grep -c '^FAIL  ' "$dir/out")
	# Whatever else went wrong: the program died, the kernel complained, …
	if [[ $(<"$dir/result") != ok && $failures == 0 ]] ||
		[[ $(tail -n 1 "$dir/out") != "$ok passed, $failures failed" ]]; then
		echo "FAIL  $2 on $1 went wrong otherwise; see above, and $dir"
		((failures++))
	fi
	((passed += ok, failed += failures))
}

for kernel in "${kernels[@]}"; do
	tests/vm/run-tests --kernel "$kernel" --cases tests/interface/cases --keep \
		"${cases[@]}" | grep -vE '^[0-9]+ passed, '
	for name in "${cases[@]}"; do
		count "$kernel" "$name"
	done
done
printf '\n%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
