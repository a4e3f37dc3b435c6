#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-calls.sh - the interface is told in several places, and all tell the same:
# the calls of the header are in the library, in tests and in man 4, with the
# errnos that the header documents for each; so are the parameters and the files
# in sysfs that the module has. Says nothing if all is well.

set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/.."
header=include/uapi/linux/blksnap.h
page=man/blksnap.4
prefix=IOCTL_BLK_SNAP_
status=0

complain() {
	echo "$*"
	status=1
}

# same THIS WORDS-OF-THIS THAT WORDS-OF-THAT: words apart by white space.
same() {
	local word these those

	these=" $(tr '\n' ' ' <<<"$2")" those=" $(tr '\n' ' ' <<<"$4")"
	for word in $these; do
		[[ $those == *" $word "* ]] ||
			complain "$word is in $1, but not in $3: add it there"
	done
	for word in $those; do
		[[ $these == *" $word "* ]] ||
			complain "$word is in $3, but not in $1: remove it, or add it to $1"
	done
}

calls() { sed -n "s/^#define $prefix\([A-Z_]*\) .*/\1/p" "$header"; }

# The comment that ends just before the definition of a call.
comment_of() {
	awk -v call="$prefix$1" '
		/^\/\*\*/ { text = "" }
		{ text = text "\n" $0 }
		$1 == "#define" && $2 == call { print text; exit }' "$header"
}

section_of() {
	awk -v call="$prefix$1" '
		/^\.S[SH]/ { is_it = $1 == ".SS" && $2 == call }
		is_it' "$page"
}

errnos() { grep -oE '\bE[A-Z]{2,}[0-9]*\b' | sort -u || true; }

functions_of_header() { grep -oE '\bblksnap_[a-z_]+\(' include/libblksnap.h | tr -d '('; }
functions_of_map() { sed -n 's/^\t\(blksnap_[a-z_]*\);/\1/p' lib/libblksnap.map; }

check_call() {
	local call=$1 function

	function=blksnap_$(tr '[:upper:]' '[:lower:]' <<<"$call")
	grep -qx "$function" <(functions_of_map) ||
		complain "the library has no function $function for the call $call"
	grep -rqE --include='*.c' "\b$prefix$call\b" tests ||
		complain "no test makes the call $prefix$call"
	same "$header ($call)" "$(comment_of "$call" | errnos)" \
		"$page ($call)" "$(section_of "$call" | errnos)"
}

main() {
	local call

	[[ $(calls) ]] || complain "$header: no call was found"
	same "$header" "$(calls)" "$page" "$(sed -n "s/^\.SS $prefix\([A-Z_]*\) .*/\1/p" "$page")"
	same include/libblksnap.h "$(functions_of_header)" lib/libblksnap.map "$(functions_of_map)"
	for call in $(calls); do
		check_call "$call"
	done
	for word in $(sed -nE 's/^(BOUNDED|IGNORED)\(([a-z_]+)[,)].*/\2/p' module/params.c | grep -v '^name$'); do
		grep -qw "$word" "$page" || complain "the parameter $word is not in $page"
	done
	for word in $(sed -nE 's/^(TRACKER|SNAPSHOT)_FILE\(([a-z_]+),.*/\2/p' module/control_sysfs.c | grep -v '^name$'); do
		grep -qw "$word" "$page" || complain "the file $word in sysfs is not in $page"
		grep -qE "^	What:.*/$word$" doc/abi.md || complain "the file $word in sysfs is not in doc/abi.md"
	done
}

main
exit $status
