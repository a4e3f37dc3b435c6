# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash

DESCRIPTION="a case that takes the kernel down fails"

act() { echo c >/proc/sysrq-trigger; }
