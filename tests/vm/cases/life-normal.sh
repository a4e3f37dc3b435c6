# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The life of a snapshot as programs know it: created, the first event asks for
# storage, which is given, taken, its image read while the original goes on
# being written, destroyed; tracking outlives it. And the door: who may enter
# the control node, and that a stranger's call changes nothing.

DESCRIPTION="a snapshot lives from its creation to its destruction"

requires() {
	need_snapshots pattern answer setpriv
	need_module brd
}

# A node of devtmpfs follows its device, but not at once.
is_gone() { ! [[ -e $1 ]]; }

act() {
	local id major

	new_brd origin 4
	new_brd storage 4
	load_blksnap
	stat -c 'the node: %A %U' /dev/blksnap
	major=$((0x$(stat -c %t /dev/blksnap)))
	check "sysfs names the node's number" [ "$(</sys/class/blksnap/major)" = $major ]
	check "images have a driver" grep -q ' blksnap-image$' /proc/devices

	pattern fill "$origin" 1
	id=$(snap create "$origin")
	snap event "$id" 10000
	echo "an event more: $(answer snap event "$id" 0)"
	echo "take without storage: $(answer snap take "$id")"
	append_storage "$id" "$storage"
	echo "new: state $(snap info "$id" state), storage $(snap info "$id" storage)"
	snap take "$id"
	snap images "$id"
	snap trackers | cut -d' ' -f3-

	pattern write "$origin" --ops 50 --bs 4096
	pattern check /dev/blksnap-image0 1
	must_fail pattern check "$origin" 1
	echo "taken: state $(snap info "$id" state), error $(snap info "$id" error)"
	[[ $(snap list) == "$id" ]]

	# What a terminal is asked must not be taken for a call.
	must_fail test -t 0 </dev/blksnap
	for command in list trackers "take $id" "destroy $id" "create $origin"; do
		# shellcheck disable=SC2086	# words
		echo "snap ${command%% *} as nobody in particular:" "$(
			answer setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin snap $command)"
	done
	pattern check /dev/blksnap-image0 1

	snap destroy "$id"
	echo "destroy again: $(answer snap destroy "$id")"
	wait_until "the image's node is gone" is_gone /dev/blksnap-image0
	[[ ! $(snap list) ]]
	snap trackers | cut -d' ' -f3-
	snap untrack "$origin"
	[[ ! $(snap trackers) ]]
}
