# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash

DESCRIPTION="after all that, the next case passes"

act() { new_loop one 4M; }
