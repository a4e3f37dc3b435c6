#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-kernels.sh [KERNEL...] - the same cases (those in BLKSNAP_CASES, or all, and then
# the interface's facts as two more) on each kernel: three of Debian's with the filter
# beside them, and two with the filter in their block layer, unless others are named.
# Prints, behind what the cases say, a table of those that did not pass everywhere, then
# N passed, N failed, the sum of all.

set -uo pipefail
cd "${BASH_SOURCE[0]%/*}/.." || exit
kernels=("$@")
((${#kernels[@]})) || kernels=(6.1 6.12 7.3 tree-6.1 tree-7.3)
IFS=' ' read -ra cases <<<"${BLKSNAP_CASES:-}"
passed=0 failed=0 same=0

mapfile -t names < <(tests/vm/run-tests --list "${cases[@]}" | awk '{ print $1 }')
((${#names[@]})) || exit
facts=()
[[ ${BLKSNAP_CASES:-} ]] || facts=(interface-64 interface-32)
for kernel in "${kernels[@]}"; do
	printf '\n      %s\n' "$kernel"
	rm -rf "build/tests/$kernel"
	tests/vm/run-tests --kernel "$kernel" --keep "${names[@]}"
	((${#facts[@]} == 0)) ||
		tests/vm/run-tests --kernel "$kernel" --keep --cases tests/interface/cases "${facts[@]}"
done

printf '\n%-32s' case
printf '%-10s ' "${kernels[@]}"
echo
for name in "${names[@]}" "${facts[@]}"; do
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
