#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-static.sh [KERNEL...] - what can be seen without running anything: call
# direction, licences, file sizes, shell scripts, and the modules with W=1 and
# sparse against each kernel. Prints a line a check, then N passed, N failed.

set -uo pipefail
cd "${BASH_SOURCE[0]%/*}/.." || exit
kernels=${*:-6.1 6.12}
passed=0 failed=0

# check SENTENCE COMMAND...: all is well if it succeeds and says nothing.
check() {
	local sentence=$1 said
	shift
	if said=$("$@" 2>&1) && [[ -z $said ]]; then
		echo "ok   $sentence"
		((passed++))
	else
		echo "FAIL $sentence"
		[[ -n $said ]] && sed 's/^/     /' <<<"$said"
		((failed++))
	fi
}

sources() { git ls-files -- '*.c' '*.h' '*.sh' '*Makefile' '*Kbuild' 'scripts/*' 'tests/vm/*' 'tool/*' 'lib/*' 'bench/*'; }

licences() {
	local file
	while read -r file; do
		[[ $file == *.out || $file == *.md || $file == *expected || $file == *check-cases ]] && continue
		head -n 3 "$file" | grep -q 'SPDX-License-Identifier:' ||
			echo "$file: no SPDX line"
	done < <(sources | sort -u)
}

sizes() {
	git ls-files -z -- 'module/*.c' 'compat/*.c' 'kernel/*.c' 'lib/*.c' 'tool/*.c' 'tests/*.c' | xargs -0 wc -l |
		awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines, 600 are enough" }'
}

scripts() {
	local file
	while read -r file; do
		head -n 1 "$file" | grep -qE '^#!.*\b(ba)?sh\b' && echo "$file"
		true	# what the last file is does not matter
	done < <(git ls-files) | xargs -r shellcheck -x -P SCRIPTDIR -S warning
}

sparse() {
	local dir
	dir=$(scripts/get-kernel.sh "$1" 2>/dev/null) || { echo "no kernel $1"; return; }
	scripts/build-modules.sh "$dir/build" "build/static/$(<"$dir/release")" \
		C=2 CHECK=sparse "CF=-D__CHECK_ENDIAN__"
}

check 'calls in the module go down only' scripts/check-layers.sh
check 'header, library, tests and manual page tell of the same calls and errnos' scripts/check-calls.sh
check 'every source names its licence' licences
check 'no C file is longer than a reader can hold' sizes
check 'shellcheck is content with every script' scripts
for kernel in $kernels; do
	check "the modules build for $kernel without a word from gcc (W=1) or sparse" sparse "$kernel"
done
echo "$passed passed, $failed failed"
((failed == 0))
