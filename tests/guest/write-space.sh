#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Space: what is given up is used again, so that an image stays as small as what
# it holds; and what happens when there is none left.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"
# shellcheck source=tests/guest/write/below.sh
. "$GUEST/write/below.sh"

SMALL=/run/small

# The sources alone: what was built among them would make each round another size.
copy_tree() {
	tar -C "$GUEST/../.." -c --exclude='*.o' --exclude='*.ko' --exclude='.*' \
		--exclude=build dm-vhdx tests | tar -C "$1" -x
}

# Ten times: a tree is copied into a file system, removed, and trimmed. The
# first two rounds show what it takes, since the second takes more than the first;
# none of the others may take more than that and one step by which the file grows,
# an eighth of its size and at least 16 MiB.
test_flat() {
	local mnt=/run/mnt round size used most=0 most_used=0 sizes=()
	local slack=$((32 << 20))

	on_store "$1" 512M --block-size 1M
	rw_create w "$IMAGE"
	mkfs.ext4 -q "$DEV"
	mkdir -p $mnt
	mount "$DEV" $mnt
	for ((round = 1; round <= ROUNDS; round++)); do
		dd if=/dev/urandom of=$mnt/big bs=1M count=60 status=none
		copy_tree $mnt
		sync -f $mnt
		rm -r "${mnt:?}"/*
		sync -f $mnt
		fstrim $mnt
		dmsetup message w 0 commit
		wait_for 600 is_free || true
		size=$(stat_of w size)
		used=$(stat -c %b "$IMAGE")
		sizes+=("$((size >> 20)),$((used >> 11))")
		if [ "$round" -le 2 ]; then
			most=$((size > most ? size : most))
			most_used=$((used > most_used ? used : most_used))
		fi
	done
	tap_note "$1 store: MiB of the file after each round, and on disk: ${sizes[*]}"
	tap_run "$1 store: after $ROUNDS rounds the image is not larger" \
		test "$size" -le "$((most + slack))"
	if [ "$1" = file ]; then
		tap_run "$1 store: nor is what it takes on disk" \
			test "$((used * 512))" -le \
			"$((most_used * 512 + slack))"
	fi
	umount $mnt
	dm_remove w
	is_clean "$1 store" "$IMAGE"
	store_gone
}

# What was given up is free, and was given back.
is_free() { [ "$(stat_of w freeing)" = 0 ]; }

# fill COUNT [FLAG]
fill() {
	dd if=/dev/zero of="$DEV" bs=64k count="$1" oflag=direct"${2+,$2}" \
		conv=fsync status=none
}

# small_fs TYPE: a file system with room for some blocks only.
small_fs() {
	mkdir -p $SMALL
	if [ "$1" = tmpfs ]; then
		mount -t tmpfs -o size=24M tmpfs $SMALL
	else
		scratch_fs $SMALL 32M "$1"
	fi
}

small_gone() {
	umount $SMALL
	rm -f "$SCRATCH/fs-small.img"
}

small_device() {
	IMAGE=$SMALL/image.vhdx
	new_image "$IMAGE" 256M --block-size 1M
	rw_create w "$IMAGE" no_space_timeout "$1"
}

has_flag() { vhdx_status w flags | grep -qw "$1"; }

more_than() { [ "$(stat_of w allocated)" -gt "$1" ]; }

# A write that finds no room waits; when there is some, it goes on. It has FUA, as
# has the next test's: to be refused is no loss that a disk has told of.
test_waits() {
	local what="$1, full" pid event before ballast=$SMALL/ballast

	small_fs "$1"
	fallocate -l 8M $ballast
	small_device 0
	event=$(dmsetup info -c --noheadings -o events w)
	in_background fill 1024 dsync
	tap_run "$what: the status says so" wait_for 20 has_flag no_space
	tap_run "$what: so does an event" test \
		"$(dmsetup info -c --noheadings -o events w)" -gt "$event"
	sleep 2
	tap_run "$what: the write waits" kill -0 "$pid"
	before=$(stat_of w allocated)
	tap_run "$what: what is there can be read" dd if="$DEV" of=/dev/null \
		bs=64k count=16 iflag=direct
	tap_run "$what: and written" dd if=/dev/zero of="$DEV" bs=64k count=16 \
		oflag=direct conv=notrunc
	rm $ballast
	tap_run "$what: when there is room, it goes on" \
		wait_for 10 more_than "$before"
	# It is full again. A suspend must not wait for that.
	wait_for 20 has_flag no_space || true
	tap_run "$what: it can be suspended" timeout "$PATIENCE" \
		dmsetup suspend --noudevsync w
	# It still has to flush, for which the device must be there again.
	dmsetup resume --noudevsync w
	tap_is "$what: the write has failed" "$(ended "$pid")" 1
	tap_like "$what: that ends no other" "$(dmsetup status w)" " vhdx rw "
	dm_remove w
	is_clean "$what" "$IMAGE"
	small_gone
}

# A write fails, and not after the three seconds that the table gives.  What else
# the machine does can only make it longer.
fails_at_once() {
	local start

	for _ in {1..10}; do
		start=${EPOCHREALTIME/./}
		! dd if=/dev/zero of="$DEV" bs=64k count=1 seek=3000 \
			oflag=direct || return
		[ $((${EPOCHREALTIME/./} - start)) -ge 3000000 ] || return 0
	done
	return 1
}

# It fails after the time that the table gives, and all is well afterwards.
test_fails() {
	local what="$1, full, timeout" start=$SECONDS

	small_fs "$1"
	small_device 3
	tap_fails "$what: the write fails" timeout "$PATIENCE" dd if=/dev/zero \
		of="$DEV" bs=64k count=2048 oflag=direct
	tap_like "$what: for want of space" "$TAP_OUTPUT" "No space left"
	tap_run "$what: not before its time" test $((SECONDS - start)) -ge 3
	tap_run "$what: the status says so" has_flag no_space_failing
	tap_run "$what: the next fails at once" fails_at_once
	tap_run "$what: a flush does not" dd if=/dev/zero of="$DEV" bs=64k \
		count=1 oflag=direct conv=notrunc,fsync
	# Space that the disk itself gives back.
	tap_run "$what: blocks are given back" blkdiscard -o 0 -l 8M "$DEV"
	tap_run "$what: writes go on" wait_for 10 dd if=/dev/zero of="$DEV" \
		bs=64k count=16 seek=3000 oflag=direct conv=notrunc,fsync
	dm_remove w
	is_clean "$what" "$IMAGE"
	small_gone
}

# A suspend without flush gives bios that wait back to dm, and loses none.
test_noflush() {
	local what="full, suspended without flush" pid ballast=$SMALL/ballast

	small_fs ext4
	fallocate -l 8M $ballast
	small_device 0
	in_background fill 300 dsync
	wait_for 20 has_flag no_space || true
	tap_run "$what: it can be" timeout "$PATIENCE" \
		dmsetup suspend --noudevsync --noflush w
	tap_run "$what: the write waits" kill -0 "$pid"
	rm $ballast
	dmsetup resume --noudevsync w
	tap_is "$what: and ends well" "$(ended "$pid")" 0
	dm_remove w
	is_clean "$what" "$IMAGE"
	small_gone
}

# A suspended device looks for no room, which would be to write to its image: it
# may be copied, or become read-only. What it lacks is found out anew.
# test_stays_clean TIMEOUT FLAG
test_stays_clean() {
	local what="$2, suspended" pid event sum

	small_fs ext4
	small_device "$1"
	in_background fill 1024
	tap_run "$what: before that, it is said" wait_for 20 has_flag "$2"
	event=$(dmsetup info -c --noheadings -o events w)
	dmsetup suspend --noudevsync w
	sum=$(sum_of "$IMAGE")
	tap_fails "$what: not any more" has_flag "$2"
	tap_run "$what: and an event says so" test \
		"$(dmsetup info -c --noheadings -o events w)" -gt "$event"
	sleep 3
	tap_is "$what: the image stays as it is" "$(sum_of "$IMAGE")" "$sum"
	cp --sparse=always "$IMAGE" "$SCRATCH/copy.vhdx"
	is_clean "$what: a copy" "$SCRATCH/copy.vhdx"
	tap_like "$what: its log is empty" \
		"$("$VHDXSETUP" info --quiet "$SCRATCH/copy.vhdx")" "log: +clean"
	rm "$SCRATCH/copy.vhdx"
	dmsetup resume --noudevsync w
	tap_is "$what: the write has failed" "$(ended "$pid")" 1
	in_background fill 1024
	tap_run "$what: resumed, it is found out anew" wait_for 20 has_flag "$2"
	dmsetup suspend --noudevsync w
	dmsetup resume --noudevsync w
	ended "$pid" >/dev/null
	dm_remove w
	is_clean "$what: at the end" "$IMAGE"
	small_gone
}

# A block of a fixed image that is there, but a hole of the file: to zero it where
# it is takes room, which is not the kind that a write can wait for.
test_hole() {
	local what="full, a block that is a hole" pid ballast=$SMALL/ballast

	small_fs ext4
	IMAGE=$SMALL/image.vhdx
	new_image "$SCRATCH/new.vhdx" 64M --fixed
	cp --sparse=always "$SCRATCH/new.vhdx" "$IMAGE"
	rm "$SCRATCH/new.vhdx"
	rw_create w "$IMAGE" no_space_timeout 0
	fill 1
	dd if=/dev/zero of=$ballast bs=64k status=none 2>/dev/null || true
	sync
	in_background sh -c \
		"blkdiscard -z -o 16M -l 8M $DEV 2>$SCRATCH/said"
	tap_is "$what: to zero it fails" "$(ended "$pid")" 1
	tap_like "$what: for want of space" "$(<"$SCRATCH/said")" \
		"No space left"
	tap_run "$what: a part of it can be discarded" \
		blkdiscard -o 17M -l 64k "$DEV"
	rm $ballast
	tap_run "$what: when there is room, it can be zeroed" \
		blkdiscard -z -o 16M -l 8M "$DEV"
	dm_remove w
	is_clean "$what" "$IMAGE"
	small_gone
}

# An image whose log and BAT are holes, where all the room is taken: writing
# begins when there is some, and until then nothing is lost or broken.
test_no_log() {
	local what="$1, no room for the log" pid ballast=$SMALL/ballast

	small_fs "$1"
	new_image $SMALL/new.vhdx 256M --block-size 1M
	IMAGE=$SMALL/image.vhdx
	cp --sparse=always $SMALL/new.vhdx "$IMAGE"
	rm $SMALL/new.vhdx
	dd if=/dev/zero of=$ballast bs=64k status=none 2>/dev/null || true
	sync
	rw_create w "$IMAGE" no_space_timeout 0
	in_background fill 32
	tap_run "$what: the status says that there is none" \
		wait_for 20 has_flag no_space
	tap_like "$what: it can be written to all the same" \
		"$(dmsetup status w)" " vhdx rw "
	tap_run "$what: the write waits" kill -0 "$pid"
	rm $ballast
	tap_is "$what: and ends well when there is room" "$(ended "$pid")" 0
	dm_remove w
	is_clean "$what" "$IMAGE"
	small_gone
}

# The extents of the log, which is the second MiB, in which another file has a share.
shared_log() {
	filefrag -v -b4096 "$IMAGE" | awk '
		/shared/ {
			gsub(/[.:]/, " ")
			if ($2 < 512 && $3 >= 256)
				print $2 "-" $3
		}'
}

# A clone shares its log with the image that it was made from. To write to that
# takes room, which must be had before new blocks take it.
test_shared() {
	local what="a clone"

	if ! has_fs xfs; then
		tap_skip "$what" "the kernel has no xfs"
		return
	fi
	mkdir -p $SMALL
	scratch_fs $SMALL 320M xfs
	IMAGE=$SMALL/image.vhdx
	new_image $SMALL/new.vhdx 256M --block-size 1M
	# What was reserved and never written is not shared.
	cp --reflink=never --sparse=never $SMALL/new.vhdx $SMALL/first.vhdx
	cp --reflink=always $SMALL/first.vhdx "$IMAGE"
	sync
	tap_like "$what: shares its log" "$(shared_log)" -
	rw_create w "$IMAGE"
	fill 1
	tap_is "$what: once it is written to, it does not" "$(shared_log)" ""
	dm_remove w
	is_clean "$what" "$IMAGE"
	is_clean "$what: the first" $SMALL/first.vhdx
	small_gone
}

# small_disk TIMEOUT: an image on a device that is just too small.
small_disk() {
	below_setup 24M
	IMAGE=/dev/mapper/below
	new_image "$IMAGE" 256M --block-size 1M --force
	rw_create w "$IMAGE" no_space_timeout "$1"
}

# A suspend fails no write that waits for what was given up just before: a read
# that is under way, and slow, keeps that from being used at once.
test_coming() {
	local what="block store, full, suspended" pid writer

	small_disk 0
	in_background fill 384
	writer=$pid
	tap_run "$what: before that, it is said" wait_for 20 has_flag no_space
	below_is "0 $SECTORS delay $LOOP 0 3000 $LOOP 0 0"
	in_background dd if="$DEV" of=/dev/null bs=4k count=1 iflag=direct
	sleep 0.5
	# It would look for file systems first, slowly.
	blkdiscard -f -o 0 -l 8M "$DEV"
	tap_run "$what: it can be" timeout "$PATIENCE" dmsetup suspend --noudevsync w
	dmsetup resume --noudevsync w
	tap_is "$what: what is under way ends" "$(ended "$pid")" 0
	tap_is "$what: the write has what was given up" "$(ended "$writer")" 0
	below_is linear
	dm_remove w
	is_clean "$what" "$IMAGE"
	below_gone
}

# The blocks of an image on a device, the last 32 MiB of which take no writes and
# no discards until further notice: there they are under way for an hour.
held_disk() {
	local from=$((SECTORS - 32 * 2048))

	below_is "0 $from linear $LOOP 0
		$from $((SECTORS - from)) delay $LOOP $from 0 $LOOP $from 3600000 $LOOP $from 0"
}

has_committed() { [ "$(stat_of w commits)" -gt "$1" ]; }

# Freed space is being discarded, and that takes for ever: flushes end, and new
# blocks are had from what is ready.
test_held() {
	local what="block store, discards held" before

	below_setup 64M
	IMAGE=/dev/mapper/below
	new_image "$IMAGE" 256M --block-size 1M --force
	rw_create w "$IMAGE"
	fill 896
	held_disk
	blkdiscard -f -o 28M -l 26M "$DEV"
	tap_run "$what: a flush that frees them ends" timeout 120 \
		dmsetup message w 0 commit
	before=$(stat_of w commits)
	blkdiscard -f -o 0 -l 1M "$DEV"
	tap_run "$what: so does one that comes later" timeout 120 \
		dd if=/dev/zero of="$DEV" bs=4k count=1 seek=512 oflag=direct \
		conv=notrunc,fsync status=none
	tap_run "$what: with a commit" wait_for 60 has_committed "$before"
	tap_fails "$what: and they are held all the while" is_free
	below_is linear
	tap_run "$what: let go, they end" wait_for 600 is_free
	dm_remove w
	is_clean "$what" "$IMAGE"
	below_gone
}

test_block() {
	small_disk 2
	tap_fails "block store, full: the write fails" timeout "$PATIENCE" dd \
		if=/dev/zero of="$DEV" bs=64k count=2048 oflag=direct
	tap_like "block store, full: for want of space" "$TAP_OUTPUT" \
		"No space left"
	tap_run "block store, full: blocks are given back" blkdiscard \
		-o 0 -l 8M "$DEV"
	tap_run "block store, full: writes go on" wait_for 10 dd if=/dev/zero \
		of="$DEV" bs=64k count=16 seek=3000 oflag=direct \
		conv=notrunc,fsync
	dm_remove w
	is_clean "block store, full" "$IMAGE"
	below_gone
}

ROUNDS=10
slow_guest && ROUNDS=4
write_setup
test_flat file
test_flat block
test_waits ext4
test_fails ext4
test_fails tmpfs
test_noflush
test_stays_clean 0 no_space
test_stays_clean 2 no_space_failing
test_hole
test_no_log ext4
test_no_log tmpfs
test_shared
test_coming
test_held
test_block
write_done
tap_done
