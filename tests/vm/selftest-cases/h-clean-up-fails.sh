# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash

DESCRIPTION="a case fails when its clean-up does"

act() { at_exit_case false; }
