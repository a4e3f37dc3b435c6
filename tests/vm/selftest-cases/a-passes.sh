# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash

DESCRIPTION="a case that does nothing wrong passes"

act() { echo "as expected"; }
