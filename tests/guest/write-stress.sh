#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Writers at work on the same blocks while everything around them moves: writes,
# discards and zeroes, new blocks and freed ones, flushes, pages of the BAT that
# come and go, suspend and resume, tables reloaded, messages.  Whatever is read
# is compared; nothing may fail, and nothing may hang.  In the end the image is
# closed, checked, and read once more.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

# The disk is large, so that the few blocks in use have the BAT's pages to
# themselves; the store has no room for all of it.
SIZE=8G
RACE_BLOCKS=24
JOBS=3
# Long enough for space to be freed and used again.
READ_MS=400

race() { "$GUEST/write/race.py" "$DEV" --blocks $RACE_BLOCKS "$@"; }

# Jobs that share each 16 KiB, far from what race.py has.
fio_jobs() {
	fio --name=jobs --filename="$DEV" --offset=7G --offset_increment=4k \
		--size=24M --bs=4k --blockalign=16k --rw=randwrite \
		--numjobs=$JOBS --direct=1 --ioengine=libaio --iodepth=16 \
		--fsync=64 --verify=crc32c --verify_fatal=1 \
		--verify_backlog=128 --serialize_overlap=1 \
		--verify_state_save=0 --randrepeat=0 --time_based \
		--runtime="$SECONDS_EACH" --output="$SCRATCH/fio.out"
}

# ended DESC STATUS FILE: a test; if it failed, the file says why.
ended() {
	if [ "$2" = 0 ]; then
		tap_ok "$1"
	else
		tap_not_ok "$1" "$(tail -n 20 "$3")"
	fi
}

# while_racing DESC COMMAND...: repeats the command until all writers are done.
while_racing() {
	local desc=$1 rounds=0 bad="" fio=0 race=0 fio_pid race_pid

	shift
	fio_jobs >"$SCRATCH/fio.err" 2>&1 &
	fio_pid=$!
	race --seconds "$SECONDS_EACH" --state "$SCRATCH/held" \
		>"$SCRATCH/race.out" 2>&1 &
	race_pid=$!
	while kill -0 "$fio_pid" 2>/dev/null || kill -0 "$race_pid" 2>/dev/null
	do
		"$@" >"$SCRATCH/command.out" 2>&1 ||
			bad=$(<"$SCRATCH/command.out")
		rounds=$((rounds + 1))
	done
	wait "$fio_pid" || fio=$?
	wait "$race_pid" || race=$?
	tap_is "$desc: the command ($rounds times)" "$bad" ""
	ended "$desc: fio's jobs" "$fio" "$SCRATCH/fio.err"
	ended "$desc: the workers" "$race" "$SCRATCH/race.out"
	tap_note "$(awk '/ operations$/ { sum += $3 }
		END { print sum + 0 " operations" }' "$SCRATCH/race.out")"
}

# Those that suspend leave room for work between them.
suspend_resume() {
	dmsetup suspend --noudevsync "$@" w && dmsetup resume --noudevsync w &&
		sleep "0.$((RANDOM % 3))"
}

reload() {
	VHDX_RW=1 dmsetup reload --noudevsync w --table "$TABLE" &&
		dmsetup resume --noudevsync w && sleep "0.$((RANDOM % 3))"
}

messages() {
	dmsetup message w 0 commit && dmsetup message w 0 stats &&
		dmsetup message w 0 where $((RANDOM * 8)) &&
		dmsetup status w && dmsetup message w 0 checkpoint
}

reclaim() { echo 2 >/proc/sys/vm/drop_caches; }

# on_store_thin file|block [SIZE]: of the block device.
on_store_thin() {
	if [ "$1" = file ]; then
		IMAGE=$STORE/image.vhdx
		rm -f "$IMAGE"
	else
		truncate -s "${2:-400M}" "$SCRATCH/block.img"
		IMAGE=$(loop_from "$SCRATCH/block.img")
	fi
	new_image "$IMAGE" "$SIZE" --block-size 1M --force
}

blocks_were_freed() {
	tap_note "$(dmsetup status w)"
	tap_note "$(dmsetup message w 0 stats)"
	tap_run "$1: blocks were freed" test "$(vhdx_status w freed)" -gt 20
}

# What is left when the writers are done.
outcome() {
	local what=$1

	tap_run "$what: what the pages hold stays" race --check "$SCRATCH/held"
	dm_remove w
	is_clean "$what" "$IMAGE"
	dm_create w "0 $(disk_sectors "$IMAGE") vhdx $IMAGE"
	tap_run "$what: also when it is opened anew" race --check \
		"$SCRATCH/held"
	dm_remove w
	rm -f "$SCRATCH"/held.*
}

stress() {
	local what="$1 store"

	on_store_thin "$1"
	rw_create w "$IMAGE" bat_cache 64
	TABLE=$(dmsetup table w)
	while_racing "$what, left alone" sleep 0.5
	while_racing "$what, suspend and resume" suspend_resume
	while_racing "$what, suspend without flush" suspend_resume --noflush
	while_racing "$what, reload" reload
	while_racing "$what, messages" messages
	while_racing "$what, reclaim" reclaim
	blocks_were_freed "$what"
	outcome "$what"
	store_gone
}

# Reads that take so long that what they read is freed and used again, if it is
# not kept for them; there is little of it.
slow_reads() {
	local loop

	on_store_thin block $((RACE_BLOCKS + 32))M
	loop=$IMAGE
	modprobe -q dm-delay || true
	dm_create slow "0 $(blockdev --getsz "$loop") delay $loop 0 $READ_MS \
		$loop 0 0"
	IMAGE=/dev/mapper/slow
	rw_create w "$IMAGE"
	tap_run "slow reads: the workers" race --seconds $((SECONDS_EACH * 2)) \
		--workers 8 --state "$SCRATCH/held"
	blocks_were_freed "slow reads"
	dm_remove w
	dm_remove slow
	IMAGE=$loop
	dm_create w "0 $(disk_sectors "$IMAGE") vhdx $IMAGE"
	outcome "slow reads"
	store_gone
}

SECONDS_EACH=5
slow_guest && SECONDS_EACH=12
write_setup 600M
stress file
stress block
slow_reads
write_done
tap_done
