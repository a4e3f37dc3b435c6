#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build-kernel.sh NAME - have a kernel at hand that no archive has
#
# Builds a kernel of Debian's in one of the ways below, and prints the directory it
# is in, which looks as get-kernel.sh describes. That script calls this one for these
# names, and so do, in the end,
#
#	tests/vm/vm --kernel NAME -- COMMAND
#	make check-vm KERNELS=NAME
#
# NAME is one of
#
#	debug-6.1		with everything in it that notices mistakes; to get
#				coverage as well, add GCOV_PROFILE=y when the
#				modules are built, and for line numbers KCFLAGS=-g
#	tree-6.1		with the patches of `make series` applied: the filter
#				is in the block layer, blksnap.ko among the modules
#	tree-6.1-builtin	likewise, and blksnap is built in
#	tree-6.1-debug		likewise with blksnap.ko, and all that is in debug-6.1
#	tree-7.3		as tree-6.1, of the newest source that Debian has
#
# What is in each is told by kernel.config, and what in some by debug-kernel.config,
# tree-kernel.config and kernel-7.3.config, beside this script.
#
# The source of 6.1 is installed as a package of this machine's Debian. That of 7.3 is
# fetched into the cache, and compiled by the compiler of its own suite (in-suite.sh);
# to get a newer one, remove its directory below sources/.
#
# It takes a quarter of an hour or more the first time. After that it is there
# at once, until its configuration, the source, the compiler or what the patches
# are made from changes; with ccache, what is the same then is not compiled again.

set -euo pipefail
shopt -s inherit_errexit nullglob

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd -P)
tree=${here%/scripts}
cache=${BLKSNAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/blksnap}
# shellcheck source=archive.sh
. "$here/archive.sh"

say() { printf 'build-kernel: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

usage() {
	cat <<-USAGE
	Usage: build-kernel.sh debug-6.1|tree-6.1|tree-6.1-builtin|tree-6.1-debug|tree-7.3

	Builds the kernel of that name, unless that is done, and prints its directory.

	BLKSNAP_CACHE   where kernels are kept ($cache)
	BLKSNAP_JOBS    how many compilers at a time (all processors)
	USAGE
}

# The parts of the configuration, and lines to add to them.
name=${1:-}
extra=
case $name in
debug-6.1)	  parts=(kernel debug-kernel) ;;
tree-6.1)	  parts=(kernel tree-kernel) extra=CONFIG_BLKSNAP=m ;;
tree-6.1-builtin) parts=(kernel tree-kernel) extra=CONFIG_BLKSNAP=y ;;
tree-6.1-debug)	  parts=(kernel debug-kernel tree-kernel) extra=CONFIG_BLKSNAP=m ;;
tree-7.3)	  parts=(kernel kernel-7.3 tree-kernel) extra=CONFIG_BLKSNAP=m ;;
--help)		  usage; exit 0 ;;
*)		  usage >&2; exit 1 ;;
esac
(($# == 1)) || { usage >&2; exit 1; }
parts=("${parts[@]/#/$here/}")
home=$cache/kernels/$name

# Where the source comes from, and whose compiler is used.
in_suite=()
case $name in
*7.3*)	package=linux-source-7.3
	fetched=$cache/sources/$package		# from the suite $archive
	archive=trixie-backports
	tarball=$fetched/usr/src/$package.tar.xz
	suite=trixie
	in_suite=("$here/in-suite.sh" "$suite")
	compiler=gcc-14 ;;
*)	package=linux-source-6.1
	fetched=
	tarball=/usr/src/$package.tar.xz
	suite=bookworm
	compiler=gcc-12 ;;
esac

is_tree() { [[ $name == tree-* ]]; }

source_version() {
	[[ ! $fetched ]] || { cat "$fetched/version" 2>/dev/null; return; }
	dpkg-query -W -f '${db:Status-Status} ${Version}\n' "$package" 2>/dev/null |
		sed -n 's/^installed //p'
}

# Prints the configuration that is wanted. Where parts differ the last one counts.
fragment() { cat "${parts[@]/%/.config}" && echo "$extra"; }

# Prints all that the patches are made from.
series_sources() {
	(cd "$tree" && find kernel module compat include/uapi doc/abi.md \
		scripts/make-series.sh scripts/edit-source.pl -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
}

digest() { sha256sum | cut -c1-32; }

# Prints what the kernel is made from, a line each.
recipe() {
	echo "source $(source_version || true)"
	echo "config $({ fragment; cat "$here/build-kernel.sh"; } | digest)"
	echo "compiler $("${in_suite[@]}" "$compiler" -dumpfullversion)"
	! is_tree || echo "patches $(series_sources | digest)"
}

install_package() {
	local install=(apt-get install -y --no-install-recommends "$@")

	[[ $(id -u) == 0 ]] || die "a package is missing; as root, please run: ${install[*]}"
	say "installing $*"
	export DEBIAN_FRONTEND=noninteractive
	apt-get -qq -o DPkg::Lock::Timeout=600 update >&2 ||
		say "not every package list could be updated; going on"
	"${install[@]}" -qq -o DPkg::Lock::Timeout=600 >&2 || die "installation failed"
}

# Has the source at $tarball.
get_source() {
	if [[ $fetched ]]; then
		rm -rf "$fetched.incomplete"
		mkdir -p "${fetched%/*}"
		set_up_apt "$work/apt" "$archive"
		fetch_packages "$fetched.incomplete" "$package"
		apt-cache "${apt_options[@]}" show --no-all-versions "$package" |
			sed -n 's/^Version: //p' >"$fetched.incomplete/version"
		mv "$fetched.incomplete" "$fetched"
	else
		install_package "$package"
	fi
}

# Runs make in the source; what it says goes to a log.
run_make() {
	nice -n 19 "${in_suite[@]}" make -C "$source" "${make_options[@]}" "$@" >>"$work/log" 2>&1 || {
		grep -aE 'error:|Error|\*\*\*' "$work/log" | head -20 >&2
		die "make $* failed; see $work/log"
	}
}

# Prints the lines of a fragment that did not come true. An option that this kernel
# does not have is not set.
lost_lines() {
	awk -F'[ =]' '
		{ key = $1 == "#" ? $2 : $1 }
		FNR == NR { line[key] = $0; next }
		key in line ? line[key] != $0 : $1 != "#"
	' "$source/.config" "$1"
}

# What looks for mistakes runs all the time, and need not be looked at itself: lockdep, the
# check of who may use what a CPU has, and what records a stack at each allocation. Of that
# stack the frames nearest to it will do. Not spinlock_debug, which touches what is
# locked: KASAN is to see that a lock is there no more.
quicken_checks() {
	local place

	for place in kernel/locking/lockdep kernel/stacktrace kernel/extable kernel/trace/fgraph \
		     arch/x86/kernel/unwind_frame lib/smp_processor_id; do
		printf '%s_SANITIZE_%s.o := n\n' KASAN "${place##*/}" UBSAN "${place##*/}" \
			>>"$source/${place%/*}/Makefile"
	done
	sed -i '/^#define KASAN_STACK_DEPTH/s/64/16/' "$source/mm/kasan/kasan.h"
}

# Makes .config: nothing at all, and then what the fragments say. Kconfig
# drops in silence what cannot be, so look.
configure() {
	local lost fragment=$work/config

	# On this architecture the filter was allowed only later (6.2), though it
	# works: it confines injected failures to what one module asks for.
	sed -i '/^config FAULT_INJECTION_STACKTRACE_FILTER/,/^config / { /depends on !X86_64/d }' \
		"$source/lib/Kconfig.debug"
	# The entry that QEMU takes, and the memcmp() it calls, run before there is a
	# shadow for KASAN to look at.
	echo 'KASAN_SANITIZE := n' >>"$source/arch/x86/platform/pvh/Makefile"
	echo 'KASAN_SANITIZE_string.o := n' >>"$source/lib/Makefile"
	quicken_checks
	fragment | awk -F'[ =]' '/^(# )?CONFIG_/ { key = $1 == "#" ? $2 : $1; line[key] = $0 }
		END { for (key in line) print line[key] }' | sort >"$fragment"
	run_make KCONFIG_ALLCONFIG="$fragment" allnoconfig
	lost=$(lost_lines "$fragment")
	[[ ! $lost ]] || die "this configuration cannot be had:"$'\n'"$lost"
}

# Copies from the source what building modules against it takes. It is the
# list scripts/package/builddeb has for header packages.
install_headers() {
	local to=$1

	mkdir -p "$to"
	(
		cd "$source"
		find . arch/x86 -maxdepth 1 -name 'Makefile*'
		find include scripts \( -type f -o -type l \) ! -name '*.o' ! -name '.*.cmd'
		find arch/x86 -name Kbuild.platforms -o -name Platform
		find arch/x86 -type d \( -name include -o -name scripts \) -exec find {} -type f \;
		echo tools/objtool/objtool
		echo Module.symvers
		echo .config
	) | sort -u | tar -C "$source" -c -T - | tar -C "$to" -x
}

# Makes the patches for the source, and applies them.
apply_series() {
	local patch

	# Whoever builds a kernel for tests need not be somebody who signs patches.
	GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=user.name GIT_CONFIG_VALUE_0=nobody \
		GIT_CONFIG_KEY_1=user.email GIT_CONFIG_VALUE_1=nobody@example.org \
		"$here/make-series.sh" "$source" "$work/series" >>"$work/log" 2>&1 ||
		{ cat "$work/log" >&2; die "the patches cannot be made"; }
	for patch in "$work"/series/*.patch; do
		[[ $patch != */0000-* ]] || continue
		patch -d "$source" -p1 -s --no-backup-if-mismatch -F0 <"$patch" >>"$work/log" ||
			die "${patch##*/} does not apply; see $work/log"
	done
}

build() {
	local release compile=$compiler

	recipe >"$work/recipe"		# of what is here now: it may change meanwhile
	mkdir "$work/unpacked"
	tar -C "$work/unpacked" -xf "$tarball"
	source=$work/unpacked/$package
	if "${in_suite[@]}" which ccache >/dev/null; then
		compile="ccache $compiler"
		export CCACHE_DIR=$cache/ccache CCACHE_MAXSIZE=1G
	fi
	make_options=(-j"${BLKSNAP_JOBS:-$(nproc)}" CC="$compile" HOSTCC="$compile")
	# Always the same, or a kernel built anew is not the same kernel.
	export KBUILD_BUILD_TIMESTAMP='2023-01-01' KBUILD_BUILD_VERSION=1
	export KBUILD_BUILD_USER=blksnap KBUILD_BUILD_HOST=debug

	! is_tree || apply_series
	configure
	say "building $name; the log is $work/log"
	run_make vmlinux modules
	run_make INSTALL_MOD_PATH="$work/kernel" DEPMOD=true modules_install
	release=$(<"$source/include/config/kernel.release")
	rm -f "$work/kernel/lib/modules/$release"/{build,source}

	cp "$source/vmlinux" "$source/System.map" "$work/kernel"
	cp "$source/.config" "$work/kernel/config"
	install_headers "$work/kernel/build"
	PATH=$PATH:/usr/sbin:/sbin depmod -b "$work/kernel" "$release"
	mv "$work/recipe" "$work/kernel"
	echo "$suite" >"$work/kernel/suite"
	echo "$release" >"$work/kernel/release"
}

# True if the kernel that is there is the one wanted. Where the source is not
# installed, there is nothing newer to build it from.
is_current() {
	[[ -e $home/recipe ]] || return 1
	if [[ $(source_version) ]]; then
		recipe | cmp -s - "$home/recipe"
	else
		cmp -s <(recipe | sed 1d) <(sed 1d "$home/recipe")
	fi
}

((${#in_suite[@]})) || command -v "$compiler" >/dev/null || install_package "$compiler"
if ! is_current; then
	mkdir -p "$cache/kernels"
	exec {lock}>"$home.lock"
	flock "$lock"
	if ! is_current; then	# nobody was quicker
		"$here/deps.sh" build >&2
		work=$home.incomplete
		rm -rf "$work"
		mkdir "$work"
		[[ -e $tarball ]] || get_source
		build
		rm -rf "$home"
		mv "$work/kernel" "$home"
		rm -rf "$work"
		say "$name is $(<"$home/release")"
	fi
fi
echo "$home"
