# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Every fact of the interface that a 64-bit program can check.

DESCRIPTION="the interface is what it is said to be, for 64-bit programs"

# shellcheck source=setting.sh
. "${BASH_SOURCE[0]%/*}/setting.sh"

act() { run_interface interface-64; }
