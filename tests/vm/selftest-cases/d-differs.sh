# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash

DESCRIPTION="a case that prints the unexpected fails"

act() { echo "the unexpected"; }
