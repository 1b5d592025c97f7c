#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# File systems that want room for a block that is there: they copy on write, or
# another file has a share in it.  A write there waits for room as one to a new
# block does.  So does a file system on the device, when the one below is full, or
# when the quota of the image's owner is.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

SMALL=/run/small
TOP=/run/top
OWNER=1000

small_device() {
	IMAGE=$1
	new_image "$IMAGE" 64M --block-size 1M
	rw_create w "$IMAGE" no_space_timeout "$2"
	write 0
	dmsetup message w 0 checkpoint
}

small_gone() {
	dm_remove w
	is_clean "$1" "$IMAGE"
	umount $SMALL
	rm "$SCRATCH/fs-small.img"
}

# write OFFSET: 4 MiB at so many of them, durably.
write() {
	dd if=/dev/urandom of="$DEV" bs=64k count=64 seek="$(($1 * 64))" \
		oflag=direct conv=notrunc,fsync status=none
}

# All that is left is taken, but for what is smaller than 4 KiB.
fill_up() {
	dd if=/dev/zero of=$SMALL/ballast bs=1M status=none 2>/dev/null || true
	dd if=/dev/zero of=$SMALL/ballast.4k bs=4k status=none 2>/dev/null || true
	sync -f $SMALL
}

room_again() {
	rm $SMALL/ballast $SMALL/ballast.4k
	sync -f $SMALL
}

# overwritten WHAT: with no room, and then with some.
overwritten() {
	local what=$1 pid

	in_background write 0
	sleep 3
	tap_run "$what: a write to what is there waits" \
		test ! -e "$SCRATCH/ended.$pid"
	room_again
	tap_is "$what: with room it ends well" "$(ended "$pid")" 0
	tap_like "$what: the device can be written" "$(dmsetup status w)" \
		" vhdx rw "
}

test_shared() {
	local what="a clone" pid

	mkdir -p $SMALL
	scratch_fs $SMALL 320M xfs
	small_device $SMALL/image.vhdx 0
	dmsetup suspend --noudevsync w
	cp --reflink=always "$IMAGE" $SMALL/clone
	dmsetup resume --noudevsync w
	# The session begins anew, and has a log of its own.
	write 8
	fill_up
	overwritten "$what"
	dmsetup suspend --noudevsync w
	cp --reflink=always "$IMAGE" $SMALL/second
	dmsetup resume --noudevsync w
	write 8
	fill_up
	in_background write 0
	sleep 3
	tap_run "$what: it can be suspended with a write that waits" \
		timeout 60 dmsetup suspend --noudevsync w
	dmsetup resume --noudevsync w
	tap_is "$what: which fails" "$(ended "$pid")" 1
	room_again
	small_gone "$what"
}

test_copied() {
	local what="btrfs, a file that is copied on write"

	mkdir -p $SMALL
	scratch_fs $SMALL 192M btrfs
	small_device $SMALL/image.vhdx 0
	fill_up
	overwritten "$what"
	small_gone "$what"
}

test_in_place() {
	local what="btrfs, a file that is not"

	mkdir -p $SMALL
	scratch_fs $SMALL 192M btrfs
	mkdir $SMALL/place
	chattr +C $SMALL/place
	small_device $SMALL/place/image.vhdx 0
	fill_up
	tap_run "$what: to write to what is there takes no room" write 0
	room_again
	small_gone "$what"
}

quota() { xfs_quota -x -c "limit bhard=$1 $OWNER" $SMALL; }

# The owner's share, and no more; "room again" is a larger one.
quota_on() {
	umount $SMALL
	mount -o loop,uquota "$SCRATCH/fs-small.img" $SMALL 2>/dev/null || return
	quota 0
}

top_file() {
	dd if="$SCRATCH/random" of=$TOP/file bs=1M conv=fsync status=none
}

# What a file system on the device has written stays, though it had to wait.
# on_top WHAT COMMAND...: the command makes room.
on_top() {
	local what=$1 pid

	shift
	in_background top_file
	sleep 3
	tap_run "$what: a file on top of it waits" \
		test ! -e "$SCRATCH/ended.$pid"
	tap_run "$what: room is made" "$@"
	tap_is "$what: then the file is written" "$(ended "$pid")" 0
	umount $TOP
	dm_remove w
	is_clean "$what" "$IMAGE"
	rw_create w "$IMAGE"
	tap_run "$what: the file system on top is clean" e2fsck -fn "$DEV"
	mount -o ro "$DEV" $TOP
	tap_run "$what: and has the file" cmp "$SCRATCH/random" $TOP/file
	umount $TOP
}

top_setup() {
	mkdir -p $SMALL $TOP
	scratch_fs $SMALL "$2" "$1"
	small_device $SMALL/image.vhdx 0
	mkfs.ext4 -q "$DEV"
	mount "$DEV" $TOP
	head -c 40M /dev/urandom >"$SCRATCH/random"
}

test_top() {
	top_setup "$1" "$2"
	fill_up
	on_top "ext4 on a full $1" room_again
	small_gone "ext4 on a full $1"
}

test_quota() {
	local what="ext4 on an image whose owner has no more quota"

	mkdir -p $SMALL
	scratch_fs $SMALL 320M xfs
	if ! quota_on; then
		rm "$SCRATCH/fs-small.img"
		tap_skip "quota" "the kernel's XFS has none"
		return
	fi
	small_device $SMALL/image.vhdx 0
	chown $OWNER "$IMAGE"
	mkdir -p $TOP
	mkfs.ext4 -q "$DEV"
	sync -f $SMALL
	quota $(($(du -B1 "$IMAGE" | cut -f1) + (4 << 20)))
	mount "$DEV" $TOP
	head -c 40M /dev/urandom >"$SCRATCH/random"
	on_top "$what" quota 1g
	small_gone "$what"
}

for type in xfs btrfs; do
	has_fs $type || {
		tap_skip "room" "the kernel has no $type"
		tap_done
		exit
	}
done
test_shared
test_copied
test_in_place
test_top xfs 320M
test_top btrfs 192M
test_quota
tap_done
