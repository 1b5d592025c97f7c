#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The life of a device that is written to: who is kept out, what a suspended one
# leaves behind, reloads under load, what it says and what it can be told.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

table_of() { printf '0 %s vhdx %s' "$(disk_sectors "$1")" "$1"; }

rw_attempt() {
	VHDX_RW=1 attempt "$@"
}

# What happens with images that cannot be written, or not now.
test_refused() {
	local image=$STORE/image.vhdx table size

	new_image "$image" 64M
	table=$(table_of "$image")
	size=$(disk_sectors "$image")
	collect
	rw_attempt writes-reads d "0 $size vhdx $image
$size $size vhdx $image$(features read_only)"
	rw_attempt reads-writes d "0 $size vhdx $image$(features read_only)
$size $size vhdx $image"
	rw_create w "$image"
	rw_attempt second d "$table"
	attempt reader d "$table"
	tap_fails "qemu-img does not write to it" \
		qemu-io -c "write 0 512" "$image"
	tap_fails "nor look at it" qemu-img check "$image"
	tap_fails "nor does flock() succeed" flock -n -s "$image" true
	dm_remove w
	tap_run "they do when it is gone" qemu-img check -q "$image"
	dm_create r "$table"
	rw_attempt held d "$table"
	dm_remove r
	exec {FD}<"$image"
	flock -s "$FD"
	rw_attempt flock d "$table"
	exec {FD}<&-
	mount -o remount,ro "$STORE"
	rw_attempt rofs d "$table"
	mount -o remount,rw "$STORE"
	collect
	refused "a table does not write and read" writes-reads \
		"$image: is read and written by one table, whose device could not be both"
	refused "nor read and write" reads-writes \
		"$image: is in use by a device that reads it, so that nothing may write to it"
	refused "no second device writes" second \
		"$image: is being written by another device"
	refused "nor reads" reader "$image: is being written by another device"
	refused "none writes to what is read" held \
		"$image: is in use by a device that reads it, so that nothing may write to it"
	refused "nor to what flock() protects" flock \
		"$image: is locked (flock) by another program"
	refused "nor on a file system that is read-only" rofs \
		"$image: cannot be opened for writing: read-only file system (-30); load the table read-only"
	rm "$image"
}

test_block_shared() {
	on_store block 64M
	rw_create w "$IMAGE"
	collect
	rw_attempt block-second d "$(table_of "$IMAGE")"
	attempt block-reader d "$(table_of "$IMAGE")"
	dm_remove w
	blockdev --setro "$IMAGE"
	rw_attempt setro d "$(table_of "$IMAGE")"
	blockdev --setrw "$IMAGE"
	vhdx_remove d
	collect
	refused "block store: no second device writes" block-second \
		"$IMAGE: is being written by another device"
	refused "block store: nor reads" block-reader \
		"$IMAGE: is being written by another device"
	refused "block store: nor to a device that is read-only" setro \
		"$IMAGE: block device is read-only; load the table read-only"
	store_gone
}

test_suspend() {
	local what="a $1 store, suspended" sum copy=$STORE/copy.vhdx

	on_store "$1" 64M --block-size 1M
	rw_create w "$IMAGE"
	tap_like "$what: nothing was written yet" "$(vhdx_status w flags)" \
		"^rw (direct|block)\$"
	tap_run "$what: something is written" model --ops 150 --whole 1048576 \
		--save "$SCRATCH/model"
	tap_like "$what: the session is live" "$(vhdx_status w flags)" " live"
	sum=$(sum_of "$SCRATCH/model")
	dmsetup suspend --noudevsync w
	tap_like "$what: it is live no more" "$(vhdx_status w flags)" \
		"^rw (direct|block)\$"
	cp --sparse=always "$IMAGE" "$copy"
	is_clean "$what: a copy" "$copy"
	reads_as "$what: a copy" "$copy" "$sum"
	dmsetup resume --noudevsync w
	tap_run "$what: and resumed, it can be written" model --ops 50 \
		--save "$SCRATCH/model"
	dm_remove w
	is_clean "$what: at the end" "$IMAGE"
	reads_as "$what: at the end" "$IMAGE" "$(sum_of "$SCRATCH/model")"
	rm "$copy"
	store_gone
}

# under_load COMMAND...: again and again while fio writes and verifies.
under_load() {
	local desc=$1 rounds=0 pid status=0

	shift
	fio --name=load --filename="$DEV" --rw=randwrite --bs=4k --size=48M \
		--io_size=48M --loops="$LOOPS" --direct=1 --ioengine=libaio \
		--iodepth=16 --verify=crc32c --verify_fatal=1 --fsync=100 \
		--verify_state_save=0 >"$SCRATCH/fio" 2>&1 &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		"$@" || status=1
		rounds=$((rounds + 1))
		sleep 0.1
	done
	if wait "$pid" && [ "$status" = 0 ]; then
		tap_ok "$desc"
	else
		tap_not_ok "$desc" "$(tail -n 20 "$SCRATCH/fio")"
	fi
	tap_note "$rounds rounds"
	tap_run "$desc: there were rounds" test "$rounds" -gt 1
}

suspend_resume() {
	dmsetup suspend --noudevsync "$@" w && dmsetup resume --noudevsync w
}

reload() {
	VHDX_RW=1 dmsetup reload --noudevsync w --table "$(table_of "$IMAGE")" &&
		dmsetup resume --noudevsync w
}

test_reload() {
	local what="$1 store"

	on_store "$1" 64M --block-size 1M
	rw_create w "$IMAGE"
	under_load "$what: suspends under load" suspend_resume
	under_load "$what: suspends without flush" suspend_resume --noflush
	under_load "$what: reloads" reload
	under_load "$what: commits by message" dmsetup message w 0 commit
	dmsetup reload --noudevsync w --table "$(table_of "$IMAGE")"
	dmsetup resume --noudevsync w
	tap_is "$what: reloaded read-only, it is" \
		"$(blockdev --getro "$DEV") $(vhdx_status w mode)" "1 ro"
	tap_fails "$what: and cannot be written" dd if=/dev/zero of="$DEV" \
		bs=4k count=1 oflag=direct
	is_clean_copy "$what"
	reload
	tap_is "$what: and writable again" \
		"$(blockdev --getro "$DEV") $(vhdx_status w mode)" "0 rw"
	tap_run "$what: so it is" model --ops 30
	dm_remove w
	is_clean "$what" "$IMAGE"
	store_gone
}

is_clean_copy() {
	cp --sparse=always "$IMAGE" "$STORE/copy.vhdx"
	is_clean "$1: its image" "$STORE/copy.vhdx"
	rm "$STORE/copy.vhdx"
}

test_messages() {
	local where offset

	on_store file 64M --block-size 1M
	rw_create w "$IMAGE"
	tap_is "where: nothing is there" \
		"$(dmsetup message w 0 where 2048)" "zeros sectors=129024"
	printf here | dd of="$DEV" bs=4096 seek=300 conv=sync,fsync status=none
	where=$(dmsetup message w 0 where 2400)
	tap_like "where: a block" "$where" "^data sectors=1696 image=0 offset="
	offset=${where##*=}
	tap_is "where: it is there" "$(dd if="$IMAGE" bs=1 count=4 \
		skip="$offset" iflag=direct,skip_bytes bs=4096 count=1 \
		status=none | head -c 4)" here
	tap_fails "where: past the end" dmsetup message w 0 where 131072
	tap_fails "where: no number" dmsetup message w 0 where x
	tap_fails "where: nothing" dmsetup message w 0 where
	tap_is "stats: blocks" "$(stat_of w allocated)" 1
	tap_run "checkpoint" dmsetup message w 0 checkpoint
	tap_is "stats: a page is in place" "$(stat_of w pages_in_place)" 1
	collect
	tap_fails "an unknown message" dmsetup message w 0 compact
	collect
	tap_like "is answered by those that are known" "${SAID[nothing]}" \
		"stats, where, commit, checkpoint"
	dmsetup suspend --noudevsync w
	tap_run "commit, while suspended" dmsetup message w 0 commit
	dmsetup resume --noudevsync w
	dm_remove w
	dm_create r "$(table_of "$IMAGE")"
	tap_run "where, read-only" dmsetup message r 0 where 0
	tap_fails "commit, read-only" dmsetup message r 0 commit
	dm_remove r
	store_gone
}

# dirty_copy FILE: an image whose log has to be replayed.
dirty_copy() {
	on_store block 64M --block-size 1M
	rw_create w "$IMAGE"
	printf here | dd of="$DEV" bs=4096 conv=sync,fsync status=none
	dd if="$IMAGE" of="$1" bs=1M iflag=direct conv=sparse status=none
	dm_remove w
	store_gone
}

# A table is live already while the log is replayed on disk, for which a disk that
# takes a second for each write gives us time.
test_early_messages() {
	local what="while the log is replayed" dirty=$SCRATCH/dirty.img loop pid

	dirty_copy "$dirty"
	loop=$(loop_from "$dirty")
	dm_create below "0 $(blockdev --getsz "$loop") delay $loop 0 0 $loop 0 1000"
	dmsetup create --noudevsync --notable d
	VHDX_RW=1 dmsetup reload --noudevsync d \
		--table "0 $(disk_sectors "$dirty") vhdx /dev/mapper/below"
	dmsetup resume --noudevsync d &
	pid=$!
	wait_for 10 sh -c 'dmsetup info d | grep -q "Tables present:.*LIVE"'
	tap_like "$what: the status tells of the log" \
		"$(vhdx_status d flags)" "^rw block dirty_log\$"
	tap_fails "$what: where does not look for anything" \
		dmsetup message d 0 where 0
	tap_like "$what: where says so" "$TAP_OUTPUT" "temporarily unavailable"
	tap_fails "$what: nor are there stats" dmsetup message d 0 stats
	tap_run "$what: it is still" kill -0 "$pid"
	wait "$pid"
	tap_like "$what: after that, where answers" \
		"$(dmsetup message d 0 where 0)" "^data "
	dm_remove d
	is_clean "$what: at the end" /dev/mapper/below
	dm_remove below
	losetup -d "$loop"
	rm "$dirty"
}

# An image of 2 TiB has a BAT of 16 MiB, which is looked at in pieces of 64 KiB;
# here that takes most of a minute. Who suspends the device need not wait for it,
# nor who removes it; a read never does.
test_survey() {
	local what="while the BAT is looked at" big=$SCRATCH/big.img loop

	new_image "$big" 2T --block-size 1M
	loop=$(loop_from "$big")
	dm_create below "0 $(blockdev --getsz "$loop") delay $loop 0 200"
	rw_create w /dev/mapper/below
	tap_run "$what: it can be read" timeout 20 dd if="$DEV" of=/dev/null \
		bs=4k count=1 iflag=direct
	tap_run "$what: it can be suspended" timeout 20 \
		dmsetup suspend --noudevsync w
	tap_is "$what: it can still be written to" "$(vhdx_status w mode)" rw
	tap_run "$what: it can be resumed" timeout 20 \
		dmsetup resume --noudevsync w
	sleep 1
	tap_run "$what: it can be removed" timeout 20 dmsetup remove \
		--noudevsync w
	dmsetup mknodes
	dm_remove below
	is_clean "$what: at the end" "$loop"
	losetup -d "$loop"
	rm "$big"
}

# What is given to the device a second ago is durable without a flush; when
# nothing happens for some time, the BAT is written to its place.
test_clock() {
	on_store file 64M --block-size 1M
	rw_create w "$IMAGE"
	dd if=/dev/zero of="$DEV" bs=4k count=1 oflag=direct status=none
	tap_is "a commit has not been made at once" "$(vhdx_status w commits)" 0
	tap_run "but after a second" wait_for 3 sh -c \
		"dmsetup message w 0 stats | grep -q ' commits=1 '"
	tap_is "nothing is in place" "$(stat_of w pages_in_place)" 0
	tap_run "but after some more" wait_for 9 sh -c \
		"dmsetup message w 0 stats | grep -q ' pages_in_place=1 '"
	dm_remove w
	store_gone
}

queue_of() {
	cat "/sys/dev/block/$(stat -L -c %Hr:%Lr "$1")/queue/$2"
}

test_status() {
	local table

	on_store file 64M
	table="$(table_of "$IMAGE") 3 buffered no_space_timeout 5"
	VHDX_RW=1 dm_create w "$table"
	tap_is "TABLE has the features" "$(dmsetup table w)" "$table"
	tap_is "INFO: flags" "$(vhdx_status w flags)" "rw buffered"
	dm_remove w
	DEV=/dev/mapper/w
	VHDX_RW=1 dm_create w "$(table_of "$IMAGE") 1 read_only"
	tap_is "the feature read_only makes it so" \
		"$(blockdev --getro "$DEV") $(vhdx_status w mode)" "1 ro"
	dm_remove w
	rw_create w "$IMAGE"
	tap_is "the device has a write cache" \
		"$(queue_of "$DEV" write_cache)" "write back"
	tap_is "it takes discards" "$(blkdiscard -o 0 -l 1M "$DEV" 2>&1)" ""
	tap_is "in pieces of 4 KiB" \
		"$(queue_of "$DEV" discard_granularity)" 4096
	dm_remove w
	store_gone
}

LOOPS=3
slow_guest && LOOPS=1
write_setup
test_refused
test_block_shared
test_suspend file
test_suspend block
test_reload file
test_reload block
test_messages
test_early_messages
test_survey
test_clock
test_status
write_done
tap_done
