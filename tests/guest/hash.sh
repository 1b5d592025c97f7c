#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The right bytes: every image reads, byte for byte, as the flat content whose
# SHA-256 is published or follows from the writer's model.
#   - file store with direct I/O (ext4), told to be buffered, and on file systems
#     that have no direct I/O or are used as they come (tmpfs, hostfs or 9p);
#   - block store on loop and RAM disks, parents on other stores than the child;
#   - ranges of odd sizes at odd places, several at once;
#   - the image files have the hashes they had before.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"

# Names of images that show something of each kind, where time is short.
SOME='^(dynamic|fixed|block-1m|odd-.*|shuffled|two-chunks|child-(runs|4096|states)'
SOME+='|chain-three.*|huge-child|log-everything|verifiable|locator-unicode)$'

# Many devices in one call: in an emulated guest each call costs a third of a
# second.  check WHAT DIR FEATURES NAME...
check_files() {
	local what=$1 dir=$2 words=$3 name i=0 lines=()

	shift 3
	for name; do
		# shellcheck disable=SC2086 # features are words
		vhdx_create "h$i" "$(image_table "$name" "$dir" $words)" || true
		lines+=("/dev/mapper/h$i"$'\t'"$name"$'\t'"$what: $name")
		i=$((i + 1))
	done
	dmsetup mknodes
	readback whole "${FULL[@]}" <<<"$(printf '%s\n' "${lines[@]}")"
	LAST=$i
}

remove_files() {
	local i names=()

	for ((i = 0; i < LAST; i++)); do
		[ ! -e "/dev/mapper/h$i" ] || names+=("h$i")
	done
	tap_run "their devices can be removed" dmsetup remove --noudevsync \
		"${names[@]}"
	dmsetup mknodes
}

check_block() {
	local name=$1

	shift
	block_images "$name" "$@"
	dm_create block "$(block_table "$name")" || true
	readback whole "${FULL[@]}" \
		<<<"/dev/mapper/block"$'\t'"$name"$'\t'"on $*: $name"
	vhdx_remove block
	block_gone
}

FULL=(--sha256)
mapfile -t real < <(image_names real)
mapfile -t good < <(image_names good)
mapfile -t some < <(image_names good "$SOME")
if slow_guest; then
	FULL=()
fi
[ "${#real[@]}" != 0 ] || tap_skip "real images" "there is no ../shared/images"

before=$("$GUEST/filesums.py" "$IMAGES"/{real,good})
check_files "direct" "$IMAGES" "" "${real[@]}" "${good[@]}"
tap_like "the store is direct" "$(vhdx_status h0 flags)" '^ro direct'
remove_files
tap_is "the files have not changed" \
	"$("$GUEST/filesums.py" "$IMAGES"/{real,good})" "$before"
tap_done
