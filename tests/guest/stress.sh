#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Readers at work while everything around them moves: each I/O engine and depth,
# BAT pages that are evicted all the time, suspend and resume, tables reloaded,
# memory that runs short.  Whatever is read is verified; nothing may fail, and
# nothing may hang.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"

NAME=good/verifiable
DEV=/dev/mapper/stress
verify() { read_verifiable $DEV "$@"; }

# while_verifying DESC COMMAND...: repeats the command until the reads are done.
while_verifying() {
	local desc=$1 rounds=0 status=0

	shift
	verify --rw=randread --bs=4k --ioengine=libaio --iodepth=32 \
		--loops="$LOOPS" >"$SCRATCH/fio.err" 2>&1 &
	while kill -0 "$!" 2>/dev/null; do
		"$@"
		rounds=$((rounds + 1))
	done
	wait "$!" || status=$?
	tap_note "$rounds rounds; fio: $(head -n 5 "$SCRATCH/fio.err")"
	tap_is "$desc" "$status" 0
}

test_engines() {
	local store=$1 engine depth

	for engine in psync libaio io_uring; do
		for depth in 1 8 32; do
			[ $engine != psync ] || [ $depth = 1 ] || continue
			tap_run "$store: $engine, depth $depth" verify \
				--rw=randread --bs=4k --ioengine=$engine \
				--iodepth=$depth --io_size="$IO_SIZE"
		done
	done
	tap_run "$store: several at once, of 4 to 256 KiB" verify --rw=randread \
		--bsrange=4k-256k --ioengine=libaio --iodepth=8 --numjobs=3 \
		--io_size="$IO_SIZE"
	tap_run "$store: sequential" verify --rw=read --bs=1M \
		--ioengine=libaio --iodepth=4
	tap_run "$store: buffered readers" verify --rw=randread --bs=16k \
		--ioengine=psync --direct=0 --io_size="$IO_SIZE"
}

test_churn() {
	# Reclaim takes the pages that were just brought in.
	while_verifying "pages are reclaimed all the time" \
		sh -c 'echo 2 >/proc/sys/vm/drop_caches'
	tap_run "they were" test "$(vhdx_status stress evictions)" -gt 0
	while_verifying "suspend and resume" sh -c '
		dmsetup suspend --noudevsync stress
		dmsetup resume --noudevsync stress'
	# shellcheck disable=SC2016 # for the inner shell to expand
	while_verifying "reload of the same image" sh -c '
		dmsetup reload --noudevsync --readonly stress --table "$1"
		dmsetup resume --noudevsync stress' sh "$(dmsetup table stress)"
	while_verifying "suspend without flush" sh -c '
		dmsetup suspend --noudevsync --noflush stress
		dmsetup resume --noudevsync stress'
}

available() { awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo; }

# A file in memory takes all but little of it.
test_memory() {
	local left=96 take

	echo 3 >/proc/sys/vm/drop_caches
	take=$(($(available) - left))
	mkdir -p /run/hog
	mount -t tmpfs -o size=100% tmpfs /run/hog
	dd if=/dev/zero of=/run/hog/hog bs=1M count="$take" status=none || true
	tap_note "$(available) MiB are left"
	tap_run "memory is short, direct" verify --rw=randread --bs=64k \
		--ioengine=libaio --iodepth=32
	tap_run "memory is short, buffered" verify --rw=read --bs=1M \
		--ioengine=psync --direct=0
	umount /run/hog
}

LOOPS=2 IO_SIZE=48m
slow_guest && LOOPS=1 IO_SIZE=8m
collect
dm_create stress "$(image_table $NAME "$IMAGES" bat_cache 64)"
test_engines "file store"
test_churn
test_memory
dm_remove stress
dm_create stress "$(image_table $NAME "$VHDX_INPUTS/tree" bat_cache 64)"
tap_run "buffered store: reads right" verify --rw=randread --bs=16k \
	--ioengine=libaio --iodepth=32
dm_remove stress
block_images $NAME loop
dm_create stress "$(block_table $NAME bat_cache 64)"
test_engines "block store"
test_churn
dm_remove stress
block_gone
tap_done
