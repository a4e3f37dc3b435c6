#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# in-suite.sh [--see DIR]... SUITE COMMAND [ARGUMENT...] - run a command among the
# programs of another Debian
#
#	in-suite.sh trixie gcc --version
#
# A kernel is to be built for with the compiler it was built by, and the programs
# that its headers bring along want the libraries of their own Debian. So there is
# a root of that suite in the cache, with what it takes to build kernels and
# modules: made by debootstrap at the first use, which takes some minutes. It is
# never renewed; remove its directory to have it made again.
#
# The command sees this tree, the cache and each DIR where they are here, and
# /dev, /proc, and /tmp. It runs in this directory if it sees that. All that is
# mounted for it is in a namespace of its own, and gone with its last process.
#
# It takes root, to make such a root and to enter it.

set -euo pipefail
shopt -s inherit_errexit nullglob

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd -P)
tree=${here%/scripts}
cache=${BLKSNAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/blksnap}
# shellcheck source=archive.sh
. "$here/archive.sh"

# What is in each root: to build kernels, and what Kbuild calls for modules.
packages=(gcc libc6-dev make bc bison flex perl python3-minimal libelf-dev kmod cpio
	  xz-utils zstd pahole ccache sparse)

say() { printf 'in-suite: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

usage() {
	cat <<-USAGE
	Usage: in-suite.sh [--see DIR]... SUITE COMMAND [ARGUMENT...]

	Runs COMMAND among the programs of Debian SUITE, trixie for instance, where it
	sees this tree, the cache, and each DIR.

	BLKSNAP_CACHE           where such a Debian is kept ($cache)
	BLKSNAP_DEBIAN_MIRROR   use this mirror, not the configured one
	USAGE
}

# Prints what a root is made from.
recipe() { echo "${packages[@]}"; }

# Makes the root; it appears by a rename when it is complete.
make_root() {
	local work=$root.incomplete uri keyring words

	find_mirrors
	mirror_of "$suite"
	[[ $uri ]] || die "no mirror is known for $suite; name one in BLKSNAP_DEBIAN_MIRROR"
	"$here/deps.sh" suite >&2
	say "making a root of Debian $suite in $root"
	rm -rf "$work"
	words=$(IFS=,; echo "${packages[*]}")
	debootstrap --variant=minbase --include="$words" ${keyring:+"--keyring=$keyring"} \
		"$suite" "$work" "$uri" >"$root.log" 2>&1 ||
		die "debootstrap failed; see $root.log"
	rm -f "$work"/var/cache/apt/archives/*.deb
	recipe >"$work/recipe"
	rm -rf "$root"
	mv "$work" "$root"
}

is_current() { recipe | cmp -s - "$root/recipe"; }

# enter ROOT DIR... -- COMMAND: in a mount namespace that is nobody else's.
# shellcheck disable=SC2317	# called by the shell in there
enter() {
	local root=$1 dir=/

	shift
	while [[ $1 != -- ]]; do
		mkdir -p "$root$1"
		mount --bind "$1" "$root$1"
		shift
	done
	shift
	[[ ! -d $root$PWD ]] || dir=$PWD
	exec chroot "$root" /usr/bin/env -C "$dir" \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

seen=(/dev /proc /tmp "$tree" "$cache")
while [[ ${1:-} == -* ]]; do
	case $1 in
	--see)	seen+=("$(realpath "$2")"); shift 2 ;;
	--help)	usage; exit 0 ;;
	*)	usage >&2; exit 1 ;;
	esac
done
(($# >= 2)) || { usage >&2; exit 1; }
suite=$1
root=$cache/suites/$suite
shift

[[ $(id -u) == 0 ]] || die "this takes root: to make a root of Debian $suite, and to enter it"
if ! is_current; then
	mkdir -p "$cache/suites"
	exec {lock}>"$root.lock"
	flock "$lock"
	is_current || make_root
	exec {lock}>&-
fi
# What is inside of another comes behind it, or it would be covered.
mapfile -t seen < <(printf '%s\n' "${seen[@]}" | LC_ALL=C sort -u)
exec unshare --mount -- /bin/bash -euc "$(declare -f enter); enter \"\$@\"" \
	in-suite "$root" "${seen[@]}" -- "$@"
