#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# No image may lie on the device that is made from it, in whatever way: on its disk, on
# a partition, in a file system there, or in one on another device whose image is
# such a file.
#
#	base, an image ---- files, a partition ---- ext4 ---- dynamic.vhdx
#	   |                                         |
#	   +---- disk, another, dynamic.vhdx         +---- upper.vhdx
#	                                                      |
#	                            dynamic.vhdx ---- ext4 ---- upper, a device

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"

DIR=$IMAGES/itself
FILES=/run/itself-files
UPPER=/run/itself-upper
MIB=2048
ITSELF="lies on the very device that would be made from it"

table_of() { printf '0 %s vhdx %s\n' "$(image_sectors good/dynamic)" "$1"; }

# device NAME DIR MEBIBYTES: makes one of a new image DIR/NAME.vhdx.
device() {
	local file=$2/$1.vhdx

	"$GUEST/../../tools/vhdxsetup" create -q --size "${3}M" "$file"
	VHDX_RW=1 dm_create "$1" "0 $(($3 * MIB)) vhdx $file"
}

# ext4_on NAME DIR
ext4_on() {
	mkfs.ext4 -q "/dev/mapper/$1"
	mkdir -p "$2"
	mount "/dev/mapper/$1" "$2"
	cp --sparse=always "$IMAGES/good/"{dynamic,chain-three{,-middle,-base}}.vhdx "$2/"
}

make_stack() {
	local image=$IMAGES/good/dynamic.vhdx length

	length=$((($(stat -c %s "$image") + 1048575) / 1048576))
	device base "$DIR" 192
	dm_create files "0 $((128 * MIB)) linear /dev/mapper/base $MIB"
	dm_create disk "0 $((length * MIB)) linear /dev/mapper/base $((140 * MIB))"
	dd if="$image" of=/dev/mapper/disk bs=1M conv=fsync status=none
	ext4_on files "$FILES"
	device upper "$FILES" 64
	ext4_on upper "$UPPER"
}

unmake_stack() {
	umount "$UPPER"
	dm_remove upper
	umount "$FILES"
	dm_remove disk
	dm_remove files
	dm_remove base
}

# over_base LABEL TABLE: reloads the device at the bottom.
over_base() {
	printf 'vhdx-test: %s\n' "$1" >/dev/kmsg
	STATUS[$1]=0
	dmsetup reload --noudevsync base --table "$2" 2>/dev/null ||
		STATUS[$1]=$?
	dmsetup clear base >/dev/null
}

test_refused() {
	local child

	child=$(image_table good/chain-three)
	over_base direct "$(table_of /dev/mapper/base)"
	over_base partition "$(table_of /dev/mapper/disk)"
	over_base number "$(table_of "$(stat -L -c '%Hr:%Lr' /dev/mapper/disk)")"
	over_base file "$(table_of "$FILES/dynamic.vhdx")"
	over_base upper "$(table_of "$UPPER/dynamic.vhdx")"
	over_base parent "$(sed "s:$IMAGES/good/\(chain-three-\):$UPPER/\1:g" \
		<<<"$child")"
	collect
	refused "on its own disk" direct "/dev/mapper/base: $ITSELF"
	refused "on a partition of its own" partition "/dev/mapper/disk: $ITSELF"
	refused "on one that is named by its number" number \
		"$(stat -L -c '%Hr:%Lr' /dev/mapper/disk): $ITSELF"
	refused "in a file system on a partition" file \
		"$FILES/dynamic.vhdx: $ITSELF"
	refused "by way of another device, on a file" upper \
		"$UPPER/dynamic.vhdx: $ITSELF"
	refused "a parent of an image that lies elsewhere" parent \
		"$UPPER/chain-three-middle.vhdx: $ITSELF"
}

# A table that is not live will be, perhaps.
test_not_live() {
	local number

	dmsetup create --noudevsync later --notable
	dmsetup reload --noudevsync later --table "$(table_of /dev/mapper/disk)"
	number=$(dmsetup info -c --noheadings -o major,minor --separator : later)
	over_base later "$(table_of "$number")"
	collect
	refused "on a device that is to be made from it" later \
		"$number: $ITSELF"
	dm_remove later
}

test_accepted() {
	dm_create other "$(table_of "$UPPER/dynamic.vhdx")"
	readback whole <<<$'/dev/mapper/other\tgood/dynamic\tanother device may be made of it'
	tap_run "and be reloaded" dmsetup reload --noudevsync other \
		--table "$(table_of "$FILES/dynamic.vhdx")"
	tap_run "and resumed" dmsetup resume --noudevsync other
	readback whole <<<$'/dev/mapper/other\tgood/dynamic\tto read by way of others'
	dm_remove other
	over_base same "$(dmsetup table base)"
	tap_is "what lies on a device does not keep it from its own image" \
		"${STATUS[same]}" 0
}

mkdir -p "$DIR"
make_stack
collect
test_refused
test_not_live
test_accepted
unmake_stack
rm -r "$DIR"
tap_done
