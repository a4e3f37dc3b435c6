#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Help, wrong usage, and what is said where there is no module.
bin=$1
deps=$(cd "$(dirname "$0")/../../scripts" && pwd)/deps.sh
. "$(dirname "$0")/tap.sh"

blksnap=$bin/blksnap

helps() { "$blksnap" "$@" --help >help 2>complaint && grep -q "^Usage: blksnap" help && [ ! -s complaint ]; }

it "prints help to standard output" helps
for verb in backup restore verify mount umount snapshot "snapshot create" \
		"snapshot list" "snapshot delete" status diff version; do
	# shellcheck disable=SC2086
	it "prints help for $verb" helps $verb
done
it "prints its own version" sh -c "$blksnap --version | grep -E '^blksnap [0-9.]+$'"

it "wants a verb" says "Try 'blksnap --help'" fails 2 "$blksnap"
it "refuses a verb that it does not know" fails 2 "$blksnap" fly
it "refuses an option that it does not know" \
	says "Try 'blksnap backup --help'" fails 2 "$blksnap" backup --fly
it "wants to know where to" says "--to is missing" fails 2 "$blksnap" backup /dev/null
it "wants to know what" says "name a device" fails 2 "$blksnap" backup --to d
it "refuses a size that is none" fails 2 "$blksnap" backup --to d --storage-limit x /
it "refuses a time that is none" \
	says "neither a size nor a time" fails 2 "$blksnap" backup --to d --storage-timeout 5s /
for value in "size 1000" "limit 0" "portion 100" "portion 2T" "timeout 0" \
		"timeout 3601"; do
	# shellcheck disable=SC2086
	it "refuses what cannot be: --storage-$value" \
		says "sizes begin at 1M" fails 2 "$blksnap" backup --to d --storage-$value /
done
it "refuses what cannot be: --memory-limit 0" \
	says "sizes begin at 1M" fails 2 "$blksnap" snapshot create --memory-limit 0 /
for number in 0 1x x -1 4294967297; do
	it "refuses a partition number that is none: $number" \
		says "no partition's number" fails 2 "$blksnap" mount -p $number d /
done
it "refuses a snapshot number that is none" \
	says "0 to 255" fails 2 "$blksnap" diff --since 300 /
it "refuses a snapshot number that is none, of a generation" \
	says "0 to 255" fails 2 "$blksnap" diff --since 01234567-89ab-4cde-8f01-23456789abcd:300 /
it "refuses a way of progress that is none" fails 2 "$blksnap" verify --progress x d
it "wants a target" says "where shall it be written" fails 2 "$blksnap" restore --from d
it "wants NAME=TARGET" fails 2 "$blksnap" restore --from d --device x
it "refuses a snapshot id that is none" fails 2 "$blksnap" snapshot delete 5
it "refuses a column that there is not" \
	sh -c "mkdir -p d/points d/data && $blksnap restore --list --from d -o FLY; [ \$? -eq 2 ]"
it "says that a directory is none" says "No such file" fails 1 "$blksnap" verify nowhere
it "says that a directory holds no backups" \
	says "not a backup directory" fails 1 "$blksnap" verify /usr

without_dpkg() { PATH=/nowhere /bin/bash "$deps" "$@"; }
it "is no hindrance to a build where there is no dpkg" \
	says "this is no Debian" without_dpkg build
it "fetches no virtual machine where there is no dpkg" \
	says "this is no Debian" fails 1 without_dpkg demo

if [ -e /dev/blksnap ]; then
	skip "says that the module is not loaded" "it is"
else
	for verb in status "snapshot list" "snapshot create /dev/null" \
			"diff --since 1 /dev/null" "backup --to b /dev/null"; do
		# shellcheck disable=SC2086
		it "says that the module is not loaded: $verb" \
			says "module is not loaded" fails 15 "$blksnap" $verb
	done
fi

finish
