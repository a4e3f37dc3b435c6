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
#
# Nothing is installed: the packages come from the Debian mirror this machine
# is configured for, through an apt state of their own, and are unpacked into
# a cache. What is in the cache is never fetched again; to get a newer
# kernel of the same NAME, remove its directory. Some NAMEs are not fetched but
# built, by build-kernel.sh.

set -euo pipefail
shopt -s inherit_errexit nullglob

# Each kernel: its NAME, the pattern its image package follows, the compiler
# its headers ask for, and the suites where it is searched. The newest match
# is taken whose headers are there as well.
kernel_table() {
	cat <<-'TABLE'
	6.1        linux-image-6\.1\.0-[0-9]+-amd64           gcc-12  bookworm bookworm-security
	6.1-cloud  linux-image-6\.1\.0-[0-9]+-cloud-amd64     gcc-12  bookworm bookworm-security
	6.1-rt     linux-image-6\.1\.0-[0-9]+-rt-amd64        gcc-12  bookworm bookworm-security
	6.12       linux-image-6\.12\.[0-9]+\+deb12-amd64     gcc-12  bookworm-security
	TABLE
}

# By build-kernel.sh.
built="debug-6.1 tree-6.1 tree-6.1-builtin tree-6.1-debug"

cache=${BLKSNAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/blksnap}

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

# --- the mirror of this machine ---

# Prints "URI SUITES COMPONENTS KEYRING" of every configured binary source,
# lists joined by commas; both of apt's file formats.
configured_sources() {
	local files=(/etc/apt/sources.list /etc/apt/sources.list.d/*.list)

	cat "${files[@]}" 2>/dev/null | awk '
		$1 == "deb" {
			keyring = ""
			sub(/^deb[ \t]+/, "")
			if (match($0, /^\[[^]]*\]/)) {
				options = substr($0, 2, RLENGTH - 2)
				$0 = substr($0, RLENGTH + 1)
				if (match(options, /signed-by=[^ ]+/))
					keyring = substr(options, RSTART + 10, RLENGTH - 10)
			}
			uri = $1; suite = $2; components = $3
			for (i = 4; i <= NF && $i !~ /^#/; i++)
				components = components "," $i
			print uri, suite, components, keyring
		}' || true

	for file in /etc/apt/sources.list.d/*.sources; do
		# An extra empty line ends the last stanza.
		{ cat "$file"; echo; } | awk '
			function flush(   i, n, u, s, c) {
				n = split(f["uris"], u, " ")
				s = f["suites"]; gsub(/ +/, ",", s)
				c = f["components"]; gsub(/ +/, ",", c)
				if (f["types"] ~ /(^| )deb( |$)/ && f["enabled"] !~ /^[Nn]o/)
					for (i = 1; i <= n; i++)
						print u[i], s, c, f["signed-by"] ~ /^\/[^ ]+$/ ? f["signed-by"] : ""
				delete f
			}
			/^#/ { next }
			/^[ \t]*$/ { flush(); next }
			/^[^ \t:]+:/ {
				key = tolower($1); sub(/:.*/, "", key)
				value = $0; sub(/^[^:]+:[ \t]*/, "", value)
				f[key] = value; next
			}
			{ sub(/^[ \t]+/, ""); f[key] = f[key] " " $0 }'
	done
}

# Sets mirror and security_mirror, each "URI KEYRING", from the environment
# or from the first configured source that looks like Debian's own.
find_mirrors() {
	local uri suites components keyring

	mirror=${BLKSNAP_DEBIAN_MIRROR:-}
	security_mirror=${BLKSNAP_DEBIAN_SECURITY_MIRROR:-}
	while read -r uri suites components keyring; do
		[[ ,$components, == *,main,* ]] || continue
		case $suites in
		*-security*)
			[[ $uri == *debian* ]] && : "${security_mirror:=$uri $keyring}" ;;
		*)
			[[ $uri =~ /debian(/|$) ]] && : "${mirror:=$uri $keyring}" ;;
		esac
	done < <(configured_sources)
	[[ $mirror || $security_mirror ]] ||
		die "no Debian mirror is configured for apt; name one in BLKSNAP_DEBIAN_MIRROR"
}

# --- an apt of our own ---

# Fills $apt_dir and defines the array apt_options.
set_up_apt() {
	local suite uri keyring

	mkdir -p "$apt_dir"/lists/partial "$apt_dir"/cache/archives/partial
	: >"$apt_dir/sources.list"
	: >"$apt_dir/status"
	for suite in "$@"; do
		case $suite in
		*-security) read -r uri keyring <<<"$security_mirror" ;;
		*)	    read -r uri keyring <<<"$mirror" ;;
		esac
		[[ $uri ]] || { say "no mirror is known for $suite, going on without"; continue; }
		if [[ -z $keyring && -r /usr/share/keyrings/debian-archive-keyring.gpg ]]; then
			keyring=/usr/share/keyrings/debian-archive-keyring.gpg
		fi
		printf 'deb [arch=amd64%s] %s %s main\n' \
			"${keyring:+ signed-by=$keyring}" "$uri" "$suite" >>"$apt_dir/sources.list"
	done
	[[ -s $apt_dir/sources.list ]] || die "none of the suites $* can be reached"

	apt_options=(
		-oDir::Etc::SourceList="$apt_dir/sources.list"
		-oDir::Etc::SourceParts=-
		-oDir::State::Lists="$apt_dir/lists"
		-oDir::State::status="$apt_dir/status"
		-oDir::Cache="$apt_dir/cache"
		-oAPT::Architecture=amd64
		-oAPT::Architectures=amd64
		-oAPT::Sandbox::User="$(id -un)"
		-oAcquire::Languages=none
		-oAcquire::Retries=3
	)
	apt-get "${apt_options[@]}" -qq update >&2 || die "apt-get update failed"
}

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

# Turns the unpacked packages in $1 into what is promised above; the result
# will live in $2.
finish_kernel() {
	local dir=$1 home=$2 compiler=$3 release headers file

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

	command -v "$compiler" >/dev/null ||
		say "note: $compiler is needed to build modules for this kernel"
	depmod -b "$dir" "$release"
	echo "$release" >"$dir/release"
}

fetch_kernel() {
	local pattern=$1 compiler=$2 image headers packages package
	shift 2

	find_mirrors
	set_up_apt "$@"
	image=$(newest_image "$pattern")
	headers=${image/linux-image/linux-headers}
	mapfile -t packages < <(
		printf '%s\n' "$image" "$headers"
		needed_by "$headers" 'linux-(headers|kbuild)-.*'
	)
	say "fetching ${packages[*]}"
	(cd "$work" && apt-get "${apt_options[@]}" -qq download "${packages[@]}" >&2) ||
		die "the download failed"
	for package in "$work"/*.deb; do
		dpkg-deb -x "$package" "$work/kernel"
		rm "$package"
	done
	finish_kernel "$work/kernel" "$home" "$compiler"
}

case ${1:-} in
--help)		usage; exit 0 ;;
-*|'')		usage >&2; exit 1 ;;
esac
[[ $# == 1 ]] || { usage >&2; exit 1; }
name=$1
[[ " $built " != *" $name "* ]] || exec "${BASH_SOURCE[0]%/*}/build-kernel.sh" "$name"
home=$cache/kernels/$name

# The directory appears by a rename when it is complete, so being there is
# being whole.
if [[ ! -d $home ]]; then
	read -r _ pattern compiler suites < <(kernel_table | awk -v n="$name" '$1 == n') ||
		die "no kernel is called '$name'; known are: $(kernel_table | awk '{ printf "%s ", $1 }')$built"
	mkdir -p "$cache/kernels"
	exec {lock}>"$cache/kernels/$name.lock"
	flock "$lock"
	if [[ ! -d $home ]]; then	# nobody was quicker
		work=$cache/kernels/$name.incomplete
		rm -rf "$work"
		mkdir "$work"
		apt_dir=$work/apt
		read -ra suites <<<"$suites"
		fetch_kernel "$pattern" "$compiler" "${suites[@]}"
		mv "$work/kernel" "$home"
		rm -rf "$work"
		say "$name is $(<"$home/release")"
	fi
fi
echo "$home"
