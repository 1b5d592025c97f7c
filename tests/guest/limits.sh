#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the queue of a device says, when another table takes the place of one: dm
# keeps the limits if the new table has files below it, whatever they were made
# for.  Sectors of another size are refused, and the old table stays; all else
# is as if the device were new.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

queue() {
	cat "/sys/block/dm-$(dmsetup info -c --noheadings -o minor "$1")/queue/$2"
}

# zeroing NAME: what it discards, and what it zeroes, at once.
zeroing() {
	printf '%s %s\n' "$(queue "$1" discard_max_bytes)" \
		"$(queue "$1" write_zeroes_max_bytes)"
}

# replace NAME TABLE: a table in the place of another.
replace() {
	dmsetup reload --noudevsync "$1" --table "$2" &&
		dmsetup resume --noudevsync "$1"
}

# other_sectors OLD NEW: tests: a table of NEW does not replace one of OLD.
other_sectors() {
	local old=$1 new=$2 what="$1 -> $2" said have want

	have=$(image_lss "$old")
	want=$(image_lss "$new")
	dm_create keeps "$(image_table "$old")"
	klog_mark
	tap_fails "$what: the table is refused" \
		dmsetup reload --noudevsync keeps --table "$(image_table "$new")"
	said="the virtual disk has sectors of $want bytes, the live table of $have"
	tap_like "$what: with a sentence" "$(klog_since)" "$said, which"
	# What a table that was taken would do now.
	dmsetup suspend --noudevsync keeps
	dmsetup resume --noudevsync keeps
	tap_is "$what: the old one is live" "$(dmsetup table keeps)" \
		"$(image_table "$old")"
	tap_run "$what: one sector can be read" timeout 60 dd \
		if=/dev/mapper/keeps of=/dev/null bs="$have" count=1 iflag=direct
	readback whole <<<"/dev/mapper/keeps"$'\t'"$old"$'\t'"$what: and all of it"
	dm_remove keeps
	dm_create keeps "$(image_table "$new")"
	tap_is "$what: a new device has other sectors" \
		"$(blockdev --getss /dev/mapper/keeps)" "$want"
	dm_remove keeps
}

test_sectors() {
	other_sectors good/dynamic good/child-4096
	other_sectors good/child-4096 good/dynamic
}

# A table that discards, after one that does not, however that came about.
test_zeroing() {
	local gib=$((1 << 30)) first=$STORE/first.vhdx other=$STORE/other.vhdx
	local sectors=$((64 << 11))

	new_image "$first" 64M
	new_image "$other" 64M
	dm_create z "0 $sectors vhdx $first"
	tap_is "read-only: it discards nothing" "$(zeroing z)" "0 0"
	VHDX_RW=1 replace z "0 $sectors vhdx $other"
	tap_is "writable after that, another file" "$(zeroing z)" "$gib $gib"
	tap_run "blocks can be discarded" blkdiscard /dev/mapper/z
	replace z "0 $sectors vhdx $first"
	tap_is "read-only again" "$(zeroing z)" "0 0"
	VHDX_RW=1 replace z "0 $sectors vhdx $other"
	tap_is "writable again" "$(zeroing z)" "$gib $gib"
	dm_remove z
	dm_create z "0 $sectors zero"
	VHDX_RW=1 replace z "0 $sectors vhdx $other"
	tap_is "writable after dm-zero" "$(zeroing z)" "$gib $gib"
	tap_run "blocks can be zeroed" blkdiscard --zeroout /dev/mapper/z
	dm_remove z
}

# What the file's or the block device's own disk is like: 4096-byte sectors below,
# an image with physical sectors of 512 bytes.
test_below() {
	local kind=$1 disk image rotates

	truncate -s 256M "$SCRATCH/below"
	disk=$(loop_from "$SCRATCH/below" --sector-size 4096)
	image=$disk
	if [ "$kind" = file ]; then
		mkfs.ext4 -q "$disk"
		mount "$disk" "$STORE"
		image=$STORE/image.vhdx
		new_image "$image" 64M --physical-sector-size 512
	else
		new_image "$image" 64M --force --sector-size 4096 \
			--physical-sector-size 4096
	fi
	for rotates in 1 0; do
		echo "$rotates" >"/sys/block/${disk#/dev/}/queue/rotational"
		dm_create b "0 $((64 << 11)) vhdx $image"
		tap_is "$kind: physical sectors are those below" \
			"$(blockdev --getpbsz /dev/mapper/b)" 4096
		tap_is "$kind: so is the smallest good I/O" \
			"$(blockdev --getiomin /dev/mapper/b)" 4096
		tap_is "$kind: it rotates if what is below does ($rotates)" \
			"$(queue b rotational)" "$rotates"
		# The loop driver does not poll either.
		tap_is "$kind: nobody polls" "$(queue b io_poll)" 0
		dm_remove b
	done
	[ "$kind" != file ] || umount "$STORE"
	losetup -d "$disk"
	rm "$SCRATCH/below"
}

# A table of a file whose disk is another: what dm keeps is mended.
test_kept() {
	local disk

	truncate -s 256M "$SCRATCH/below"
	disk=$(loop_from "$SCRATCH/below")
	mkfs.ext4 -q "$disk"
	mkdir -p /run/other
	mount "$disk" /run/other
	echo 1 >"/sys/block/${disk#/dev/}/queue/rotational"
	new_image /run/other/turns.vhdx 64M --physical-sector-size 512
	new_image "$STORE/still.vhdx" 64M --physical-sector-size 4096
	echo 0 >"/sys/block/$(basename "$(findmnt -no SOURCE "$STORE")")/queue/rotational"
	dm_create k "0 $((64 << 11)) vhdx $STORE/still.vhdx"
	tap_is "still: rotates, physical sectors" \
		"$(queue k rotational) $(blockdev --getpbsz /dev/mapper/k)" \
		"0 4096"
	replace k "0 $((64 << 11)) vhdx /run/other/turns.vhdx"
	tap_is "turns: rotates, physical sectors" \
		"$(queue k rotational) $(blockdev --getpbsz /dev/mapper/k)" \
		"1 512"
	replace k "0 $((64 << 11)) vhdx $STORE/still.vhdx"
	tap_is "still again: rotates, physical sectors" \
		"$(queue k rotational) $(blockdev --getpbsz /dev/mapper/k)" \
		"0 4096"
	dm_remove k
	umount /run/other
	losetup -d "$disk"
	rm "$SCRATCH/below"
}

test_sectors
write_setup
test_zeroing
test_kept
write_done
test_below file
test_below block
tap_done
