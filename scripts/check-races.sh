#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-races.sh [KERNEL...] - the cases of the data path (or those that are named
# in BLKSNAP_CASES) with modules in which
# delays are injected between look-up and submission, read and publication, and
# wherever else a race would have to happen.

set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/.."
IFS=' ' read -ra cases <<<"${BLKSNAP_CASES:-}"
((${#cases[@]})) || cases=(tests/vm/cases/data-*.sh)
cases=("${cases[@]##*/}")
for kernel in "${@:-6.1}"; do
	dir=$(scripts/get-kernel.sh "$kernel")
	out=$PWD/build/modules-races/$(<"$dir/release")
	scripts/build-modules.sh "$dir/build" "$out" KCFLAGS=-DBLKFILTER_INJECT_DELAYS
	BLKSNAP_MODULES=$out BLKSNAP_SLOW=${BLKSNAP_SLOW:-3} \
		tests/vm/run-tests --kernel "$kernel" "${cases[@]%.sh}"
done
