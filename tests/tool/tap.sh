# SPDX-License-Identifier: GPL-2.0-only
# For the scripts: "it WHAT COMMAND..." is a case that passes if the command
# does; "fails STATUS COMMAND..." is a command that ends with that status.
# shellcheck shell=sh
set -u

count=0
failures=0
work=$(mktemp -d /tmp/blksnap-test-XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

it()
{
	what=$1
	shift
	count=$((count + 1))
	if "$@" >out 2>err; then
		echo "ok $count - $what"
	else
		failures=$((failures + 1))
		echo "not ok $count - $what"
		sed 's/^/#   /' out err
	fi
}

skip()
{
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

fails()
{
	expected=$1
	shift
	"$@"
	status=$?
	[ $status -eq "$expected" ] || {
		echo "ends with $status instead of $expected"
		return 1
	}
}

# Standard error of the command says it.
says()
{
	text=$1
	shift
	"$@" 2>said
	status=$?
	cat said >&2
	grep -q -- "$text" said && return $status
	echo "does not say '$text'"
	return 98
}

finish()
{
	echo "1..$count"
	[ $failures -eq 0 ]
}
