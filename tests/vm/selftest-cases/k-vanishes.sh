# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash

DESCRIPTION="a case that takes the machine away fails"

act() { /run/vm/bin/poweroff -f; }
