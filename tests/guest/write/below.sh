# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A file system on a device whose disk can be made to fail under it.  Sourced
# after guest/lib.sh.
#
#   below_setup DIR  a file system of 256 MiB there, on the device "below"; sets
#                    $SECTORS of it, and the loop device $LOOP under that
#   below_gone DIR   and away with it
#   below_is TABLE   another table for "below"; "linear" for one that works
#   below_spot SECTOR   a table of which eight sectors take no writes
#   disk_place FILE POS   the sector of "below" where that byte of the file is

SECTORS=
LOOP=

below_setup() {
	truncate -s 256M "$SCRATCH/below.img"
	LOOP=$(loop_from "$SCRATCH/below.img")
	SECTORS=$(blockdev --getsz "$LOOP")
	dm_create below "0 $SECTORS linear $LOOP 0"
	mkfs.ext4 -q /dev/mapper/below
	mkdir -p "$1"
	mount /dev/mapper/below "$1"
}

below_gone() {
	umount "$1"
	dm_remove below
	losetup -d "$LOOP"
	rm "$SCRATCH/below.img"
}

below_is() {
	[ "$1" != linear ] || set -- "0 $SECTORS linear $LOOP 0"
	dmsetup reload --noudevsync below --table "$1"
	dmsetup suspend --noudevsync --nolockfs below
	dmsetup resume --noudevsync below
}

below_spot() {
	printf '%s\n' "0 $1 linear $LOOP 0" "$1 8 error" \
		"$(($1 + 8)) $((SECTORS - $1 - 8)) linear $LOOP $(($1 + 8))"
}

disk_place() {
	filefrag -v -b512 "$1" | awk -v want="$(($2 / 512))" '
		$1 ~ /^[0-9]+:$/ {
			gsub(/[.:]/, " ")
			if ($2 <= want && want <= $3)
				print $4 + want - $2
		}'
}
