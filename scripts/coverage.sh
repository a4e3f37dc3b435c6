#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# coverage.sh [CASE...] - which lines of the modules do the cases reach?
#
# Builds the modules with counters in them, runs all cases and the interface's facts,
# or the cases named, on a kernel that hands the counters out (debug-6.1), adds up what
# each case has counted, and prints a table of the files and the lines that nothing has
# reached. All of it stays in build/coverage: "summary" and "unreached", and "info" for
# lcov and genhtml.
#
# BLKSNAP_KERNEL is another kernel with CONFIG_GCOV_KERNEL.

set -euo pipefail
shopt -s inherit_errexit nullglob
cd "${BASH_SOURCE[0]%/*}/.."

kernel=${BLKSNAP_KERNEL:-debug-6.1}
out=$PWD/build/coverage
gcov='gcov-12'

build_modules() {
	local dir=$kernel

	[[ $kernel == */* ]] || dir=$(scripts/get-kernel.sh "$kernel")
	objects=$out/modules/$(<"$dir/release")
	scripts/build-modules.sh "$dir/build" "$objects" GCOV_PROFILE=y KCFLAGS=-g
}

# Adds up the counters: of a case, of all that ran in one machine, they are exact.
merge() {
	local part merged=$out/merged

	rm -rf "$merged" "$merged.new"
	for part in "$out"/cases/*/; do
		if [[ -d $merged ]]; then
			${gcov/gcov/gcov-tool} merge "$merged" "$part" -o "$merged.new"
			rm -rf "$merged"
			mv "$merged.new" "$merged"
		else
			cp -a "$part" "$merged"
		fi
	done
	[[ -d $merged ]] || { echo "coverage.sh: no case has left counters" >&2; exit 1; }
}

# What lcov calls a tracefile, of the sources in the tree: those that were compiled
# are links to them, and headers of the kernel are not ours.
capture() {
	local file

	find "$objects/src" -name '*.gcno' | while read -r file; do
		ln -sf "$file" "$out/merged/${file#"$objects/src/"}"
	done
	lcov --quiet --gcov-tool "$gcov" --capture --directory "$out/merged" \
		--base-directory "$objects/src" --output-file "$out/all" \
		--rc lcov_branch_coverage=0 2>"$out/lcov.log"	# the kernel's headers are not there
	sed -i "s,^SF:$objects/src/,SF:$PWD/," "$out/all"
	lcov --quiet --extract "$out/all" "$PWD/module/*" "$PWD/compat/*" --output-file "$out/info"
	rm "$out/all"
}

summary() {
	awk -F'[:,]' -v top="$PWD/" '
		$1 == "SF" { file = substr($0, 4); sub(top, "", file) }
		$1 == "LF" { lines = $2 }
		$1 == "LH" { line(file, lines, $2); all += lines; hit += $2 }
		END { line("all", all, hit) }
		function line(name, lines, reached) {
			printf "%-36s %6d lines %6d reached %6.1f %%\n", name, lines, reached,
			       lines ? 100 * reached / lines : 100
		}' "$out/info"
}

unreached() {
	awk -F'[:,]' -v top="$PWD/" '
		$1 == "SF" {
			path = substr($0, 4)
			n = 0
			delete text
			while ((getline row <path) > 0)
				text[++n] = row
			close(path)
			file = path
			sub(top, "", file)
		}
		$1 == "DA" && $3 == 0 { printf "%s:%d:%s\n", file, $2, text[$2] }' "$out/info"
}

build_modules
rm -rf "$out/cases"
mkdir -p "$out/cases"
status=0
export BLKSNAP_MODULES=$objects BLKSNAP_COVERAGE=$out/cases BLKSNAP_SLOW=${BLKSNAP_SLOW:-6}
tests/vm/run-tests --kernel "$kernel" "$@" || status=$?
(($#)) || tests/vm/run-tests --kernel "$kernel" --cases tests/interface/cases 'interface-*' || status=$?
merge
capture
unreached >"$out/unreached"
summary >"$out/summary"
printf '\nlines that no case reached (%s):\n\n' "${out#"$PWD/"}/unreached"
cat "$out/unreached"
printf '\n'
cat "$out/summary"
exit "$status"
