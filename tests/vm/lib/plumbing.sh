# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What cases about the plumbing commands share: a command's line, output,
# complaints and status as text that is the same every time.

PATH=$(cd "${BASH_SOURCE[0]%/*}/../../.." && pwd -P)/build/tool:$PATH

NAMES=()

# name_it WORD DEVICE: from here on its path and its number read as that word.
name_it() {
	local path
	path=$(readlink -f "$2")
	NAMES+=(-e "s|$2\\>|$1|g" -e "s|$path\\>|$1|g"
		-e "s/=$(($(stat -c 0x%t "$path"))):$(($(stat -c 0x%T "$path")))$/=$1/")
}

normal() {
	sed -E "${NAMES[@]}" -e "s|$CASE_TMP|TMP|g" \
		-e 's/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/UUID/g' \
		-e 's|TMP/(ext4\|xfs)\.[A-Za-z0-9]+|PLACE|g' \
		-e 's/^time=[0-9]+$/time=TIME/; s/^[0-9]+ - Low/TIME - Low/' \
		-e 's/^[0-9]+(\.[0-9]+){3}$/VERSION/' \
		-e '/kernel: /d'
}

# printed FILE FILE: what went to standard output, and to standard error.
printed() {
	local lines

	mapfile -t lines <"$1"
	((${#lines[@]} == 0)) || printf '%s\n' "${lines[@]}"
	mapfile -t lines <"$2"
	((${#lines[@]} == 0)) || printf '! %s\n' "${lines[@]}"
}

# Not sorted: what a case prints comes in the order in which it happened.
run() {
	local status=0

	blksnap "$@" >"$CASE_TMP/stdout" 2>"$CASE_TMP/stderr" || status=$?
	{
		echo "\$ blksnap $*"
		printed "$CASE_TMP/stdout" "$CASE_TMP/stderr"
		((status == 0)) || echo "status $status"
	} | normal
}

# The process is not killed by a SIGTERM any more, but told by it.
catches_term() {
	local mask
	mask=$(sed -n 's/^SigCgt:\t*//p' "/proc/$1/status")
	((16#$mask & 1 << 14))
}
