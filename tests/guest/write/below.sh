# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A device "below" an image, whose disk can be made to fail under it.  Sourced
# after write/lib.sh.
#
#   below_setup SIZE   the device; sets its $SECTORS, and the loop device $LOOP
#                    under it
#   below_mount DIR  a file system on it, mounted there
#   below_gone       and away with it
#   below_is TABLE   another table for "below"; "linear" for one that works
#   below_spot SECTOR   a table of which eight sectors take no writes
#   place_below SECTOR   the sector of "below" that one of $DEV lies in, if
#                    $IMAGE is a file there
#   write_page N [FLAGS]   writes $SCRATCH/page to the Nth page of $DEV

SECTORS=
LOOP=

below_setup() {
	truncate -s "$1" "$SCRATCH/below.img"
	LOOP=$(loop_from "$SCRATCH/below.img")
	SECTORS=$(blockdev --getsz "$LOOP")
	dm_create below "0 $SECTORS linear $LOOP 0"
}

below_mount() {
	mkfs.ext4 -q /dev/mapper/below
	mkdir -p "$1"
	mount /dev/mapper/below "$1"
}

below_gone() {
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

place_below() {
	local pos

	pos=$(dmsetup message "${DEV##*/}" 0 where "$1" |
		sed 's/.* offset=//; s/ .*//')
	filefrag -v -b512 "$IMAGE" | awk -v want="$((pos / 512))" '
		$1 ~ /^[0-9]+:$/ {
			gsub(/[.:]/, " ")
			if ($2 <= want && want <= $3)
				print $4 + want - $2
		}'
}

write_page() {
	dd if="$SCRATCH/page" of="$DEV" bs=4k seek="$1" count=1 \
		oflag="${2-direct}" conv=notrunc status=none
}
