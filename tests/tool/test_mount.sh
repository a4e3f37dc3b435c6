#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What mount and umount do with nbd devices, as far as it can be seen without any:
# in a mount namespace with a /run and a /sys/block of its own, and with a
# qemu-nbd that only notes how it was called.
bin=$1
. "$(dirname "$0")/tap.sh"

blksnap=$bin/blksnap

mkdir stub look
cat >stub/qemu-nbd <<EOF
#!/bin/sh
echo "\$*" >>$work/calls
EOF
chmod +x stub/qemu-nbd

# alone COMMAND: the shell text runs there.
alone()
{
	rm -f calls
	touch calls
	unshare -rm sh -c "mount -t tmpfs none /run && mount -t tmpfs none /sys/block &&
		mkdir -p /run/blksnap /sys/block/nbd3 && PATH=$work/stub:\$PATH && $1"
}
record="printf '%s\n4711\n' $work/look >/run/blksnap/nbd3"
serve="echo 4711 >/sys/block/nbd3/pid"

if ! alone true 2>/dev/null; then
	skip "umount" "no mount namespace can be made"
	finish
	exit
fi

disconnects() { alone "$1" && [ "$(cat calls)" = "--disconnect /dev/nbd3" ]; }
leaves_alone() { alone "$1" && [ ! -s calls ]; }

it "disconnects what is left when somebody has unmounted" \
	disconnects "$record; $serve; $blksnap umount look && [ ! -e /run/blksnap/nbd3 ]"
it "does not disconnect what somebody else serves now" \
	leaves_alone "$record; echo 815 >/sys/block/nbd3/pid; ! $blksnap umount look"
it "does not disconnect what nobody serves" \
	leaves_alone "$record; ! $blksnap umount look"
it "does not disconnect what was noted without who serves it" \
	leaves_alone "echo $work/look >/run/blksnap/nbd3; $serve; ! $blksnap umount look"
it "does not disconnect when something else is mounted there" \
	leaves_alone "$record; $serve; mount -t tmpfs none $work/look && $blksnap umount look"

finish
