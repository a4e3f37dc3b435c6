#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build-debug-kernel.sh - have a kernel at hand that tortures what runs on it
#
# Builds Debian's 6.1 with everything in it that notices mistakes, and prints
# the directory it is in, which looks as get-kernel.sh describes. That script
# calls this one for the name debug-6.1, and so do, in the end,
#
#	tests/vm/vm --kernel debug-6.1 -- COMMAND
#	tests/vm/run-tests --kernel debug-6.1
#	scripts/build-modules.sh "$(scripts/get-kernel.sh debug-6.1)/build" OUT
#
# What is in it is told by debug-kernel.config, beside this script. To get
# coverage as well, add GCOV_PROFILE=y when the modules are built; to get line
# numbers for traces of them, KCFLAGS=-g.
#
# It takes a quarter of an hour or more the first time. After that it is there
# at once, until its configuration, the source or the compiler changes; with
# ccache, what is the same then is not compiled again.

set -euo pipefail
shopt -s inherit_errexit nullglob

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd -P)
cache=${BLKSNAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/blksnap}
home=$cache/kernels/debug-6.1
fragment=$here/debug-kernel.config
package=linux-source-6.1
tarball=/usr/src/$package.tar.xz
compiler=gcc-12

say() { printf 'build-debug-kernel: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

case ${1:-} in
'')	;;
--help)	cat <<-USAGE
	Usage: build-debug-kernel.sh

	Builds the kernel debug-6.1, unless that is done, and prints its directory.

	BLKSNAP_CACHE   where kernels are kept ($cache)
	BLKSNAP_JOBS    how many compilers at a time (all processors)
	USAGE
	exit 0 ;;
*)	die "there is no argument; try --help" ;;
esac

source_version() {
	dpkg-query -W -f '${db:Status-Status} ${Version}\n' "$package" 2>/dev/null |
		sed -n 's/^installed //p'
}

# Prints what the kernel is made from, a line each.
recipe() {
	echo "source $(source_version || true)"
	echo "config $(cat "$fragment" "$here/build-debug-kernel.sh" | sha256sum | cut -c1-32)"
	echo "compiler $($compiler -dumpfullversion)"
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

# Runs make in the source; what it says goes to a log.
run_make() {
	nice -n 19 make -C "$source" "${make_options[@]}" "$@" >>"$work/log" 2>&1 || {
		grep -aE 'error:|Error|\*\*\*' "$work/log" | head -20 >&2
		die "make $* failed; see $work/log"
	}
}

# Makes .config: nothing at all, and then what the fragment says. Kconfig
# drops in silence what cannot be, so look.
configure() {
	local lost

	# On this architecture the filter was allowed only later (6.2), though it
	# works: it confines injected failures to what one module asks for.
	sed -i '/^config FAULT_INJECTION_STACKTRACE_FILTER/,/^config / { /depends on !X86_64/d }' \
		"$source/lib/Kconfig.debug"
	# The entry that QEMU takes, and the memcmp() it calls, run before there is a
	# shadow for KASAN to look at.
	echo 'KASAN_SANITIZE := n' >>"$source/arch/x86/platform/pvh/Makefile"
	echo 'KASAN_SANITIZE_string.o := n' >>"$source/lib/Makefile"
	run_make KCONFIG_ALLCONFIG="$fragment" allnoconfig
	lost=$(grep -E '^(# )?CONFIG_' "$fragment" | grep -vxFf "$source/.config" || true)
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

build() {
	local release compile=$compiler

	mkdir "$work/unpacked"
	tar -C "$work/unpacked" -xf "$tarball"
	source=$work/unpacked/$package
	if type -P ccache >/dev/null; then
		compile="ccache $compiler"
		export CCACHE_DIR=$cache/ccache CCACHE_MAXSIZE=1G
	fi
	make_options=(-j"${BLKSNAP_JOBS:-$(nproc)}" CC="$compile" HOSTCC="$compile")
	# Always the same, or a kernel built anew is not the same kernel.
	export KBUILD_BUILD_TIMESTAMP='2023-01-01' KBUILD_BUILD_VERSION=1
	export KBUILD_BUILD_USER=blksnap KBUILD_BUILD_HOST=debug

	configure
	say "building; the log is $work/log"
	run_make vmlinux modules
	run_make INSTALL_MOD_PATH="$work/kernel" DEPMOD=true modules_install
	release=$(<"$source/include/config/kernel.release")
	rm -f "$work/kernel/lib/modules/$release"/{build,source}

	cp "$source/vmlinux" "$source/System.map" "$work/kernel"
	cp "$source/.config" "$work/kernel/config"
	install_headers "$work/kernel/build"
	PATH=$PATH:/usr/sbin:/sbin depmod -b "$work/kernel" "$release"
	recipe >"$work/kernel/recipe"
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

command -v "$compiler" >/dev/null || install_package "$compiler"
if ! is_current; then
	mkdir -p "$cache/kernels"
	exec {lock}>"$home.lock"
	flock "$lock"
	if ! is_current; then	# nobody was quicker
		"$here/deps.sh" build >&2
		[[ -e $tarball ]] || install_package "$package"
		work=$home.incomplete
		rm -rf "$work"
		mkdir "$work"
		build
		rm -rf "$home"
		mv "$work/kernel" "$home"
		rm -rf "$work"
		say "debug-6.1 is $(<"$home/release")"
	fi
fi
echo "$home"
