#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# install-modules.sh install|uninstall OUT HEADERS [DESTDIR] - put the modules
# that were built for the kernel of HEADERS where modprobe finds them.

set -euo pipefail

what=$1 out=$2 headers=$3 destdir=${4:-}
# Not kernel.release, which in a distribution's headers may be another one.
release=$(sed -n 's/^#define UTS_RELEASE "\(.*\)"/\1/p' "$headers/include/generated/utsrelease.h")
dir=$destdir/lib/modules/$release/updates/blksnap

case $what in
install)
	from=$out/modules/$(basename "${headers%/build}")
	install -d "$dir"
	install -m 644 "$from/blkfilter.ko" "$from/blksnap.ko" "$dir"
	strip --strip-debug "$dir"/*.ko
	;;
uninstall)
	rm -rf "$dir"
	;;
*)
	echo "install-modules.sh: $what? install or uninstall" >&2
	exit 2
	;;
esac
# A staged tree is none that modules are loaded from.
[[ $destdir ]] || depmod "$release"
