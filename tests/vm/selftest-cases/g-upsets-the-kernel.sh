# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash

DESCRIPTION="a case after which the kernel log holds a warning fails"

act() { echo "WARNING: CPU: 0 PID: 1 at nowhere.c:1 nothing" >/dev/kmsg; }
