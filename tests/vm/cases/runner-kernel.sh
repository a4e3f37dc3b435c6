# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The guest has what cases take for granted: another kernel with all of its
# modules, the usual file systems, and a root that may be written to.

DESCRIPTION="a case finds modules, debugfs, tracefs and a writable root"
MACHINE="mem=1024 cpus=2"

requires() { need_tool modprobe findmnt; }

act() {
	check "modules are those of the kernel" test -d "/lib/modules/$(uname -r)/kernel"
	modprobe dm-snapshot
	check "dm-snapshot is loaded" test -d /sys/module/dm_snapshot
	modprobe -r dm-snapshot
	echo changed >/etc/changed
	rm /etc/changed
	for place in proc sys/kernel/debug sys/kernel/tracing dev/shm dev/pts tmp; do
		echo "$place: $(findmnt -no FSTYPE "/$place")"
	done
	must_fail modprobe no-such-module
}
