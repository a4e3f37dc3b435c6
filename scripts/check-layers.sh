#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-layers.sh - calls in the module go down only: no room includes the
# header of a room on its own floor or above. Says nothing if all is well.

set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../module"

# Floors from the ground up. Rooms on floor 0 stand in their own order.
declare -A floor=(
	[geometry]=0 [cbt_map]=1 [extent_map]=1 [event_queue]=1 [stack]=1 [params]=1
	[diff_storage]=2 [diff_storage_internal]=2 [storage_file]=3 [copy]=3
	[copy_internal]=4 [store]=5
	[diff_area]=6 [diff_area_internal]=7 [region]=8 [area_copy]=8 [area_image]=8
	[tracker]=9 [image]=9 [freeze]=9
	[snapshot]=10 [snapshot_internal]=11 [take]=12
	[filter]=13 [control]=13 [control_internal]=14
	[control_tracker]=15 [control_snapshot]=15 [control_compat]=15 [control_sysfs]=15
	[main]=16
)
# Files that together are one room may include what they share.
room_of() {
	case $1 in
	diff_storage* | storage_file) echo diff_storage ;;
	copy* | store) echo copy ;;
	diff_area* | region | area_copy | area_image) echo diff_area ;;
	snapshot* | take) echo snapshot ;;
	control*) echo control ;;
	*) echo "$1" ;;
	esac
}

# What a room may know beyond its floor: see doc/design.md, "Rooms".
forbidden='image:tracker image:snapshot diff_area:tracker copy:extent_map tracker:image snapshot:control'
status=0
for file in *.c *.h; do
	from=${file%.*}
	[[ -v floor[$from] ]] || {
		echo "module/$file: no floor is known for it; add it to scripts/check-layers.sh"
		status=1
		continue
	}
	while read -r header; do
		to=${header%.h}
		[[ $from == "$to" ]] && continue
		a=$(room_of "$from") b=$(room_of "$to")
		if [[ ! -v floor[$to] ]]; then
			echo "module/$file: includes $header, a room without a floor"
			status=1
		elif [[ $a != "$b" ]] && ((floor[$to] >= floor[$from])); then
			echo "module/$file: includes $header, which is not below it"
			status=1
		elif [[ " $forbidden " == *" $a:$b "* ]]; then
			echo "module/$file: includes $header, which its room must not know"
			status=1
		fi
	done < <(sed -n 's/^#include "\(.*\)"/\1/p' "$file")
done
exit $status
