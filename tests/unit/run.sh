#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh PROGRAM... - run test programs, a line a test and the totals at the end
#
# A program that dies, hangs for two minutes or reports fewer tests than it
# announced counts as that many failures. Exit status 1 if anything failed.

export CMOCKA_MESSAGE_OUTPUT=TAP

for program; do
	echo "program $(basename "$program" | sed 's/^test_//')"
	timeout --kill-after=5 120 "$program" 2>&1
	echo "status $?"
done | awk '
	/^program / { room = $2; planned = seen = failed_here = 0; next }
	/^[\t ]*1\.\.[0-9]+/ { sub(/.*1\.\./, ""); planned = $1; next }
	/^[\t ]*ok [0-9]+/ {
		seen++; passed++
		sub(/^[\t ]*ok [0-9]+ - /, "")
		printf "ok    %s: %s\n", room, $0; next
	}
	/^[\t ]*not ok [0-9]+/ {
		seen++; failed++; failed_here++
		sub(/^[\t ]*not ok [0-9]+ - /, "")
		printf "FAIL  %s: %s\n", room, $0; next
	}
	/^status / {
		missing = planned - seen
		if (!missing && $2 && !failed_here)
			missing = 1
		if (!planned)
			missing = 1
		if (missing) {
			printf "FAIL  %s: ended with status %d, %d of %d tests done\n",
			       room, $2, seen, planned
			failed += missing
		}
		next
	}
	/^# (not )?ok/ { next }
	{ print "      " $0 }
	END {
		printf "%d passed, %d failed\n", passed, failed
		exit failed || !passed
	}'
