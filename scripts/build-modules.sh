#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build-modules.sh HEADERS OUT [make arguments] - build both modules against the
# kernel headers in HEADERS, and leave blkfilter.ko and blksnap.ko in OUT.
#
# Kbuild writes beside the sources, so these are linked into OUT/src first: the
# tree stays clean, and several kernels can be built at a time.

set -euo pipefail

tree=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd -P)
headers=$1
out=$2
shift 2

mkdir -p "$out/src"
out=$(cd "$out" && pwd -P)
for part in compat module include/uapi; do
	mkdir -p "$out/src/$part"
	cp -rsf "$tree/$part/." "$out/src/$part/"
done
find "$out/src" -xtype l -delete		# sources that are no more
echo 'obj-m += compat/blkfilter/ module/' >"$out/src/Kbuild"

# The kernel's own compiler if there is one of that version: here, or else in the
# kernel's own suite, if get-kernel.sh has said which that is.
compiler=$(sed -n 's/^#define LINUX_COMPILER[[:space:]].*gcc-\([0-9]*\).*/gcc-\1/p' \
	"$headers/include/generated/compile.h" 2>/dev/null || true)
suite=$(cat "$(dirname "$headers")/suite" 2>/dev/null || true)
in_suite=()
if ! type -P "${compiler:-none}" >/dev/null; then
	if [[ $compiler && $suite ]]; then
		in_suite=("$tree/scripts/in-suite.sh" --see "$headers" --see "$out" "$suite")
	else
		compiler=gcc
	fi
fi

"${in_suite[@]}" make -C "$headers" M="$out/src" CC="$compiler" W=1 "$@" modules >"$out/build.log" 2>&1 || {
	cat "$out/build.log" >&2
	exit 1
}
# The two that a kernel without vmlinux beside its headers cannot help.
if grep -E 'warning|error' "$out/build.log" |
	grep -vE 'compiler differs|Skipping BTF' >&2; then
	echo "build-modules.sh: warnings count as errors here" >&2
	exit 1
fi
ln -sf src/compat/blkfilter/blkfilter.ko "$out/blkfilter.ko"
ln -sf src/module/blksnap.ko "$out/blksnap.ko"
