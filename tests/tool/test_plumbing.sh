#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The plumbing commands without a module: each block of plumbing.golden is a
# command and what it must print ('!' before what goes to standard error) and
# end with. Usage: test_plumbing.sh DIRECTORY-OF-PROGRAMS [--print]
bin=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/tap.sh"

# The words are split as in the file: none of them holds a blank.
block()
{
	echo "\$ $1"
	# shellcheck disable=SC2086
	"$bin"/$1 >printed 2>complained
	status=$?
	cat printed
	sed 's/^/! /' complained
	[ $status -eq 0 ] || echo "status $status"
	echo
}

prints_the_same()
{
	block "$1" >is
	awk -v "wanted=\$ $1" '/^\$ / { is_it = $0 == wanted } is_it' \
		"$here/plumbing.golden" | diff -u - is
}

sed -n 's/^\$ //p' "$here/plumbing.golden" >commands
if [ "${2:-}" = --print ]; then
	while read -r command; do
		block "$command"
	done <commands
	exit
fi
while read -r command; do
	case $command in
	*--help | *' -h') it "prints help: $command" prints_the_same "$command" ;;
	*) it "refuses: $command" prints_the_same "$command" ;;
	esac
done <commands
it "has something to compare" [ "$(wc -l <commands)" -gt 20 ]

listed_apart()
{
	"$bin/blksnap" --help >help
	sed -n '/^Verbs:/,/^$/p' help | grep -q '^  backup ' &&
		! sed -n '/^Verbs:/,/^$/p' help | grep -q '_' &&
		sed -n '/^Plumbing/,$p' help | grep -q '^  stretch_snapshot '
}
it "lists the plumbing behind the verbs" listed_apart

id=0b6c9d0e-5a2f-4f0e-8f27-0c2f5b7f8f11
if [ -e /dev/blksnap ]; then
	skip "says that the module is not loaded" "it is"
else
	for command in version tracker_collect snapshot_collect \
			"snapshot_destroy -i $id" "snapshot_take --id=$id" \
			"snapshot_appendstorage --id $id --file $0" \
			"snapshot_waitevent -i $id --timeout=0" \
			"stretch_snapshot -i $id -p x"; do
		# shellcheck disable=SC2086
		it "ends with 1 where the module is not loaded: $command" \
			says "module is not loaded" fails 1 "$bin/blksnap" $command
	done
fi

finish
