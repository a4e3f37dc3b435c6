#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check.sh [KERNEL...] - all tests, one part after the other; a part prints its
# own lines and ends with "N passed, N failed". The last line adds them up. A
# part that ends without such a line counts as one failure.

set -uo pipefail
cd "${BASH_SOURCE[0]%/*}/.." || exit
kernels=("$@")
((${#kernels[@]})) || kernels=(6.1 6.12)
mkdir -p build
# Two machines at a time on a computer that has other things to do as well.
export BLKSNAP_SLOW=${BLKSNAP_SLOW:-2}
passed=0 failed=0 skipped=0
begin=$EPOCHSECONDS
# A machine that is slower than this for the rest does not build a kernel as well.
enough_minutes=${BLKSNAP_MINUTES:-30}
log=$(mktemp build/check.XXXXXX)
trap 'rm -f "$log"' EXIT

part() {
	local sentence=$1 totals
	shift
	printf '\n--- %s\n' "$sentence"
	SECONDS=0
	"$@" 2>&1 | tee "$log"
	totals=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
	if [[ $totals =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)? ]]; then
		((passed += BASH_REMATCH[1], failed += BASH_REMATCH[2]))
		((skipped += ${BASH_REMATCH[4]:-0}))
	else
		echo "FAIL $sentence: ended without a result"
		((failed++))
	fi
	printf '    (%d s)\n' "$SECONDS"
}

build() {
	make --no-print-directory -s lib tool test-programs &&
		make --no-print-directory -s -C tests/interface &&
		make --no-print-directory -s test-modules KERNELS="${kernels[*]}" &&
		echo '1 passed, 0 failed'
}

part 'static checks' scripts/check-static.sh "${kernels[@]}"
part 'build' build
part 'the pure rooms, in user space' make --no-print-directory -s -C tests/unit
part 'library and tool, without a kernel' make --no-print-directory -s -C tests/tool
part 'the interface, fact by fact' scripts/check-interface.sh "${kernels[0]}"
in_tree() {
	scripts/get-kernel.sh tree-6.1 >/dev/null &&
		tests/vm/run-tests --kernel tree-6.1 "${cases[@]}"
}

# The first kernel: all but those with a minus. The others: those without.
mapfile -t cases < <(comm -23 <(basename -s .sh -a tests/vm/cases/*.sh | sort) \
	<(sed -n 's/^-//p' tests/vm/check-cases | sort))
for kernel in "${kernels[@]}"; do
	part "kernel $kernel" tests/vm/run-tests --kernel "$kernel" "${cases[@]}"
	mapfile -t cases < <(grep -v '^[#-]' tests/vm/check-cases)
done
BLKSNAP_CASES='data-slow-origin data-in-flight data-writers' \
	part 'races, with delays injected' scripts/check-races.sh "${kernels[0]}"
if ((EPOCHSECONDS - begin < enough_minutes * 60)); then
	part 'the filter in the block layer, a kernel built for it' in_tree
else
	printf '\n--- %s\nskip  the filter in the block layer   (%s: %s)\n' \
		'a kernel built for it' "more than $enough_minutes minutes went by" \
		'make check-kernels ALL_KERNELS=tree-6.1'
	((skipped++))
fi

printf '\n%d passed, %d failed' "$passed" "$failed"
((skipped)) && printf ', %d skipped' "$skipped"
printf '\n'
((failed == 0))
