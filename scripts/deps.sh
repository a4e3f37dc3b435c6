#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# deps.sh [build|check|demo|bench|suite] - install what is needed and missing (Debian)
#
# Asks dpkg first: when nothing is missing it says nothing, needs neither
# root nor a network and is done in a moment. Where there is no dpkg it cannot ask:
# to build it gives a hint, and the compiler tells what is missing.

set -euo pipefail

# What each purpose needs; the others but suite get what build needs as well. A new
# package goes here and nowhere else.
build="
	gcc make pkg-config bc bison flex kmod libelf-dev
	libblkid-dev libmount-dev uuid-dev libsmartcols-dev
	libjson-c-dev libnbd-dev libzstd-dev libxxhash-dev
"
# To fetch kernels, to boot them, and what is used inside.
demo="
	gcc-12 xz-utils zstd cpio busybox-static
	qemu-system-x86 qemu-utils
	util-linux fdisk e2fsprogs xfsprogs btrfs-progs
	lvm2 dmsetup mdadm
	fio sqlite3 libsqlite3-dev xxhash nbd-client libaio-dev liburing-dev
	procps psmisc
"
# Beyond that, what reads the source and what measures.
check="$demo
	pahole sparse shellcheck cppcheck libcmocka-dev lcov strace
	libc6-dev-i386 lib32gcc-12-dev
"
# To measure is to boot, and to make tables.
bench="$demo
	python3
"

# To have the programs of another Debian at hand (in-suite.sh).
suite="
	debootstrap debian-archive-keyring util-linux
"

say() { printf 'deps: %s\n' "$*" >&2; }

case ${1:-build} in
build)	wanted=$build ;;
check)	wanted="$build $check" ;;
demo)	wanted="$build $demo" ;;
bench)	wanted="$build $bench" ;;
suite)	wanted=$suite ;;
--help)	echo "Usage: deps.sh [build|check|demo|bench|suite]"; exit 0 ;;
*)	echo "Usage: deps.sh [build|check|demo|bench|suite]" >&2; exit 1 ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	say "this is no Debian; what corresponds to these has to be there:"
	echo "$wanted" >&2
	[[ ${1:-build} == build ]]
	exit
fi

# Prints those of the packages named that are not installed. A name that
# another package provides counts as well.
missing() {
	local installed package

	installed=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' |
		    awk '$1 == "installed" { $1 = ""; gsub(/\([^)]*\)|,/, ""); print }')
	installed=" ${installed//$'\n'/ } "
	for package; do
		[[ $installed == *" $package "* ]] || echo "$package"
	done
}

# shellcheck disable=SC2086	# a list of words
mapfile -t packages < <(missing $wanted)
((${#packages[@]})) || exit 0

install=(apt-get install -y --no-install-recommends "${packages[@]}")
if [[ $(id -u) != 0 ]]; then
	say "some packages are missing; as root, please run:"
	printf '%s ' "${install[@]}"
	echo
	exit 1
fi

say "installing ${packages[*]}"
export DEBIAN_FRONTEND=noninteractive
lock=(-o DPkg::Lock::Timeout=600)
# One source that cannot be reached, some third party's perhaps, does not
# matter as long as the packages can be had.
apt-get "${lock[@]}" -qq update || say "not every package list could be updated; going on"
report=$(mktemp)
trap 'rm -f "$report"' EXIT
"${install[@]}" -qq "${lock[@]}" >"$report" 2>&1 || {
	cat "$report" >&2
	say "installation failed"
	exit 1
}
