#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make-series.sh KERNEL [OUT] - make the patch series that brings the block
# device filter and blksnap into the kernel whose source is in KERNEL, for
# `git am` or `git send-email`. KERNEL is not changed.
#
# Everything in it comes from this tree: the driver from module/, the interface
# from include/uapi/, what exists in a kernel only from kernel/. The plan of each
# patch is a file in kernel/series/: its message, then after "== files" what is
# added, as SOURCE DESTINATION, then after "== edit" what is changed, in the
# language of edit-source.pl.
#
# Sources know other kernels by HAVE_ names only (compat/Kbuild.include). Here
# these are answered for KERNEL, and unifdef takes out what is not for it, with
# everything that is for builds out of tree. What is left of compat.h, if
# anything, is backport.h of the driver.

set -euo pipefail
shopt -s inherit_errexit nullglob

tree=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd -P)

say() { printf 'make-series: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# Prints -D or -U for every question that a source may ask.
answers() {
	local flags name

	flags=$(printf 'include %s\nall:\n\t@echo $(blksnap-ccflags)\n' \
			"$tree/compat/Kbuild.include" |
		make -s --no-print-directory -f - srctree="$kernel" SRCARCH=x86 \
			KBUILD_EXTMOD="$tree")
	for name in $(grep -o 'HAVE_[A-Z_]*' "$tree/compat/Kbuild.include"); do
		if [[ " $flags " == *" -D$name "* ]]; then
			echo "-D$name"
		else
			echo "-U$name"
		fi
	done
	echo -UBLKSNAP_COMPAT_FILTER
}

# The driver's Makefile: without what is for builds out of tree.
driver_makefile() {
	sed -e '2,4d' -e '/^ifneq/,/^endif/d' \
		-e 's/^obj-.* += /obj-$(CONFIG_BLKSNAP) += /' "$1" |
	if [[ $has_backport ]]; then
		# shellcheck disable=SC2016	# for make
		sed '1a\\nccflags-y := -include $(srctree)/$(src)/backport.h'
	else
		cat
	fi | cat -s
}

# What is left of compat.h, under the name that it has there.
backport_header() {
	sed -e '/^ \* compat: /,/^ \*\/$/c\
 * The words of newer kernels that the driver is written in, in those of this\
 * one. Included before every source of the driver.\
 */' -e 's/_BLKSNAP_COMPAT_H/_BLKSNAP_BACKPORT_H/' \
		-e '/^\/\* The attribute/d' -e '/COMPAT_CLASS_ATTR_CONST/d' \
		"$1" | cat -s
}

# Newer kernels want allocations of a type spelled so.
typed_allocations() {
	if grep -q 'define kzalloc_obj(' "$kernel/include/linux/slab.h"; then
		sed -E -e 's/\bk([mz])alloc\(sizeof\((\*?[a-z_ ]+)\), /k\1alloc_obj(\2, /'
	else
		cat
	fi
}

# The files in sysfs, as Documentation/ABI has them.
abi_page() {
	sed -e '1,/^\tWhat:/{/^\tWhat:/!d;}' "$1" |
	sed -e 's/^\t//' -e 's/`/"/g' -e 's/MAJOR:MINOR/<major>:<minor>/' -e '/^Mode:/d' \
		-e "s|^Since:.*|Date:\t\t$(LC_ALL=C date '+%B %Y')\nContact:\t$author|"
}

# clean SOURCE - prints a source as it is to be seen in the kernel.
clean() {
	local source=$1

	case $source in
	*/compat.h)	unify "$source" >"$work/compat.h"
			backport_header "$work/compat.h" ;;
	doc/abi.md)	abi_page "$tree/$source" ;;
	module/Kbuild)	driver_makefile "$tree/$source" ;;
	module/*)	unify "$source" |
			sed -E -e '/^#include <linux\/blk-filter-inject\.h>$/d' \
				-e '/^\t+inject_(delay|sleep)\([0-9]+\);$/d' \
				-e "s/COMPAT_CLASS_ATTR_CONST /$attr_const/" |
			typed_allocations ;;
	*.c | *.h)	unify "$source" | typed_allocations ;;
	*)		cat "$tree/$source" ;;
	esac
}

# unifdef answers 1 where it changed something.
unify() { "$work/unifdef" "${answers[@]}" "$tree/$1" || (($? == 1)); }

# Is anything left of compat.h that a driver could miss?
needs_backport() {
	unify compat/compat.h | grep -vE '_BLKSNAP_COMPAT_H|define (pr_fmt|COMPAT_CLASS_ATTR_CONST)' |
		grep -qE '^#define|^static inline'
}

# section PLAN NAME - prints a part of a plan; NAME is message, files or edit.
section() {
	awk -v want="$2" 'BEGIN { at = "message" }
		/^== / { at = $2; next } at == want' "$1" |
		sed -e "s|@AUTHOR@|$author|" -e "s|@VERSION@|$version|"
}

# What patch 15 says about backport.h, or nothing.
about_backport() {
	[[ ! $has_backport ]] || cat <<-'TEXT'

	The driver is written in the words of newer kernels; backport.h,
	included before each of its sources, explains these to this one. It
	shadows what has another form here, which is why some of its macros
	have the names of functions, and it has the typedef of the newer kernel.
	TEXT
}

# What patch 2 says of a path that only older kernels have, or nothing.
about_pages() {
	! grep -q bdev_write_page "$kernel/block/bdev.c" || cat <<-'TEXT'

	Where pages are written without a bio, the filtered disk refuses, and
	the caller makes a bio of it.
	TEXT
}

# Has this kernel an md that counts bios only while it maps them, unless for statistics?
md_counts_late() { grep -q md_end_io_acct "$kernel/drivers/md/md.c"; }

# What patches 4 and 5 say of that, or nothing.
about_md_count() {
	! md_counts_late || cat <<-'TEXT'

	And let it do so for all levels that use it, and whether statistics are
	on or not. So far these levels hold a reference to the array while they
	map a bio; with it held until the bio has ended, mddev_suspend() waits
	for that. Newer kernels do the same. Statistics, which are on by
	default, need the same clone, so that it costs a reference count. The
	level "linear" is counted as well.
	TEXT
}

about_md_retries() {
	! md_counts_late || cat <<-'TEXT'

	A write that failed on a member of a raid1 or raid10 is tried again by
	the array's thread; suspending does not wait for that. So look at the
	count of writes, too, by which these levels know when they are clean.
	The levels "multipath" and "faulty" cannot be suspended.
	TEXT
}

# Copies the kernel's files that some patch changes, as the state before.
# Whatever the edits name is copied, and what it is not there is left out.
import_originals() {
	local file

	while read -r file; do
		[[ -e $kernel/$file ]] || continue
		mkdir -p "$repo/$(dirname "$file")"
		cp "$kernel/$file" "$repo/$file"
	done < <(sed -nE 's/^file\?? //p' "${plans[@]}" | sort -u)
	git -C "$repo" add -A
	git -C "$repo" commit -q -m "$version"
}

# Signs a message: above the line behind which are notes that git am drops.
sign() {
	awk -v trailer="Signed-off-by: $author" '
		function sign() { print (last ~ /^Cc: / ? "" : "\n") trailer; done = 1 }
		/^---$/ && !done { sign() }
		{ print; last = $0 }
		END { if (!done) sign() }' | cat -s
}

# Puts what is to be said of some kernels only where a message has a name for it.
fill_in() {
	local name script=()

	for name in backport pages md_count md_retries; do
		"about_$name" >"$work/$name"
		script+=(-e "/^@${name^^}@$/{r $work/$name" -e 'd;}')
	done
	sed "${script[@]}"
}

add_patch() {
	local plan=$1 source to

	while read -r source to; do
		[[ $source == */compat.h && ! $has_backport ]] && continue
		mkdir -p "$repo/$(dirname "$to")"
		clean "$source" >"$repo/$to"
	done < <(section "$plan" files)
	section "$plan" edit | "$tree/scripts/edit-source.pl" "$repo" >/dev/null ||
		die "${plan##*/} cannot be made for Linux $version: adapt kernel/series/${plan##*/}"
	git -C "$repo" add -A
	section "$plan" message | fill_in | sign |
		git -C "$repo" commit -q --cleanup=verbatim -F -
}

# Every source of the driver is in the series, once.
check_complete() {
	diff <(cd "$tree" && printf '%s\n' module/*.[ch]) \
		<(sed -nE 's/^(module\/[^ ]*\.[ch]) .*/\1/p' "${plans[@]}" | sort) >&2 ||
		die "the files of kernel/series/ are not those of module/"
}

[[ $# == 1 || $# == 2 ]] ||
	die "which kernel? give the directory of its source, as in make series KERNEL=/usr/src/linux"
kernel=$(cd "$1" && pwd -P)
[[ -e $kernel/block/blk-core.c ]] ||
	die "$kernel does not hold the source of a kernel; unpack a linux-source package, or clone one"
[[ ! -e $kernel/block/blk-filter.c ]] ||
	die "$kernel has block device filters already; give a source that the series is not applied to"
version=$(make -s --no-print-directory -C "$kernel" kernelversion)
out=${2:-$tree/build/series/$version}
name=$(git -C "$tree" config user.name) && email=$(git -C "$tree" config user.email) ||
	die "who signs the patches? set it: git config --global user.name and user.email"
author="$name <$email>"
plans=("$tree"/kernel/series/0[1-9]-* "$tree"/kernel/series/[1-9][0-9]-*)
check_complete

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
repo=$work/linux
cc -w -o "$work/unifdef" "$kernel/scripts/unifdef.c" ||
	die "unifdef cannot be built from $kernel/scripts/unifdef.c; is a compiler installed?"
mapfile -t answers < <(answers)
attr_const=
[[ " ${answers[*]} " == *" -DHAVE_CLASS_CREATE_NAME_ONLY "* ]] && attr_const='const '
has_backport=
needs_backport && has_backport=yes

git -c init.defaultBranch=series init -q "$repo"
git -C "$repo" config user.name "$name"
git -C "$repo" config user.email "$email"
import_originals
for plan in "${plans[@]}"; do
	add_patch "$plan"
done
git -C "$repo" config branch.series.description \
	"$(section "$tree/kernel/series/00-cover" message)"
rm -rf "$out"
mkdir -p "$out"
git -C "$repo" format-patch -q --cover-letter --cover-from-description=subject \
	--to=linux-block@vger.kernel.org -M -o "$(cd "$out" && pwd -P)" \
	"HEAD~${#plans[@]}"
say "the series for Linux $version is in $out: git am --empty=drop $out/*.patch"
