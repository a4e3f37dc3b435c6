# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash

DESCRIPTION="a case with a command that fails, fails"

act() {
	false
	echo "not reached"
}
