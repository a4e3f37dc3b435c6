#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A full and increments of a plain file: restore, verify, damage.
bin=$1
. "$(dirname "$0")/tap.sh"

MiB=1048576
blksnap=$bin/blksnap
mkpoint=$bin/mkpoint

# Not a multiple of a cluster or of a piece, with a hole in the middle.
size=$((21 * MiB + 5 * 512))
make_disk()
{
	rm -f disk
	truncate -s $size disk
	dd if=/dev/urandom of=disk bs=$MiB count=7 conv=notrunc 2>/dev/null
	dd if=/dev/urandom of=disk bs=512 seek=$((20 * 2048)) \
		count=$((2048 + 5)) conv=notrunc 2>/dev/null
}

# Three changes: data, zeros over data, and the very end of the disk.
change_disk()
{
	dd if=/dev/urandom of=disk bs=65536 seek=3 count=2 conv=notrunc
	dd if=/dev/zero of=disk bs=65536 seek=64 count=32 conv=notrunc
	dd if=/dev/urandom of=disk bs=512 seek=$((21 * 2048)) count=5 conv=notrunc
} 2>/dev/null
changes="196608:131072 4194304:2097152 $((21 * MiB)):2560"

point_number()
{
	find backup/points -name '*.json' | sort | sed -n "${1}p" |
		sed 's|.*/||; s|\.json||'
}
image_of() { echo "backup/data/$(point_number "$1").disk.qcow2"; }
restore_is()
{
	rm -f restored
	"$blksnap" restore --from "backup@$(point_number "$1")" \
		--device disk=restored --progress none && cmp restored "$2"
}
verify() { "$blksnap" verify --progress none "$@"; }

make_disk
cp disk first
it "makes a full backup of a new device" \
	sh -c "$mkpoint backup disk 1 1 | grep 'full: first backup'"
it "restores it to a file" restore_is 1 first
it "verifies it" verify backup
it "leaves holes out of a full image" \
	sh -c "[ \$(stat -c %s $(image_of 1)) -lt $((10 * MiB)) ]"
it "makes an image that qemu-img finds the same" \
	qemu-img compare -f qcow2 -F raw "$(image_of 1)" first

change_disk
cp disk second
# shellcheck disable=SC2086
it "makes an increment of the same generation" \
	sh -c "$mkpoint backup disk 1 4 $changes | grep 'increment: changes since'"
it "restores the increment" restore_is 2 second
it "still restores the full" restore_is 1 first
it "stores no more than what changed" \
	sh -c "[ \$(stat -c %s $(image_of 2)) -lt $((2 * MiB)) ]"
it "names the base by a relative path" \
	sh -c "qemu-img info --output=json $(image_of 2) |
		grep '\"backing-filename\": \"$(point_number 1).disk.qcow2\"'"
it "holds zeros that hide the base" \
	qemu-img compare -f qcow2 -F raw "$(image_of 2)" second
it "works after the directory was moved" \
	sh -c "mv backup moved && mkdir sub && mv moved sub/moved &&
		$blksnap verify --progress none sub/moved; status=\$?
		mv sub/moved backup; exit \$status"
it "verifies both" sh -c "$blksnap verify -J --progress none backup |
	grep -c '\"is_right\": true' | grep -x 3"

dd if=/dev/urandom of=disk bs=65536 seek=3 count=1 conv=notrunc 2>/dev/null
cp disk third
it "bases a third point on the second" \
	sh -c "$mkpoint backup disk 1 5 196608:65536 |
		grep 'since $(point_number 2)'"
it "restores the third" restore_is 3 third
it "lists the points" sh -c "$blksnap restore --list --from backup -n -o KIND |
	tr -d ' ' | paste -sd, | grep -x full,increment,increment"
it "lists them as JSON" sh -c "$blksnap restore --list --from backup -J |
	python3 -c 'import json,sys; d = json.load(sys.stdin)
assert d[\"schema\"] == \"blksnap-points\" and len(d[\"points\"]) == 3
assert d[\"points\"][0][\"capacity\"] == $size'"

it "lists one point" sh -c "$blksnap restore --list --from backup@$(point_number 2) -n -o KIND |
	tr -d ' ' | paste -sd, | grep -x increment"
it "lists no point that there is not" \
	says "holds no point" fails 1 "$blksnap" restore --list --from backup@19

it "makes a full when the generation is another" \
	sh -c "$mkpoint backup disk 2 6 0:512 | grep 'full: tracking of changes started anew'"
it "finds a point by the beginning of its id" \
	sh -c "rm -f r && $blksnap restore --from backup@$(point_number 2 | cut -c1-21) -d disk=r -q && cmp r second"
it "says that a beginning fits several" \
	says "fits several points" fails 1 "$blksnap" restore --from backup@2 -d disk=x

cp first backup-of-first
it "does not overwrite a file unasked" \
	says "exists; --force" fails 1 "$blksnap" restore --from backup -d disk=first
it "overwrites it with --force" \
	sh -c "cp first other && $blksnap restore --from backup -d disk=other --force -q && cmp other third"
it "refuses a device that the point does not hold" \
	says "holds no device" fails 1 "$blksnap" restore --from backup -d vda=x
it "makes no file when one of several targets is wrong" \
	sh -c "! $blksnap restore --from backup -d disk=new1 -d disk=first && [ ! -e new1 ]"
it "empties no file when one of several targets is wrong" \
	sh -c "! $blksnap restore --from backup -d disk=first -d disk=/dev/null --force && cmp first backup-of-first"
ln first same
it "refuses a target that is named twice" \
	says "are the same target" fails 1 "$blksnap" restore --from backup -d disk=first -d disk=./same --force
it "refuses a new file that is named twice" \
	says "are the same target" fails 1 "$blksnap" restore --from backup -d disk=new1 -d disk=./new1
it "and leaves neither changed" \
	sh -c "cmp first backup-of-first && [ ! -e new1 ]"
head -c $((30 * MiB)) /dev/urandom >larger
it "cuts a file that was larger, with nothing of it left" \
	sh -c "$blksnap restore --from backup -d disk=larger --force -q && cmp larger third"
it "copies what it reads in lines of progress" \
	sh -c "rm -f r; $blksnap restore --from backup -d disk=r --progress lines 2>&1 | grep 'restore: 100%'"
it "tells progress as JSON" \
	sh -c "rm -f r; $blksnap restore --from backup -d disk=r --progress json 2>&1 |
		grep '\"bytes_done\":$size,\"bytes_total\":$size'"

# Whoever starts us may have closed any of these.
restore_without_fds()
{
	for closed in "0<&-" "1>&-" "2>&-" "1>&- 2>&-" "0<&- 1>&- 2>&-"; do
		rm -f r
		eval "\"$blksnap\" restore --from backup -d disk=r --progress lines $closed"
		cmp r third || return 1
	done
}
it "writes no message into a target" restore_without_fds

full() { "$@" >/dev/full; }
for words in "restore --list --from backup" "restore --list -J --from backup" \
		"verify -J --progress none backup" "verify --progress none backup" \
		"--help" "--version"; do
	# shellcheck disable=SC2086
	it "notices that standard output is full: $words" \
		says "standard output: No space left" fails 1 full "$blksnap" $words
done

it "verifies also where the end of a child is ignored" \
	env --ignore-signal=CHLD "$blksnap" verify --progress none backup

# A qemu-img whose check ends with a status, and which is else the real one.
mkdir stub
cat >stub/qemu-img <<EOF
#!/bin/sh
[ "\$1" != check ] || { [ \$STATUS != 137 ] || kill -9 \$\$; exit \$STATUS; }
exec $(command -v qemu-img) "\$@"
EOF
chmod +x stub/qemu-img
verify_where_check_ends_with()
{
	PATH=$work/stub:$PATH STATUS=$1 "$blksnap" verify --progress none backup
}
for status in 1 137; do
	it "condemns no backup when qemu-img ends with $status" \
		says "try again" fails 1 verify_where_check_ends_with $status
done
it "finds what qemu-img finds" \
	says "finds .* damaged" fails 13 verify_where_check_ends_with 2
it "lives with clusters that nobody uses" verify_where_check_ends_with 3

# Damage, each on a copy.
damaged()
{
	rm -rf bad
	cp -r backup bad
	"$@"
}
flip() { printf '\252' | dd of="bad/data/$1" bs=1 seek="$2" conv=notrunc 2>/dev/null; }
name() { echo "$(point_number "$1").disk.$2"; }

damaged flip "$(name 1 qcow2)" $((6 * MiB))
it "finds a flipped byte in a full" \
	says "differs from what was backed up" fails 13 verify bad
it "does not restore it silently" \
	says "is incomplete now" fails 13 "$blksnap" restore --from "bad@$(point_number 1)" -d disk=x1 -q
it "proves what a later point left of a piece, before it writes" \
	says "is not what was backed up" fails 13 "$blksnap" restore \
		--from "bad@$(point_number 2)" -d disk=x2 -q
it "and has written nothing" [ ! -s x2 ]
damaged flip "$(name 1 qcow2)" 0
it "finds an image that is none any more" \
	says "cannot be opened" fails 13 verify bad
damaged truncate -s 100 "bad/points/$(point_number 1).json"
it "finds a manifest that was cut" \
	says "cannot be read" fails 13 verify bad
damaged sed -i '/"devices"/,$c "devices": [] }' "bad/points/$(point_number 3).json"
it "finds a manifest without devices" \
	says "cannot be read" fails 13 verify bad
damaged flip "$(name 2 hashes)" 100
it "finds a flipped byte in the hashes" \
	says "is not as it was written" fails 13 verify bad
damaged sed -i 's/"hostname": "[^"]*"/"hostname": "x"/' "bad/points/$(point_number 1).json"
it "finds that a parent's manifest was changed" \
	says "is not the one that" fails 13 verify "bad@$(point_number 2)"
damaged rm "bad/points/$(point_number 1).json"
it "finds that a parent's manifest is missing" \
	says "whose manifest is missing" fails 13 verify "bad@$(point_number 3)"
damaged rm "bad/data/$(name 1 qcow2)"
it "finds that an image is missing" fails 13 verify bad
damaged truncate -s -65536 "bad/data/$(name 1 qcow2)"
it "finds that an image was cut" fails 13 verify bad
# The cluster at 1 MiB becomes one of zeros: a single bit, and the format is right.
hide_cluster()
{
	python3 - "$1" 16 <<-'END'
		import struct, sys
		image = open(sys.argv[1], "r+b")
		def number(at):
		    image.seek(at)
		    return struct.unpack(">Q", image.read(8))[0]
		table = number(number(40)) & 0x00fffffffffffe00
		entry = table + 8 * int(sys.argv[2])
		assert table and not number(entry)
		image.seek(entry)
		image.write(struct.pack(">Q", 1))
	END
}
damaged hide_cluster "bad/data/$(name 2 qcow2)"
it "has an increment that hides its base, and is right for qemu-img" \
	qemu-img check -q "bad/data/$(name 2 qcow2)"
it "finds that an increment hides what it did not change" \
	says "at byte $MiB of disk that was not written" fails 13 verify bad
damaged qemu-img rebase -u -f qcow2 -F qcow2 -b "$(name 1 qcow2)" "bad/data/$(name 3 qcow2)"
it "finds that an image was given another base" \
	says "is not based on the images" fails 13 verify bad
it "is not fooled by that into restoring it" \
	fails 13 "$blksnap" restore --from "bad@$(point_number 3)" -d disk=x2 -q

finish
