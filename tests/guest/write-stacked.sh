#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# An image in ext4, on a device made from an image in ext4: both are written at
# once, with flushes that go through all layers.  The file system on top grows
# and shrinks (resize2fs), what it gives up is trimmed down to the bottom, and a
# copy of the file at the bottom, taken in mid-write, holds what was flushed on
# top.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

OUTER=/run/outer
MNT=/run/mnt
TREE=$GUEST/../../dm-vhdx

# outer_create STORE, inner_create: $DEV is the device that was made.
outer_create() {
	on_store "$1" 512M --block-size 2M
	BOTTOM=$IMAGE
	rw_create outer "$BOTTOM"
	mkfs.ext4 -q "$DEV"
	mkdir -p $OUTER $MNT
	mount -o discard "$DEV" $OUTER
}

inner_create() {
	IMAGE=$OUTER/image.vhdx
	new_image "$IMAGE" 384M --block-size 1M
	rw_create inner "$IMAGE"
	# Half of it, for a start.
	mkfs.ext4 -q "$DEV" 192M
	mount -o discard "$DEV" $MNT
}

mib_below() { echo $(($(stat -c %b "$BOTTOM") / 2048)); }

all_gone() {
	umount $MNT
	dm_remove inner
	umount $OUTER
	dm_remove outer
}

fill() {
	dd if=/dev/urandom of="$MNT/$1" bs=1M count="$2" conv=fsync status=none
}

# What is on top survives growing, trimming and shrinking.
test_resize() {
	local what="$1 store" full sum

	outer_create "$1"
	inner_create
	cp -r "$TREE" $MNT/tree
	fill one 60
	sum=$(sum_of $MNT/one)
	tap_run "$what: grows while it is mounted" resize2fs "$DEV"
	tap_run "$what: there is more room" fill two 200
	sync -f $MNT
	full=$(mib_below)
	rm $MNT/two
	sync -f $MNT
	tap_run "$what: is trimmed" fstrim $MNT
	dmsetup message inner 0 commit
	dmsetup message inner 0 commit
	tap_run "$what: so is the one below" fstrim $OUTER
	dmsetup message outer 0 commit
	dmsetup message outer 0 commit
	tap_note "MiB on disk: $full when full, $(mib_below) when trimmed"
	[ "$1" != file ] || tap_run "$what: most of it comes back at the bottom" \
		test "$(mib_below)" -lt $((full - 120))
	umount $MNT
	tap_run "$what: fsck finds nothing" fsck.ext4 -fy "$DEV"
	tap_run "$what: shrinks" resize2fs "$DEV" 160M
	mount "$DEV" $MNT
	tap_is "$what: the file is as it was" "$(sum_of $MNT/one)" "$sum"
	tap_run "$what: and so is the tree" diff -r "$TREE" $MNT/tree
	still_there "$what" "$sum"
}

# After all devices have been made anew.
still_there() {
	local what=$1 sum=$2

	all_gone
	is_clean "$what: the outer image" "$BOTTOM"
	rw_create outer "$BOTTOM"
	mount "$DEV" $OUTER
	is_clean "$what: the inner image" "$OUTER/image.vhdx"
	rw_create inner "$OUTER/image.vhdx"
	tap_run "$what: fsck finds nothing then" fsck.ext4 -fn "$DEV"
	mount "$DEV" $MNT
	tap_is "$what: the file is there" "$(sum_of $MNT/one)" "$sum"
	all_gone
	IMAGE=$BOTTOM
	store_gone
}

# The model writes to the inner device and fio to a file beside its image, at
# the same time. Then the inner device is flushed and the file at the bottom
# cloned, which takes it as it is at one moment, as a crash would.
test_flush() {
	local what="flushed through all" copy=$STORE/copy.vhdx pid

	if ! has_fs xfs; then
		tap_skip "$what" "the kernel has no file system that clones"
		return
	fi
	write_setup 1536M xfs
	outer_create file
	IMAGE=$OUTER/image.vhdx
	new_image "$IMAGE" 64M --block-size 1M
	fio --name=beside --filename=$OUTER/beside --size=64M --rw=randwrite \
		--bs=64k --direct=1 --time_based --runtime=600 --fsync=20 \
		--ioengine=psync >/dev/null 2>&1 &
	pid=$!
	rw_create inner "$IMAGE"
	tap_run "$what: something is written" model --ops "$OPS" --whole 1048576 \
		--save "$SCRATCH/model"
	dd if=/dev/null of="$DEV" conv=notrunc,fsync status=none
	cp --reflink=always "$BOTTOM" "$copy"
	kill "$pid"
	wait "$pid" || true
	dm_remove inner
	umount $OUTER
	dm_remove outer
	rw_create outer "$copy"
	mount "$DEV" $OUTER
	rw_create inner "$OUTER/image.vhdx"
	tap_run "$what: a copy of the bottom has it" \
		model --check "$SCRATCH/model"
	dm_remove inner
	is_clean "$what: the inner image" "$OUTER/image.vhdx"
	umount $OUTER
	dm_remove outer
	is_clean "$what: the copy" "$copy"
	rm "$copy"
	IMAGE=$BOTTOM
	store_gone
	write_done
}

OPS=200
slow_guest && OPS=80
write_setup 1536M
test_resize file
test_resize block
write_done
test_flush
tap_done
