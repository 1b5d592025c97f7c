#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Devices upon devices: an image in a file system on a device that is made from
# an image, an image directly on such a device, other targets above, and that
# nothing can be made from itself.  Each device has workers of its own, so that
# none waits behind the one that it is waiting for.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"

DIR=$IMAGES/stacked
MNT=/run/stacked

# wrap RAW: an image called RAW.vhdx that holds the file as its disk.
wrap() {
	qemu-img convert -f raw -O vhdx -o block_size=1M "$1" "$1.vhdx"
}

# outer NAME RAW: a device from what wrap made of the file.
outer() {
	dm_create "$1" "0 $(($(stat -c %s "$2") / 512)) vhdx $2.vhdx"
}

# A file system with images, as the disk of an image.
make_disk() {
	local file

	truncate -s 96M "$DIR/fs"
	mkfs.ext4 -q "$DIR/fs"
	mount -o loop "$DIR/fs" "$MNT"
	for file in "$@"; do
		cp --sparse=always "$IMAGES/good/$file" "$MNT/"
	done
	umount "$MNT"
	wrap "$DIR/fs"
}

# The images' directory there is the root.
table_there() { image_table "$1" | sed "s:$IMAGES/good/:$MNT/:g"; }

test_file_in_device() {
	local name

	make_disk dynamic.vhdx chain-three{,-middle,-base}.vhdx
	outer outer "$DIR/fs"
	mount -o ro,noload /dev/mapper/outer "$MNT"
	for name in good/dynamic good/chain-three; do
		dm_create inner "$(table_there $name)"
		tap_is "a file on a device that is an image: direct I/O" \
			"$(vhdx_status inner flags)" "ro direct"
		readback whole <<<"/dev/mapper/inner"$'\t'"$name"$'\t'"on it: $name"
		readback ranges <<<"/dev/mapper/inner"$'\t'"$name"$'\t'"ranges: $name"
		dm_remove inner
	done
	attempt itself outer2 "$(table_there good/dynamic)"
	dmsetup mknodes
	vhdx_remove outer2
	printf 'vhdx-test: reload\n' >/dev/kmsg
	STATUS[reload]=0
	dmsetup reload --noudevsync outer \
		--table "$(table_there good/dynamic)" 2>/dev/null ||
		STATUS[reload]=$?
	collect
	tap_is "another device may be made of it" "${STATUS[itself]}" 0
	refused "the device that it lies on may not" reload \
		"$MNT/dynamic.vhdx: lies on the very device that would be made from it"
	umount "$MNT"
	dm_remove outer
}

test_device_in_device() {
	local sectors status=0

	cp "$IMAGES/good/dynamic.vhdx" "$DIR/inner"
	truncate -s %4096 "$DIR/inner"
	wrap "$DIR/inner"
	cp "$DIR/inner.vhdx" "$DIR/middle"
	truncate -s %4096 "$DIR/middle"
	wrap "$DIR/middle"
	sectors=$(($(stat -c %s "$DIR/inner") / 512))
	outer middle "$DIR/middle"
	dm_create inner "0 $sectors vhdx /dev/mapper/middle"
	dm_create disk "0 $(image_sectors good/dynamic) vhdx /dev/mapper/inner"
	readback whole <<<$'/dev/mapper/disk\tgood/dynamic\tan image in an image in an image'
	readback ranges <<<$'/dev/mapper/disk\tgood/dynamic\tranges of that'
	tap_fails "the one below cannot be removed" \
		dmsetup remove --noudevsync inner
	dmsetup reload --noudevsync disk --table \
		"0 $(image_sectors good/dynamic) vhdx /dev/mapper/disk" \
		2>/dev/null || status=$?
	tap_run "a device that is its own image is refused" \
		test "$status" != 0
	dmsetup clear disk
	vhdx_remove disk inner middle
}

test_below_others() {
	local sectors loop

	sectors=$(image_sectors good/dynamic)
	dm_create below "$(image_table good/dynamic)"
	dm_create above "0 $((sectors / 2)) linear /dev/mapper/below 0
$((sectors / 2)) $((sectors - sectors / 2)) linear /dev/mapper/below $((sectors / 2))"
	readback whole <<<$'/dev/mapper/above\tgood/dynamic\tbelow dm-linear'
	dm_remove above
	truncate -s 16M "$DIR/cow"
	loop=$(loop_from "$DIR/cow")
	dm_create above "0 $sectors snapshot /dev/mapper/below $loop N 8"
	readback whole <<<$'/dev/mapper/above\tgood/dynamic\tbelow dm-snapshot'
	tap_run "which can be written to" dd if=/dev/zero of=/dev/mapper/above \
		bs=64k count=16 oflag=direct conv=notrunc
	readback whole <<<$'/dev/mapper/below\tgood/dynamic\tand the image is as it was'
	dm_remove above
	losetup -d "$loop"
	dm_remove below
}

mkdir -p "$DIR" "$MNT"
collect
test_file_in_device
test_device_in_device
test_below_others
rm -r "$DIR"
tap_done
