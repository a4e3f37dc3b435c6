# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Others trace the functions where we find bios: that disturbs neither. Only
# where tracing is switched off altogether can nothing be found, and then
# nothing is promised; and while we depend on it, it cannot be switched off.

DESCRIPTION="others may trace the functions that the filter hooks"
MACHINE=turns

requires() {
	need_hooks
	need_snapshots pattern answer
	need_module brd
	need_file /sys/kernel/tracing/kprobe_events "tracing by kprobes"
}

tracing=/sys/kernel/tracing

try() {
	local room=$storage

	storage=$room snapshot_of "$origin"
	pattern fill "$origin" 2
	pattern check "$image" 1
	pattern fill "$origin" 1
	snap destroy "$snapshot"
	snap untrack "$origin"
	echo "$1: as ever"
}

undo() {
	echo 1 >/proc/sys/kernel/ftrace_enabled
	echo nop >$tracing/current_tracer
	echo >$tracing/set_ftrace_filter
	echo 0 >$tracing/events/enable
	echo >$tracing/kprobe_events
}

act() {
	local function

	new_brd origin 4
	new_brd storage 4
	load_blksnap
	pattern fill "$origin" 1
	at_exit_case undo
	for function in submit_bio_noacct submit_bio_noacct_nocheck; do
		echo "p:$function $function" >>$tracing/kprobe_events
		echo "r:${function}_end $function" >>$tracing/kprobe_events
	done
	echo 1 >$tracing/events/kprobes/enable
	try "probes at the beginning and the end"
	echo 'submit_bio*' >$tracing/set_ftrace_filter
	echo function >$tracing/current_tracer
	try "and the function tracer"
	echo function_graph >$tracing/current_tracer
	try "or the graph tracer"
	undo

	# Newer kernels do not switch it off for anybody, and say so in the same words.
	if ! echo 0 2>/dev/null >/proc/sys/kernel/ftrace_enabled; then
		echo "tracing switched off: EOPNOTSUPP"
		echo "switching it off now: refused"
		return
	fi
	echo "tracing switched off: $(answer snap create "$origin")"
	[[ ! $(snap trackers) ]]
	echo 1 >/proc/sys/kernel/ftrace_enabled
	snapshot_of "$origin"
	echo "switching it off now: $(answer sh -c 'echo 0 >/proc/sys/kernel/ftrace_enabled' | sed 's/.*error/refused/')"
	pattern fill "$origin" 2
	pattern check "$image" 1
}
