#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The commit rule: killed at any step, a backup leaves the whole point or none.
bin=$1
. "$(dirname "$0")/tap.sh"

blksnap=$bin/blksnap
mkpoint=$bin/mkpoint

dd if=/dev/urandom of=disk bs=65536 count=40 2>/dev/null
"$mkpoint" backup disk 1 1 >/dev/null || exit 1
cp -r backup pristine

points() { find "$1/points" -name '*.json' ! -name '.*' | wc -l; }
rests() { find "$1" -name '.tmp-*' | wc -l; }

killed_at()
{
	rm -rf backup
	cp -r pristine backup
	BLKSNAP_TEST_STOP=$1 "$mkpoint" backup disk 1 2 65536:131072
	[ $? -eq 137 ]
}

# Before the manifest has its name: the old point, and it is whole.
leaves_nothing()
{
	killed_at "$1" || return 1
	[ "$(points backup)" -eq 1 ] || return 1
	"$blksnap" verify --progress none backup || return 1
	"$mkpoint" backup disk 1 3 65536:131072 || return 1
	[ "$(rests backup)" -eq 0 ] && [ "$(points backup)" -eq 2 ] &&
		[ "$(find backup/data -type f | wc -l)" -eq 4 ] &&
		"$blksnap" verify --progress none backup
}

# From then on: the new point, and it is a base.
leaves_the_point()
{
	killed_at "$1" || return 1
	[ "$(points backup)" -eq 2 ] || return 1
	"$blksnap" verify --progress none backup || return 1
	"$mkpoint" backup disk 1 3 0:512 | grep 'number 2 to 3' || return 1
	"$blksnap" verify --progress none backup
}

for step in image-made image-written hashes-written data-synced data-renamed \
		data-dir-synced manifest-written manifest-synced; do
	it "leaves no half point when killed at $step" leaves_nothing $step
done
for step in manifest-renamed committed; do
	it "leaves the whole point when killed at $step" leaves_the_point $step
done

rm -rf backup
cp -r pristine backup
it "makes no point when the snapshot was lost at the end" \
	fails 11 env MKPOINT_INVALID=1 "$mkpoint" backup disk 1 2 0:512
it "and leaves no file of it" \
	sh -c "[ \$(find backup -type f | wc -l) -eq \$(find pristine -type f | wc -l) ]"

touch backup/data/notes.txt backup/data/.tmp-mine backup/points/README
"$mkpoint" backup disk 1 2 0:512 >/dev/null
it "removes no file of somebody else" \
	sh -c "[ -e backup/data/notes.txt ] && [ -e backup/data/.tmp-mine ] && [ -e backup/points/README ]"
first=$(find backup/points -name '*.json' | sort | head -1)
mv "$first" aside
"$mkpoint" backup disk 1 3 0:512 >/dev/null 2>&1
mv aside "$first"
it "keeps the images of a lost manifest that others need" \
	"$blksnap" verify --progress none backup

# Of three in a chain only the last has its manifest; then none has.
rm -rf backup aside
cp -r pristine backup
"$mkpoint" backup disk 1 2 0:512 >/dev/null
"$mkpoint" backup disk 1 3 0:512 >/dev/null
mkdir aside
find backup/points -name '*.json' | sort | head -2 | xargs mv -t aside
it "says that manifests are missing" \
	says "whose manifest is missing: nothing is removed" "$mkpoint" backup disk 1 4 0:512
mv backup/points/*.json aside
it "says that all are missing" \
	says "manifests seem to be lost" "$mkpoint" backup disk 1 5 0:512
it "and says so again" \
	says "manifests seem to be lost" "$mkpoint" backup disk 1 6 0:512
mv aside/*.json backup/points
it "keeps the images of all lost manifests" \
	"$blksnap" verify --progress none backup
rm -r aside backup/points/*
it "removes none before it is told to" \
	sh -c "[ \$(find backup/data -name '*.qcow2' | wc -l) -eq 6 ]"
rm backup/data/keep-all
"$mkpoint" backup disk 1 7 >/dev/null 2>&1
it "keeps them again when all manifests are gone once more" \
	sh -c "[ \$(find backup/data -name '*.qcow2' | wc -l) -eq 7 ]"

rm -rf backup
cp -r pristine backup
"$mkpoint" backup disk 1 2 0:512 >/dev/null
mv "$(find backup/points -name '*.json' | sort | head -1)" aside
it "makes a full upon a chain whose root is gone" \
	sh -c "$mkpoint backup disk 1 3 0:512 | grep 'full: .* is based on a point'"

# As blksnap(8) says: a chain that no other point is based on.
rm -rf backup
cp -r pristine backup
"$mkpoint" backup disk 1 2 0:512 >/dev/null
"$mkpoint" backup disk 2 1 >/dev/null
find backup/points -name '*.json' | sort | head -2 | xargs rm
"$mkpoint" backup disk 2 2 0:512 >/dev/null
it "removes what is left of a chain whose manifests were removed" \
	sh -c "[ \$(find backup/data -type f | wc -l) -eq 4 ] &&
		$blksnap verify --progress none backup"

flock --no-fork backup/lock sleep 20 &
holder=$!
sleep 0.3
it "says that somebody else is using the directory" \
	says "in use by another backup" fails 12 "$mkpoint" backup disk 1 9 0:512
kill $holder
wait $holder 2>/dev/null

echo '{' >backup/points/20200101T000000Z-0000.json
it "does not go on over a manifest that it cannot read" \
	says "cannot be read" fails 1 "$mkpoint" backup disk 1 9 0:512

finish
