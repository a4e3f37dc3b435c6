# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash

DESCRIPTION="a case that leaves a mount behind fails"

act() { mount -t tmpfs left /mnt; }
