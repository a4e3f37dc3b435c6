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
echo "\$1 \$2" >>$work/calls
. $work/answer
EOF
echo >answer
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

# What a mount asks qemu-nbd for; there is no device to be mounted in the end.
truncate -s 1M disk
"$bin/mkpoint" backup disk 1 1 >/dev/null
connects()
{
	alone "mkdir /sys/block/nbd0 /sys/block/nbd1 && echo 0 >/sys/block/nbd0/size &&
		echo 0 >/sys/block/nbd1/size && ! $blksnap mount backup look" &&
		printf '%s\n' "$@" | cmp - calls
}

cat >answer <<'EOF'
[ "$1" != --connect=/dev/nbd0 ] || { echo 8 >/sys/block/nbd0/size; exit 1; }
[ "$1" != --connect=/dev/nbd1 ] || echo 8 >/sys/block/nbd1/size
EOF
it "takes the next device when somebody else was faster" \
	connects "--connect=/dev/nbd0 --snapshot" "--connect=/dev/nbd1 --snapshot" \
	"--disconnect /dev/nbd1"
echo >answer
it "leaves no qemu-nbd behind when its device gets no size" \
	connects "--connect=/dev/nbd0 --snapshot" "--disconnect /dev/nbd0"

finish
