#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-kernels.sh [KERNEL...] - the same cases (those in BLKSNAP_CASES, or all) on
# each kernel: three of Debian's with the filter beside them, and one with the filter
# in its block layer, unless others are named. Prints, behind what the cases say, a
# table of those that did not pass everywhere, then N passed, N failed, the sum of all.

set -uo pipefail
cd "${BASH_SOURCE[0]%/*}/.." || exit
kernels=("$@")
((${#kernels[@]})) || kernels=(6.1 6.12 7.3 tree-6.1)
IFS=' ' read -ra cases <<<"${BLKSNAP_CASES:-}"
passed=0 failed=0 same=0

mapfile -t names < <(tests/vm/run-tests --list "${cases[@]}" | awk '{ print $1 }')
((${#names[@]})) || exit
for kernel in "${kernels[@]}"; do
	printf '\n      %s\n' "$kernel"
	rm -rf "build/tests/$kernel"
	tests/vm/run-tests --kernel "$kernel" --keep "${names[@]}"
done

printf '\n%-32s' case
printf '%-10s ' "${kernels[@]}"
echo
for name in "${names[@]}"; do
	row=
	for kernel in "${kernels[@]}"; do
		result=$(cat "build/tests/$kernel/$name/result" 2>/dev/null)
		case $result in
		ok)	((passed++)) ;;
		skip)	;;
		*)	result=FAIL
			((failed++)) ;;
		esac
		row+=$(printf '%-10s ' "$result")
	done
	if [[ $row == *FAIL* || $row == *skip* ]]; then
		printf '%-32s%s\n' "$name" "$row"
	else
		((same++))
	fi
done
printf '%s more passed on each of them\n%d passed, %d failed\n' "$same" "$passed" "$failed"
((failed == 0))
