#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-series.sh KERNEL [CONFIG] - is the series fit to be sent? For the source of a
# kernel in KERNEL, which is not changed: each patch applies, says nothing that
# checkpatch.pl objects to, and leaves something that can be built; the last leaves
# comments that kernel-doc understands, pages without a warning, and nothing that sparse
# objects to.
#
# What is built is what the patches touch, with W=1: block/, drivers/block/ and
# drivers/md/, configured as the kernels of the tests are or as CONFIG says, and with
# the filter left out at the end. CC=COMPILER in the environment chooses that.
#
# Ends with N passed, N failed.

set -uo pipefail
shopt -s nullglob

scripts=$(cd "${BASH_SOURCE[0]%/*}" && pwd -P)
passed=0 failed=0

say() { printf 'check-series: %s\n' "$*" >&2; }
die() { say "$@"; exit 2; }

# result STATUS WORDS: and if it was not to be, what "$work/log" says of it.
result() {
	if (($1 == 0)); then
		((passed++))
		echo "ok    $2"
	else
		((failed++))
		echo "FAIL  $2"
		sed 's/^/        /' "$work/log" | tail -n 30
	fi
}

# What is argued in a patch, and what is no fault: that MAINTAINERS may need a change
# (patches 1 and 7 have it).
checkpatch() {
	perl scripts/checkpatch.pl --strict --no-tree --terse --show-types --no-summary \
		--ignore FILE_PATH_CHANGES,BIT_MACRO,MACRO_ARG_REUSE,NEW_TYPEDEFS "$1" >"$work/log" 2>&1
}

run_make() {
	nice make -s -j"$(nproc)" CC="${CC:-gcc}" HOSTCC="${CC:-gcc}" "$@" >"$work/log" 2>&1
}

# Builds what the patches touch; of a warning, only one in their own files counts.
builds() {
	run_make KCONFIG_ALLCONFIG="$work/fragment" allnoconfig && run_make prepare &&
		run_make W=1 block/ drivers/block/ drivers/md/ || return
	! grep -E '(blk-filter|blksnap).*warning:' "$work/log" >"$work/warnings" ||
		{ mv "$work/warnings" "$work/log"; return 1; }
}

kernel_doc() {
	local file

	for file in block/blk-filter* include/linux/blk-filter.h include/uapi/linux/blksnap.h \
			drivers/block/blksnap/*.[ch]; do
		perl scripts/kernel-doc -none "$file"
	done >"$work/log" 2>&1
	[[ ! -s $work/log ]]
}

# Not meant is a machine that lacks a program for pictures, nor what a newer kernel says
# of others' files in Documentation/ABI, which it reads for whatever pages.
pages() {
	make -s SPHINXDIRS=block htmldocs >"$work/html" 2>&1 || { cp "$work/html" "$work/log"; return 1; }
	! grep -E 'WARNING|ERROR|warning:' "$work/html" | sed "s,$work/,,g" |
		grep -vP 'dot\(1\) not found|^(?!.*blksnap).*Documentation/ABI/' >"$work/log"
}

# capability.rst shows every comment of blkdev.h, and is about something else.
keeps_to_its_subject() {
	: >"$work/log"
	! grep -il filter Documentation/output/block/capability.html >"$work/log" 2>/dev/null
}

# C=2 is for what is compiled already.
sparse_is_silent() {
	run_make C=2 CF=-D__CHECK_ENDIAN__ block/ drivers/block/blksnap/ || return
	! grep -E '(blk-filter|blksnap)[^ ]*: (warning|error):' "$work/log" >"$work/warnings" ||
		{ mv "$work/warnings" "$work/log"; return 1; }
}

abi_pages() {
	perl scripts/get_abi.pl validate 2>&1 | grep blksnap >"$work/log"
	[[ ! -s $work/log ]]
}

check_patches() {
	local patch

	for patch in "$work"/series/*.patch; do
		[[ $patch != */0000-* ]] || continue
		git am -q "$patch" >"$work/log" 2>&1
		result $? "${patch##*/} applies"
		checkpatch "$patch"
		result $? "${patch##*/}: nothing for checkpatch"
		builds
		result $? "${patch##*/}: builds"
	done
}

check_end() {
	if type -P sparse >/dev/null; then
		sparse_is_silent
		result $? "sparse has nothing to say"
	else
		say "no sparse: that is not looked at (apt-get install sparse)"
	fi
	kernel_doc
	result $? "kernel-doc understands each comment"
	[[ ! -e scripts/get_abi.pl ]] || { abi_pages; result $? "so does get_abi.pl"; }
	if type -P sphinx-build >/dev/null; then
		pages
		result $? "make htmldocs has nothing to say"
		keeps_to_its_subject
		result $? "the page about capabilities is not about filters"
	else
		say "no sphinx-build: pages are not made (apt-get install python3-sphinx)"
	fi
	sed -i -E '/^CONFIG_(BLK_FILTER|BLKSNAP)=/d' "$work/fragment"
	builds
	result $? "builds without the filter"
}

(($# == 1 || $# == 2)) || die "which kernel? give the directory of its source"
kernel=$(cd "$1" && pwd -P) || exit
work=$(mktemp -d "${TMPDIR:-/var/tmp}/blksnap-series.XXXXXX") || exit
trap 'rm -rf "$work"' EXIT
export GIT_AUTHOR_NAME=nobody GIT_AUTHOR_EMAIL=nobody@example.org
export GIT_COMMITTER_NAME=nobody GIT_COMMITTER_EMAIL=nobody@example.org
GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=user.name GIT_CONFIG_VALUE_0=nobody \
	GIT_CONFIG_KEY_1=user.email GIT_CONFIG_VALUE_1=nobody@example.org \
	"$scripts/make-series.sh" "$kernel" "$work/series" || exit
cat "${@:2}" </dev/null >"$work/fragment" || exit
(($# == 2)) ||
	cat "$scripts"/{,tree-}kernel.config - <<<CONFIG_BLKSNAP=m >"$work/fragment"
cp -a "$kernel" "$work/linux" && cd "$work/linux" || exit
rm -rf .git
git init -q && git config gc.auto 0 && git add -A -f . && git commit -q -m base || exit
check_patches
check_end
echo "$passed passed, $failed failed"
((failed == 0))
