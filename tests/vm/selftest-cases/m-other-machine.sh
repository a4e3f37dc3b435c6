# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash

DESCRIPTION="a case gets the machine it asks for"
MACHINE="cpus=1 mem=512 disk=only:64M modules=brd:rd_nr=1:rd_size=2048 append=a.word"

act() {
	nproc
	new_disk only
	blockdev --getsize64 "$only" /dev/ram0
	tr ' ' '\n' </proc/cmdline | grep -x a.word
}
