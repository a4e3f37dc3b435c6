#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs the unit programs and the scripts, and counts their TAP lines.
# Usage: run.sh DIRECTORY-OF-PROGRAMS UNIT...
set -u

here=$(dirname "$0")
out=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# A program that dies has failed whatever it printed before.
run()
{
	"$@" >"$log.one" 2>&1
	status=$?
	grep -E '^(not )?ok ' "$log.one" >>"$log"
	if [ $status -ne 0 ] || grep -q '^not ok' "$log.one"; then
		cat "$log.one"
		grep -q '^not ok' "$log.one" || echo "not ok - $1 ends with status $status" | tee -a "$log"
	fi
	rm -f "$log.one"
}

export CMOCKA_MESSAGE_OUTPUT=TAP
for unit in "$@"; do
	run "$out/test-$unit"
done
run "$here/test_backup.sh" "$out"
run "$here/test_commit.sh" "$out"
run "$here/test_usage.sh" "$out"
run "$here/test_mount.sh" "$out"
run "$here/test_plumbing.sh" "$out"

skipped=$(grep -c '# SKIP' "$log")
passed=$(grep -E '^ok ' "$log" | grep -vc '# SKIP')
failed=$(grep -c '^not ok' "$log")
grep '# SKIP' "$log"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
