# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash

DESCRIPTION="a case that lacks something is skipped"

requires() {
	need_tool no-such-tool
	need_module no-such-module
	need_kernel 99.1
}

act() { fail "it ran"; }
