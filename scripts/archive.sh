# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# archive.sh - packages from Debian's archive, of any suite, without installing
# them: from the mirror that this machine is configured for, through a private
# state of apt. To be sourced; it needs say and die.
#
#	BLKSNAP_DEBIAN_MIRROR            use this mirror, not the configured one
#	BLKSNAP_DEBIAN_SECURITY_MIRROR   the same for security updates

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

# Sets uri and keyring to those of the mirror that has a suite; uri is empty if
# none is known.
mirror_of() {
	case $1 in
	*-security) read -r uri keyring <<<"$security_mirror" ;;
	*)	    read -r uri keyring <<<"$mirror" ;;
	esac
	if [[ -z $keyring && -r /usr/share/keyrings/debian-archive-keyring.gpg ]]; then
		keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	fi
}

# set_up_apt DIR SUITE... - fills DIR and defines the array apt_options.
set_up_apt() {
	local apt_dir=$1 suite uri keyring

	shift
	find_mirrors
	mkdir -p "$apt_dir"/lists/partial "$apt_dir"/cache/archives/partial
	: >"$apt_dir/sources.list"
	: >"$apt_dir/status"
	for suite in "$@"; do
		mirror_of "$suite"
		[[ $uri ]] || { say "no mirror is known for $suite, going on without"; continue; }
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

# fetch_packages DIR PACKAGE... - downloads packages and unpacks them all into DIR.
fetch_packages() {
	local to=$1 debs package

	shift
	debs=$(mktemp -d "$to.XXXXXX")
	say "fetching $*"
	(cd "$debs" && apt-get "${apt_options[@]}" -qq download "$@" >&2) ||
		die "the download failed"
	for package in "$debs"/*.deb; do
		dpkg-deb -x "$package" "$to"
	done
	rm -r "$debs"
}
