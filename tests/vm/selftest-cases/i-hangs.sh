# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash

DESCRIPTION="a case that hangs is ended"
TIMEOUT=5

act() { sleep 1000; }
