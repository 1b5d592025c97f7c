#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Stable pages: a device asks for them where the disk below its file does, or the
# file system, since direct I/O takes the pages of whoever writes.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

PLAIN=/run/plain
STABLE=/run/stable
LOOPS=()

# number DEVICE-NAME: as below /sys/block.
number() { printf 'dm-%s\n' "$(dmsetup info -c --noheadings -o minor "$1")"; }

asks() { cat "/sys/block/$(number w)/queue/stable_writes"; }

# A disk that asks for stable pages, or does not; sets $LOOP.
disk() {
	truncate -s 128M "$SCRATCH/disk-$1.img"
	LOOP=$(loop_from "$SCRATCH/disk-$1.img")
	LOOPS+=("$LOOP")
	echo "$1" >"/sys/block/${LOOP#/dev/}/queue/stable_writes"
}

# A file system on such a disk, at DIR, with an image.
# store WANTED DIR
store() {
	disk "$1"
	mkfs.ext4 -q "$LOOP"
	mkdir -p "$2"
	mount "$LOOP" "$2"
	new_image "$2/image.vhdx" 64M --block-size 1M
}

table() {
	local image=$1

	shift
	printf '0 %s vhdx %s%s\n' "$(disk_sectors "$image")" "$image" \
		"$(features "$@")"
}

test_file() {
	rw_create w $PLAIN/image.vhdx
	tap_is "file, a disk that asks for nothing" "$(asks)" 0
	VHDX_RW=1 dmsetup reload --noudevsync w --table \
		"$(table $STABLE/image.vhdx)"
	dmsetup suspend --noudevsync w
	dmsetup resume --noudevsync w
	tap_is "reloaded: a file on one that does" "$(asks)" 1
	dm_remove w
	rw_create w $STABLE/image.vhdx
	tap_is "file, a disk that asks for stable pages" "$(asks)" 1
	dmsetup suspend --noudevsync w
	dmsetup resume --noudevsync w
	tap_is "suspended and resumed" "$(asks)" 1
	dm_remove w
	rw_create w $STABLE/image.vhdx buffered
	tap_is "the page cache takes copies" "$(asks)" 0
	dm_remove w
}

test_block() {
	local what="block store on a disk that asks for stable pages"

	disk 1
	new_image "$LOOP" 64M --block-size 1M --force
	rw_create w "$LOOP"
	tap_is "$what" "$(asks)" 1
	dm_remove w
}

store 0 $PLAIN
store 1 $STABLE
test_file
umount $PLAIN
umount $STABLE
losetup -d "${LOOPS[@]}"
LOOPS=()
rm "$SCRATCH"/disk-*.img
test_block
losetup -d "${LOOPS[@]}"
rm "$SCRATCH"/disk-*.img
tap_done
