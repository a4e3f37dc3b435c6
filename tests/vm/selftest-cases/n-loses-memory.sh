# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash

DESCRIPTION="a case that loses memory fails, where the kernel can tell"

requires() {
	need_file /sys/kernel/debug/kmemleak kmemleak
	need_module kmemleak-test
}

act() { rmmod kmemleak_test; }
