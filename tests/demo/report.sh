# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# How the demo's report looks. Sourced on both sides: the host begins and ends
# the report, the guest writes the rest. Nothing here starts a process.

bold= green= red= dim= plain=
if [[ ${DEMO_COLOR:-} ]]; then
	bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' dim=$'\e[2m' plain=$'\e[0m'
fi

STEP=0			# number of the step that is being made
PROOFS=0		# how many there were so far
FAILED=()		# those that were none, in words
began=$EPOCHREALTIME	# the step, or what came last in it
is_open=		# the line of a step is not complete
title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

# --- steps ---

# begin WORDS: what is being done now. The line is completed by end_step, or by
# the first of what there is to say meanwhile.
begin() {
	STEP=$((STEP + 1))
	began=$EPOCHREALTIME
	printf '\n%s%2d  %-70s%s' "$bold" "$STEP" "$*" "$plain"
	is_open=yes
}

end_step() {
	since "$began"
	complete "$SINCE"
}

# complete [TIME]: the line of a step
complete() {
	[[ ! $is_open ]] || printf '%s%12s%s\n' "$dim" "${1:-}" "$plain"
	is_open=
}

# fact WORDS VALUE
fact() {
	complete
	printf '    %-28s%s\n' "$1" "$2"
	began=$EPOCHREALTIME
}

# proof WORDS STATUS [REASON]: a verdict.
proof() {
	local mark="${green}✓$plain"

	complete
	PROOFS=$((PROOFS + 1))
	if [[ $2 != 0 ]]; then
		FAILED+=("$1")
		mark="${red}✗$plain"
	fi
	since "$began"
	[[ $SINCE != 0.[01]* ]] || SINCE=
	printf '    %s %-70s%s%10s%s\n' "$mark" "$1" "$dim" "$SINCE" "$plain"
	[[ $2 == 0 || -z ${3:-} ]] || printf '      %s\n' "$3"
	began=$EPOCHREALTIME
}

# prove WORDS COMMAND...: the command's success is the proof. What it prints
# goes to standard error, which is the log.
prove() {
	local words=$1 status=0
	shift
	"$@" >&2 || status=$?
	proof "$words" "$status"
}

# --- numbers, each put into the variable of its name ---

# since TIME: how long ago, TIME being an $EPOCHREALTIME.
since() {
	local us=$((${EPOCHREALTIME/[^0-9]/} - ${1/[^0-9]/}))

	if ((us < 60000000)); then
		printf -v SINCE '%d.%d s' $((us / 1000000)) $((us / 100000 % 10))
	else
		printf -v SINCE '%d min %02d s' $((us / 60000000)) $((us / 1000000 % 60))
	fi
}

# size BYTES
size() {
	local unit

	for unit in KiB MiB GiB; do
		local shift=10
		[[ $unit == KiB ]] || shift=20
		[[ $unit != GiB ]] || shift=30
		(($1 >= 1000 << shift)) || break
	done
	SIZE=$((($1 * 10 + (1 << (shift - 1))) >> shift))
	if ((SIZE >= 1000)); then
		SIZE="$(((SIZE + 5) / 10)) $unit"
	else
		SIZE="$((SIZE / 10)).$((SIZE % 10)) $unit"
	fi
}

# count NUMBER: with commas
count() {
	COUNT=$1
	while [[ $COUNT =~ ^([0-9]+)([0-9]{3}.*)$ ]]; do
		COUNT=${BASH_REMATCH[1]},${BASH_REMATCH[2]}
	done
}

# percent PART WHOLE
percent() {
	local tenths=$(($2 ? $1 * 1000 / $2 : 0))

	if ((tenths < 100)); then
		PERCENT="$((tenths / 10)).$((tenths % 10)) %"
	else
		PERCENT="$((tenths / 10)) %"
	fi
}
