# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Images: how they are numbered and which device each stands for; they go with
# their snapshot even if they are open, mapped or mounted, and whoever still has
# one gets no data any more, but errors.

DESCRIPTION="images go with their snapshot, whoever has them open"

requires() {
	need_snapshots pattern answer
	need_module brd ext4 loop
}

tell_images() {
	echo "$1: $(snap images "$2" | paste -sd' ')"
}

# How many bytes come: none, be it for an error or for an end of the device.
read_some() { dd bs=4k count=1 iflag=direct status=none 2>/dev/null | wc -c || true; }

is_gone() { ! [[ -b $1 ]]; }

act() {
	local first second third open

	new_brd a 16
	new_brd b 16
	new_brd c 16
	new_brd room 16
	mkfs.ext4 -q -F "$c"
	load_blksnap
	pattern fill "$a" 1
	pattern fill "$b" 2
	first=$(snap create "$b" "$a")
	second=$(snap create "$c")
	snap append "$first" "$room" 0:8192
	snap append "$second" "$room" 8192:8192
	snap take "$second"
	snap take "$first"
	tell_images "the second" "$second"
	tell_images "the first" "$first"
	pattern check /dev/blksnap-image1 2
	pattern check /dev/blksnap-image2 1
	cmp "$c" /dev/blksnap-image0
	echo "size $(blockdev --getsz /dev/blksnap-image1)," \
		"blocks of $(blockdev --getss --getpbsz /dev/blksnap-image1 | paste -sd/)"
	cmp <(cat /sys/block/blksnap-image1/dev) <(lsblk -ndo MAJ:MIN /dev/blksnap-image1 | tr -d ' ')

	# Destroyed while it is mounted, and while one is open.
	mkdir "$CASE_TMP/mounted"
	mount /dev/blksnap-image0 "$CASE_TMP/mounted"
	at_exit_case eval "umount -q $CASE_TMP/mounted || true"
	echo "some data" >"$CASE_TMP/mounted/file"
	snap destroy "$second"
	echo "a mounted one: $(answer dd if="$CASE_TMP/mounted/file" of=/dev/null iflag=direct status=none)"
	must_fail sh -c "echo more >$CASE_TMP/mounted/another && sync $CASE_TMP/mounted/another"
	umount "$CASE_TMP/mounted"
	exec {open}<>/dev/blksnap-image1
	dd bs=4k count=1 iflag=direct status=none of=/dev/null <&"$open"
	pattern watch /dev/blksnap-image2 1 2>/dev/null &
	snap destroy "$first"
	check "nothing can be read" test "$(read_some <&"$open")" = 0
	must_fail dd bs=4k count=1 oflag=direct status=none if=/dev/zero >&"$open"
	wait %% && fail "what reads an image did not notice"
	echo "an open one: nothing can be read or written"

	# All numbers are free, also that of the one that is still open.
	third=$(snap create "$a" "$b")
	append_storage "$third" "$room"
	wait_until "the nodes are gone" is_gone /dev/blksnap-image2
	snap take "$third"
	tell_images "the third, with one still open" "$third"
	check "the old one is not the new" test "$(read_some <&"$open")" = 0
	exec {open}<&-
	pattern check /dev/blksnap-image1 2
	snap destroy "$third"

	first=$(snap create "$a")
	append_storage "$first" "$room"
	snap take "$first"
	tell_images "the fourth" "$first"
	pattern check /dev/blksnap-image0 1
	snap destroy "$first"
}
