#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Readers at work while everything around them moves: each I/O engine and depth,
# BAT pages that are evicted all the time, suspend and resume, tables reloaded,
# memory that runs short, faults of the device below and of the kernel's
# allocator.  Whatever is read is verified; nothing may fail but what was made
# to, and nothing may hang.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"

NAME=good/verifiable
DEV=/dev/mapper/stress
# A hang is a failure, not a test that never ends.
LIMIT=120

# What fio wrote says of each 4 KiB whether it is right.  Unless it is told that
# this is fatal, fio merely mentions what is wrong.
verify() {
	timeout -k 5 "$LIMIT" fio --name=verify --filename=$DEV --direct=1 \
		--verify=crc32c --verify_interval=4k --verify_fatal=1 \
		--verify_state_save=0 --randrepeat=0 "$@" \
		--output="$SCRATCH/fio.out"
}

# while_verifying DESC COMMAND...: repeats the command until the reads are done.
while_verifying() {
	local desc=$1 rounds=0

	shift
	verify --rw=randread --bs=4k --ioengine=libaio --iodepth=32 \
		--loops="$LOOPS" >"$SCRATCH/fio.err" 2>&1 &
	while kill -0 "$!" 2>/dev/null; do
		"$@"
		rounds=$((rounds + 1))
	done
	if wait "$!"; then
		tap_ok "$desc ($rounds times)"
	else
		tap_not_ok "$desc ($rounds times)" \
			"$(head -n 5 "$SCRATCH/fio.err")"
	fi
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
		dmsetup reload --noudevsync stress --table "$1"
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

# The device below the images turns bad, and good again.
below_is() {
	dmsetup reload --noudevsync below --table "0 $1 $2"
	dmsetup suspend --noudevsync below
	dmsetup resume --noudevsync below
}

fault_round() {
	local what=$1 sectors=$2 good=$3

	tap_run "$what: reads right" verify --rw=randread --bs=64k \
		--ioengine=libaio --iodepth=16
	below_is "$sectors" error
	tap_fails "$what: data below cannot be read" timeout "$LIMIT" \
		dd if=$DEV of=/dev/null bs=64k count=64 iflag=direct
	tap_like "$what: which is an I/O error" "$TAP_OUTPUT" \
		'Input/output error'
	echo 3 >/proc/sys/vm/drop_caches
	tap_fails "$what: nor can metadata" timeout "$LIMIT" \
		dd if=$DEV of=/dev/null bs=64k count=64 iflag=direct
	tap_like "$what: which is an I/O error too" "$TAP_OUTPUT" \
		'Input/output error'
	tap_run "$what: the device can be suspended nevertheless" \
		timeout "$LIMIT" dmsetup suspend --noudevsync stress
	dmsetup resume --noudevsync stress
	below_is "$sectors" "$good"
	tap_run "$what: all is well again" verify --rw=randread --bs=64k \
		--ioengine=libaio --iodepth=16
}

test_faults_block() {
	local sectors loop

	block_images $NAME loop
	loop=${BLOCK[2]}
	sectors=$(blockdev --getsz "$loop")
	dm_create below "0 $sectors linear $loop 0"
	BLOCK[2]=/dev/mapper/below
	dm_create stress "$(block_table $NAME)"
	fault_round "block store" "$sectors" "linear $loop 0"
	dm_remove stress
	dm_remove below
	BLOCK[2]=$loop
	block_gone
}

test_faults_file() {
	local loop sectors dir=/run/faulty file

	truncate -s 512M "$SCRATCH/faulty.img"
	mkfs.ext4 -q "$SCRATCH/faulty.img"
	loop=$(loop_from "$SCRATCH/faulty.img")
	mkdir -p $dir
	mount "$loop" $dir
	mkdir $dir/good
	while IFS= read -r file; do
		cp --sparse=always "$IMAGES/good/$file" $dir/good/
	done < <(image_files $NAME | tr '\t' '\n')
	umount $dir
	sectors=$(blockdev --getsz "$loop")
	dm_create below "0 $sectors linear $loop 0"
	mount -o ro,noload /dev/mapper/below $dir
	dm_create stress "$(image_table $NAME $dir)"
	fault_round "file store" "$sectors" "linear $loop 0"
	dm_remove stress
	umount $dir
	dm_remove below
	losetup -d "$loop"
	rm "$SCRATCH/faulty.img"
}

# Single sectors that are bad, where the kernel has a target for that.
test_dust() {
	local sectors loop bad

	if ! modprobe -q dm-dust && ! dmsetup targets | grep -q ^dust; then
		tap_skip "single bad sectors" "the kernel has no dm-dust"
		return
	fi
	block_images good/fixed loop
	loop=${BLOCK[0]}
	sectors=$(blockdev --getsz "$loop")
	dm_create below "0 $sectors dust $loop 0 512"
	BLOCK[0]=/dev/mapper/below
	dm_create stress "$(block_table good/fixed)"
	bad=$(first_data_sector good/fixed)
	dmsetup message below 0 addbadblock "$bad"
	dmsetup message below 0 enable
	tap_fails "a bad sector is an error" dd if=$DEV of=/dev/null bs=512 \
		count=1 iflag=direct
	tap_run "the one behind it is not" dd if=$DEV of=/dev/null bs=512 \
		skip=1 count=1 iflag=direct
	dmsetup message below 0 disable
	readback whole <<<"$DEV"$'\tgood/fixed\tand when it has healed, neither'
	dm_remove stress
	dm_remove below
	BLOCK[0]=$loop
	block_gone
}

# Where the disk's first sector lies, by looking for it.
first_data_sector() {
	python3 - "$VHDX_INPUTS/flat/$1" "$IMAGES/good/fixed.vhdx" <<-'EOF'
	import sys
	with open(sys.argv[1], "rb") as flat, open(sys.argv[2], "rb") as image:
	    want, at = flat.read(512), 1 << 20
	    while True:
	        image.seek(at)
	        if image.read(512) == want:
	            break
	        at += 1 << 20
	    print(at // 512)
	EOF
}

# Each allocation that loading a table makes fails once, as far as they go.
test_allocations() {
	local n table fails=0

	if [ ! -e /proc/self/fail-nth ]; then
		tap_skip "allocations that fail" "the kernel cannot inject faults"
		return
	fi
	echo N >/sys/kernel/debug/failslab/ignore-gfp-wait
	echo 0 >/sys/kernel/debug/failslab/verbose
	table=$(image_table good/chain-three)
	for ((n = 1; n <= 400; n += 1)); do
		if bash -c 'echo "$1" >/proc/self/fail-nth
			exec dmsetup create --noudevsync stress --table "$2"' \
			bash "$n" "$table" >/dev/null 2>&1; then
			dmsetup remove --noudevsync stress
		else
			fails=$((fails + 1))
			dmsetup remove --noudevsync stress 2>/dev/null || true
		fi
	done
	tap_note "$fails of $((n - 1)) attempts failed"
	tap_run "some failed" test "$fails" -gt 20
	dm_create stress "$table"
	readback whole <<<"$DEV"$'\tgood/chain-three\tand when they do not fail, all is well'
	dm_remove stress
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
test_faults_block
test_faults_file
test_dust
test_allocations
tap_done
