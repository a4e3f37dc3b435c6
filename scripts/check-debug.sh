#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-debug.sh [KERNEL...] - every case (or those in BLKSNAP_CASES) and every fact of
# the interface on kernels that look for mistakes: one with the filter beside it, and
# one with the filter in its block layer, unless others are named.
# Ends with N passed, N failed, the sum of all.

set -uo pipefail
cd "${BASH_SOURCE[0]%/*}/.." || exit
kernels=("$@")
((${#kernels[@]})) || kernels=(debug-6.1 tree-6.1-debug)
IFS=' ' read -ra cases <<<"${BLKSNAP_CASES:-}"
# There everything takes about six times as long.
export BLKSNAP_SLOW=${BLKSNAP_SLOW:-6}
passed=0 failed=0
log=$(mktemp build/check-debug.XXXXXX)
trap 'rm -f "$log"' EXIT

add() {
	"$@" 2>&1 | tee "$log"
	if [[ $(tail -n 1 "$log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
		((passed += BASH_REMATCH[1], failed += BASH_REMATCH[2]))
	else
		echo "FAIL  $*: ended without a result"
		((failed++))
	fi
}

for kernel in "${kernels[@]}"; do
	printf '\n      %s\n' "$kernel"
	add tests/vm/run-tests --kernel "$kernel" "${cases[@]}"
	[[ ${BLKSNAP_CASES:-} ]] || add scripts/check-interface.sh "$kernel"
done
printf '\n%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
