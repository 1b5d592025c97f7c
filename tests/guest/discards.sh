#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The features no_discard and discard_granularity: what the queue says, and what
# becomes of the extents of a file when every other piece of a disk is discarded
# or zeroed.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

MIB=$((1 << 20))
PIECES=128

queue() {
	cat "/sys/block/dm-$(dmsetup info -c --noheadings -o minor d)/queue/$1"
}

# filefrag's own count passes over a hole whose neighbours lie as far apart.
extents() { filefrag -v "$IMAGE" | grep -c '^ *[0-9]*: '; }

space() { stat -c %b "$IMAGE"; }

# every_other COMMAND [OPTION...]: to every other 4 KiB of the first MiB.
every_other() {
	local i

	for ((i = 0; i < PIECES; i++)); do
		"$@" --offset $((i * 8192)) --length 4096 "$DEV" || return 1
	done
	sync "$IMAGE"
}

# filled [FEATURE...]: a device of 16 MiB without a hole, whose extents and space
# are $extents and $space.
filled() {
	on_store file 16M --block-size 1M
	rw_create d "$IMAGE" "$@"
	dd if=/dev/urandom of="$DEV" bs=1M count=16 oflag=direct \
		conv=notrunc,fsync status=none
	dmsetup message d 0 checkpoint
	extents=$(extents)
	space=$(space)
}

# half_zero DESC: a test: what every_other was given is zeros, and the rest is not.
half_zero() {
	tap_run "$1" python3 - "$DEV" "$PIECES" <<-'EOF'
		import sys
		disk = open(sys.argv[1], "rb")
		for i in range(int(sys.argv[2])):
		    assert disk.read(4096) == bytes(4096), i
		    assert disk.read(4096) != bytes(4096), i
	EOF
}

keeps() {
	tap_is "$1: the file has as many extents" "$(extents)" "$extents"
	tap_is "$1: and its space" "$(space)" "$space"
}

# What the features are for.
test_default() {
	filled
	tap_run "default: discards of every other page" every_other blkdiscard
	tap_run "default: make many extents" test "$(extents)" -gt $PIECES
	dm_remove d
	store_gone
}

test_no_discard() {
	filled no_discard
	tap_is "no_discard: the table says so" "$(dmsetup table d)" \
		"0 32768 vhdx $IMAGE 1 no_discard"
	tap_is "no_discard: and the queue" "$(queue discard_max_bytes)" 0
	tap_is "no_discard: of zeroes, too" "$(queue write_zeroes_max_bytes)" 0
	tap_fails "no_discard: a discard fails" blkdiscard "$DEV"
	tap_run "no_discard: zeroes of every other page" \
		every_other blkdiscard --zeroout
	half_zero "no_discard: are there"
	keeps "no_discard"
	dm_remove d
	is_clean no_discard "$IMAGE"
	store_gone
}

test_granularity() {
	filled discard_granularity $MIB
	tap_is "granularity: the table says so" "$(dmsetup table d)" \
		"0 32768 vhdx $IMAGE 2 discard_granularity $MIB"
	tap_is "granularity: and the queue" "$(queue discard_granularity)" $MIB
	tap_run "granularity: discards of every other page" \
		every_other blkdiscard
	tap_run "granularity: zeroes likewise" every_other blkdiscard --zeroout
	half_zero "granularity: these are there"
	keeps "granularity"
	tap_run "granularity: a discard of 4 MiB and more" blkdiscard \
		--offset $((MIB / 2)) --length $((5 * MIB)) "$DEV"
	tap_run "granularity: takes the whole ones" cmp -n $((4 * MIB)) \
		-i $MIB:0 "$DEV" /dev/zero
	half_zero "granularity: and no others"
	tap_run "granularity: zeroes of MiBs and parts of them" blkdiscard \
		--zeroout --offset $((8 * MIB - 4096)) \
		--length $((2 * MIB + 8192)) "$DEV"
	tap_run "granularity: are all there" cmp -n $((2 * MIB + 8192)) \
		-i $((8 * MIB - 4096)):0 "$DEV" /dev/zero
	dm_remove d
	is_clean granularity "$IMAGE"
	store_gone
}

# A table without the features takes the place of one with them.
test_reload() {
	filled no_discard
	VHDX_RW=1 dmsetup reload --noudevsync d --table "0 32768 vhdx $IMAGE"
	dmsetup resume --noudevsync d
	tap_is "reload: discards are back" "$(queue discard_granularity)" 4096
	tap_run "reload: and taken" blkdiscard "$DEV"
	VHDX_RW=1 dmsetup reload --noudevsync d --table \
		"0 32768 vhdx $IMAGE 2 discard_granularity 65536"
	dmsetup resume --noudevsync d
	tap_is "reload: in other pieces" "$(queue discard_granularity)" 65536
	dm_remove d
	store_gone
}

write_setup
test_default
test_no_discard
test_granularity
test_reload
write_done
tap_done
