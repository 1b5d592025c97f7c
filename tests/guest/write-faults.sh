#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What is left when things go wrong: the store below fails, or the power does.
#   - a commit that cannot be written makes the device read-only, with the reason
#     in its status, and what was flushed before is there when it is opened anew;
#   - a bad spot of the disk is the trouble of those who write to it, and not of
#     those who write beside it, for which the file store adds zeros;
#   - after each flush that the block store was sent (dm-log-writes), the image
#     opens without a complaint, and holds what had been flushed by then.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"
# shellcheck source=tests/guest/write/below.sh
. "$GUEST/write/below.sh"

# The store below takes no writes any more; the image has to be as it was.
faulty() {
	local what=$1 event

	tap_run "$what: something is written" model --ops 150 --save \
		"$SCRATCH/model"
	dmsetup message w 0 commit
	event=$(dmsetup info -c --noheadings -o events w)
	below_is "0 $SECTORS flakey $LOOP 0 0 1000 1 error_writes"
	tap_fails "$what: a write that is flushed fails" dd if=/dev/urandom \
		of="$DEV" bs=1M count=40 oflag=direct conv=fsync
	tap_run "$what: the device becomes read-only" wait_for 10 sh -c \
		'dmsetup status w | grep -q " vhdx ro "'
	tap_like "$what: the status says why" "$(vhdx_status w flags)" \
		'fault=[^ ]*(failed|cannot)'
	tap_run "$what: so does an event" test \
		"$(dmsetup info -c --noheadings -o events w)" -gt "$event"
	tap_fails "$what: nothing can be written" dd if=/dev/zero of="$DEV" \
		bs=4k count=1 oflag=direct
	tap_fails "$what: flushes fail" dd if=/dev/null of="$DEV" \
		conv=notrunc,fsync
	# A file system that has failed may not let its files be read either.
	[ "$what" = "file store" ] || tap_run "$what: it can be read" dd \
		if="$DEV" of=/dev/null bs=64k count=16 iflag=direct
	tap_run "$what: and suspended" timeout "$PATIENCE" dmsetup suspend \
		--noudevsync w
	dmsetup resume --noudevsync w
	below_is linear
	tap_fails "$what: a store that has healed is not trusted" dd \
		if=/dev/zero of="$DEV" bs=4k count=1 oflag=direct
	dm_remove w
}

# Blocks that were overwritten after the flush may be old or new: the first 40
# MiB are. The rest must be there.
rest_is_there() {
	dm_create reread "0 $(disk_sectors "$IMAGE") vhdx $IMAGE" || true
	tap_is "$1: opened anew, what was flushed is there" \
		"$(tail -c +41943041 /dev/mapper/reread | sha256sum)" \
		"$(tail -c +41943041 "$SCRATCH/model" | sha256sum)"
	dm_remove reread
	rw_create w "$IMAGE"
	tap_run "$1: and it can be written" model --ops 50
	dm_remove w
	is_clean "$1" "$IMAGE"
}

test_block() {
	below_setup 128M
	IMAGE=/dev/mapper/below
	new_image "$IMAGE" 64M --block-size 1M --force
	rw_create w "$IMAGE"
	faulty "block store"
	rest_is_there "block store"
	below_gone
}

test_file() {
	local dir=/run/faulty

	below_setup 256M
	below_mount $dir
	IMAGE=$dir/image.vhdx
	new_image "$IMAGE" 64M --block-size 1M
	rw_create w "$IMAGE"
	faulty "file store"
	umount $dir
	mount /dev/mapper/below $dir
	rest_is_there "file store"
	rm "$IMAGE"
	test_spot
	umount $dir
	below_gone
}

page_at() { dd if="$1" bs=4k skip="$2" count=1 status=none | sha256sum; }

# A page of a new block makes the file grow; 64 KiB on from it nothing was
# written yet, and the disk has a bad spot.
test_spot() {
	local sum place what="file store, bad spot"

	new_image "$IMAGE" 64M --block-size 1M
	rw_create w "$IMAGE"
	head -c 4096 /dev/urandom >"$SCRATCH/page"
	sum=$(sha256sum <"$SCRATCH/page")
	write_page 0
	place=$(place_below 128)
	tap_like "$what: it is somewhere" "$place" '^[0-9]+$'
	below_is "$(below_spot $((place + 32)))"
	tap_run "$what: beside it, it can be written" write_page 16
	tap_is "$what: it was" "$(page_at "$DEV" 16)" "$sum"
	tap_fails "$what: on it, it cannot" write_page 20
	tap_run "$what: beside it, it can still be written" write_page 17
	below_is linear
	tap_run "$what: now it can" write_page 20
	dm_remove w
	dm_create reread "0 $(disk_sectors "$IMAGE") vhdx $IMAGE"
	tap_is "$what: all that was written is there" \
		"$(page_at /dev/mapper/reread 0) $(page_at /dev/mapper/reread 16) $(
			page_at /dev/mapper/reread 17) $(
			page_at /dev/mapper/reread 20)" "$sum $sum $sum $sum"
	dm_remove reread
	is_clean "$what" "$IMAGE"
}

# A step is some writes and a flush; its mark is the sum of the whole disk. No
# FUA: dm-log-writes logs such a write before older ones that wait for a flush,
# even if they are to the same place. A flush makes no discard durable, so that
# every other step has none, and the rest of them end with a commit.
logged_steps() {
	local i options

	for ((i = 0; i < STEPS; i++)); do
		options=()
		[ $((i % 2)) = 0 ] || options=(--no-discard)
		model --no-sync "${options[@]}" --ops 25 --whole 1048576 \
			--save "$SCRATCH/model" >>"$SCRATCH/seeds"
		if [ $((i % 2)) = 0 ]; then
			dmsetup message w 0 commit
		else
			dd if=/dev/null of="$DEV" conv=notrunc,fsync status=none
		fi
		dmsetup message log 0 mark "$(sum_of "$SCRATCH/model")"
	done
}

test_log_writes() {
	local data log sectors

	if ! modprobe -q dm-log-writes && ! dmsetup targets | grep -q ^log-writes; then
		tap_skip "power cuts" "the kernel has no dm-log-writes"
		return
	fi
	truncate -s 64M "$SCRATCH/data.img"
	truncate -s 1G "$SCRATCH/log.img"
	data=$(loop_from "$SCRATCH/data.img")
	log=$(loop_from "$SCRATCH/log.img")
	sectors=$(blockdev --getsz "$data")
	new_image "$data" 32M --block-size 1M --force
	cp --sparse=always "$SCRATCH/data.img" "$SCRATCH/replay.img"
	dm_create log "0 $sectors log-writes $data $log"
	IMAGE=/dev/mapper/log
	rw_create w "$IMAGE"
	logged_steps
	dm_remove w
	dm_remove log
	losetup -d "$data"
	tap_run "after each flush the image is as it should be" \
		"$GUEST/write/logwrites.py" "$log" "$SCRATCH/replay.img" \
		bash "$GUEST/write/at-flush" "$VHDXSETUP" "$SCRATCH/replay.img"
	tap_note "points, and a tail of what was said: $TAP_OUTPUT"
	tap_run "there were enough points" test \
		"$(tail -n 1 <<<"$TAP_OUTPUT")" -ge $((STEPS * 2))
	losetup -d "$log"
	rm "$SCRATCH"/{data,log,replay}.img
}

STEPS=12
slow_guest && STEPS=4
write_setup
test_block
test_file
test_log_writes
write_done
tap_done
