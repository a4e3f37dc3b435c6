#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# get-kernel.sh NAME - have a Debian kernel at hand to build against and to boot
#
# Prints a directory that holds
#
#	release			what uname -r says in that kernel
#	vmlinux			the uncompressed ELF image, which QEMU boots directly
#	config			how it was configured
#	lib/modules/RELEASE	its modules, indexed by depmod
#	build			its headers: make -C DIR/build M=...
#	suite			of which Debian the programs are that build for it, for
#				in-suite.sh where this machine is another
#
# Nothing is installed: the packages come from the Debian mirror this machine
# is configured for, through an apt state of their own, and are unpacked into
# a cache. What is in the cache is never fetched again; to get a newer
# kernel of the same NAME, remove its directory. Some NAMEs are not fetched but
# built, by build-kernel.sh.

set -euo pipefail
shopt -s inherit_errexit nullglob

# Each kernel: its NAME, the pattern its image package follows, the suite whose
# programs build for it, and the suites where it is searched. The newest match
# is taken whose headers are there as well.
kernel_table() {
	cat <<-'TABLE'
	6.1        linux-image-6\.1\.0-[0-9]+-amd64           bookworm  bookworm bookworm-security
	6.1-cloud  linux-image-6\.1\.0-[0-9]+-cloud-amd64     bookworm  bookworm bookworm-security
	6.1-rt     linux-image-6\.1\.0-[0-9]+-rt-amd64        bookworm  bookworm bookworm-security
	6.12       linux-image-6\.12\.[0-9]+\+deb12-amd64     bookworm  bookworm-security
	7.3        linux-image-7\.3\.[0-9]+\+deb13-amd64      trixie    trixie-backports
	TABLE
}

# By build-kernel.sh.
built="debug-6.1 tree-6.1 tree-6.1-builtin tree-6.1-debug tree-7.3"

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd -P)
cache=${BLKSNAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/blksnap}
# shellcheck source=archive.sh
. "$here/archive.sh"

say() { printf 'get-kernel: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

usage() {
	cat <<-USAGE
	Usage: get-kernel.sh NAME

	Fetches a Debian kernel and prints the directory it is in. NAME is one of:
	$(kernel_table | awk '{ print "  " $1 }')
	$(printf '  %s\n' $built) (are built here, which takes long the first time)

	BLKSNAP_CACHE                    where kernels are kept ($cache)
	BLKSNAP_DEBIAN_MIRROR            use this mirror, not the configured one
	BLKSNAP_DEBIAN_SECURITY_MIRROR   the same for security updates
	USAGE
}

# --- which packages ---

has_package() { apt-cache "${apt_options[@]}" show --no-all-versions "$1" >/dev/null 2>&1; }

# Prints the packages a package needs whose names match a pattern.
needed_by() {
	apt-cache "${apt_options[@]}" depends --important "$1" |
		awk -v pattern="^($2)\$" '$1 ~ /Depends:$/ && $2 ~ pattern { print $2 }'
}

# Prints the newest image package that matches and has its headers.
newest_image() {
	local image

	while read -r image; do
		if has_package "$image" && has_package "${image/linux-image/linux-headers}"; then
			echo "$image"
			return
		fi
	done < <(apt-cache "${apt_options[@]}" pkgnames linux-image- |
		 grep -xE "$1" | sort -rV)
	die "no package matches $1"
}

# --- from packages to a kernel ---

# Prints the ELF inside a compressed kernel image: behind a decompressor, so
# look for what begins like a compressed stream and unpacks to an ELF.
extract_vmlinux() {
	local image=$1 magic unpack offset

	while read -r magic unpack; do
		while read -r offset; do
			# The stream is followed by rubbish, of which unpackers complain.
			tail -c "+$((offset + 1))" "$image" | $unpack 2>/dev/null >"$image.elf" || true
			if [[ $(head -c 4 "$image.elf" | od -An -tx1) == " 7f 45 4c 46" ]]; then
				cat "$image.elf"
				rm "$image.elf"
				return
			fi
		done < <(LC_ALL=C grep -aboP "$magic" "$image" | LC_ALL=C cut -d: -f1)
	done <<-'FORMATS'
	\xFD7zXZ\x00 unxz
	\x28\xB5\x2F\xFD unzstd
	\x1F\x8B\x08 gunzip
	\x02\x21\x4C\x18 unlz4
	FORMATS
	die "no ELF image found in $image"
}

# Newer packages have all of a kernel in usr/lib/modules/RELEASE, and links that
# lead from there: gives everything the place that older ones have it at.
lay_out_as_before() {
	local dir=$1 release file

	[[ -d $dir/usr/lib/modules ]] || return 0
	mkdir -p "$dir/lib" "$dir/boot"
	mv "$dir/usr/lib/modules" "$dir/lib"
	release=$(cd "$dir/lib/modules" && echo *)
	for file in vmlinuz config System.map; do
		mv "$dir/lib/modules/$release/$file" "$dir/boot/$file-$release"
	done
	for file in "$dir/lib/modules/$release"/{build,source}; do
		ln -sfn "/usr/src/$(basename "$(readlink "$file")")" "$file"
	done
}

# Turns the unpacked packages in $1 into what is promised above; the result
# will live in $2.
finish_kernel() {
	local dir=$1 home=$2 release headers file

	lay_out_as_before "$dir"
	release=$(cd "$dir/lib/modules" && echo *)
	[[ -d $dir/lib/modules/$release/kernel ]] || die "no modules in $dir"
	extract_vmlinux "$dir/boot/vmlinuz-$release" >"$dir/vmlinux"
	mv "$dir/boot/config-$release" "$dir/config"
	mv "$dir/boot/System.map-$release" "$dir/System.map"
	rm -rf "${dir:?}"/{boot,etc,usr/share}

	# The headers name each other by where they would be installed.
	headers=usr/src/linux-headers-$release
	[[ -d $dir/$headers ]] || die "no headers in $dir"
	for file in "$dir"/usr/src/*/{Makefile,.kernelvariables,.config}; do
		[[ -L $file ]] || sed -i "s,/usr/src/,$home/usr/src/,g" "$file"
	done
	while IFS= read -r -d '' file; do
		ln -sfn "$home$(readlink "$file")" "$file"
	done < <(find "$dir" -type l \( -lname '/usr/src/*' -o -lname '/usr/lib/*' \) -print0)
	ln -sfn "$headers" "$dir/build"

	depmod -b "$dir" "$release"
	echo "$release" >"$dir/release"
}

fetch_kernel() {
	local pattern=$1 suite=$2 image headers packages
	shift 2

	set_up_apt "$work/apt" "$@"
	image=$(newest_image "$pattern")
	headers=${image/linux-image/linux-headers}
	mapfile -t packages < <(
		printf '%s\n' "$image" "$headers"
		needed_by "$headers" 'linux-(headers|kbuild)-.*'
		needed_by "$image" 'linux-(base|binary|modules)-[0-9].*'
	)
	fetch_packages "$work/kernel" "${packages[@]}"
	finish_kernel "$work/kernel" "$home"
	echo "$suite" >"$work/kernel/suite"
}

case ${1:-} in
--help)		usage; exit 0 ;;
-*|'')		usage >&2; exit 1 ;;
esac
[[ $# == 1 ]] || { usage >&2; exit 1; }
name=$1
[[ " $built " != *" $name "* ]] || exec "$here/build-kernel.sh" "$name"
home=$cache/kernels/$name

# The directory appears by a rename when it is complete, so being there is
# being whole.
if [[ ! -d $home ]]; then
	read -r _ pattern suite suites < <(kernel_table | awk -v n="$name" '$1 == n') ||
		die "no kernel is called '$name'; known are: $(kernel_table | awk '{ printf "%s ", $1 }')$built"
	mkdir -p "$cache/kernels"
	exec {lock}>"$cache/kernels/$name.lock"
	flock "$lock"
	if [[ ! -d $home ]]; then	# nobody was quicker
		work=$cache/kernels/$name.incomplete
		rm -rf "$work"
		mkdir "$work"
		read -ra suites <<<"$suites"
		fetch_kernel "$pattern" "$suite" "${suites[@]}"
		mv "$work/kernel" "$home"
		rm -rf "$work"
		say "$name is $(<"$home/release")"
	fi
fi
echo "$home"
