#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What is below or beside the images fails: the device as a whole, for a while
# or every other second, single sectors, and the kernel's allocator.  An error
# is reported as one, right data is right, nothing hangs, and when the fault has
# gone all is well again.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/lib-inject.sh
. "$GUEST/lib-inject.sh"

NAME=good/verifiable
DEV=/dev/mapper/stress
IO_SIZE=8m

verify() { read_verifiable $DEV "$@"; }

# The device below the images turns bad, and good again.
below_is() {
	dmsetup reload --noudevsync below --table "0 $1 $2"
	dmsetup suspend --noudevsync below
	dmsetup resume --noudevsync below
}

fault_round() {
	local what=$1 sectors=$2 good=$3 loaded

	tap_run "$what: reads right" verify --rw=randread --bs=64k \
		--ioengine=libaio --iodepth=16
	below_is "$sectors" error
	tap_fails "$what: data below cannot be read" timeout "$READ_LIMIT" \
		dd if=$DEV of=/dev/null bs=64k count=64 iflag=direct
	tap_like "$what: which is an I/O error" "$TAP_OUTPUT" \
		'Input/output error'
	drop_caches
	loaded=$(vhdx_status stress deferred)
	tap_fails "$what: nor can metadata" timeout "$READ_LIMIT" \
		dd if=$DEV of=/dev/null bs=64k count=64 iflag=direct
	tap_like "$what: which is an I/O error too" "$TAP_OUTPUT" \
		'Input/output error'
	tap_run "$what: it was metadata" \
		test "$(vhdx_status stress deferred)" -gt "$loaded"
	tap_run "$what: the device can be suspended nevertheless" \
		timeout "$READ_LIMIT" dmsetup suspend --noudevsync stress
	dmsetup resume --noudevsync stress
	below_is "$sectors" "$good"
	tap_run "$what: all is well again" verify --rw=randread --bs=64k \
		--ioengine=libaio --iodepth=16
}

# flaky_round WHAT DEVICE SECTORS: of two seconds, one is good, if the kernel has
# a target for that.
flaky_round() {
	local what=$1 device=$2 sectors=$3

	if ! modprobe -q dm-flakey && ! dmsetup targets | grep -q ^flakey; then
		tap_skip "$what: every other second" "the kernel has no dm-flakey"
		return
	fi
	below_is "$sectors" "flakey $device 0 1 1"
	readback flaky <<<"$DEV"$'\t'"$NAME"$'\t'"$what: every other second"
	below_is "$sectors" "linear $device 0"
	readback ranges <<<"$DEV"$'\t'"$NAME"$'\t'"$what: and every second again"
}

test_faults_block() {
	local sectors loop

	block_images $NAME loop
	loop=${BLOCK[2]}
	sectors=$(blockdev --getsz "$loop")
	dm_create below "0 $sectors linear $loop 0"
	BLOCK[2]=/dev/mapper/below
	dm_create stress "$(block_table $NAME bat_cache 64)"
	fault_round "block store" "$sectors" "linear $loop 0"
	flaky_round "block store" "$loop" "$sectors"
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
	dm_create stress "$(image_table $NAME $dir bat_cache 64)"
	fault_round "file store" "$sectors" "linear $loop 0"
	flaky_round "file store" "$loop" "$sectors"
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

# Each allocation that the module asks for while a table is loaded fails once,
# until none is left to fail.  SLUB forgets the name of a cache that it fails to
# show in sysfs: that would be a leak, but not the module's.
test_allocations() {
	local n table fails=0 fine=0 reading='good/chain-three'

	if ! only_ours failslab sysfs_slab_add ||
		! only_ours fail_page_alloc sysfs_slab_add; then
		tap_skip "allocations that fail" \
			"the kernel cannot choose what fails"
		return
	fi
	table=$(image_table $reading)
	for ((n = 1; n <= 500 && fine < 10; n += 1)); do
		# shellcheck disable=SC2016 # for the inner shell to expand
		if bash -c 'echo "$1" >/proc/self/fail-nth
			exec dmsetup create --noudevsync --readonly stress \
				--table "$2"' \
			bash "$n" "$table" >/dev/null 2>&1; then
			dmsetup remove --noudevsync stress
			fine=$((fine + 1))
		else
			fails=$((fails + 1))
			fine=0
			dmsetup remove --noudevsync stress 2>/dev/null || true
		fi
	done
	tap_note "$fails of $((n - 1)) attempts failed"
	tap_run "allocations fail, one after the other" test "$fails" -gt 40
	tap_is "until none is left" "$fine" 10
	dm_create stress "$table"
	readback whole <<<"$DEV"$'\t'"$reading"$'\tand when they do not fail, all is well'
	dm_remove stress
}

# Pages of metadata have to be brought in again and again.
reclaim_always() {
	while [ ! -e "$SCRATCH/enough" ]; do
		echo 2 >/proc/sys/vm/drop_caches
		sleep 0.1
	done
}

# read_while_failing DESC KIND NOT: a test: reads are right meanwhile, and some
# allocations fail, but none through functions called like NOT.
read_while_failing() {
	local desc=$1 kind=$2 left limit=100000

	if ! only_ours "$kind" "$3"; then
		tap_skip "$desc" "the kernel cannot choose what fails"
		return
	fi
	fail_some "$kind" $limit
	tap_run "$desc" verify --rw=randread --bsrange=4k-64k \
		--ioengine=libaio --iodepth=8 --io_size="$IO_SIZE"
	left=$(fail_no_more "$kind")
	tap_note "$((limit - left)) allocations failed"
	tap_run "$desc: which some did" test "$left" -lt $((limit - 20))
}

# Who reads gets right data; that memory had to be waited for is our business.
# Where ext4 cannot allocate what it needs to look up where a page lies, it leaves
# the page as it is, and filemap_read_folio() makes EIO of that: buffered reads,
# and all once such things are reclaimed, have to do without failures in ext4,
# whose code lies between these two functions.
test_read_allocations() {
	local store=$1 kind

	for kind in failslab fail_page_alloc; do
		[ "$store" != direct ] || read_while_failing \
			"$store: $kind while reading" "$kind" sysfs_slab_add
	done
	rm -f "$SCRATCH/enough"
	reclaim_always &
	read_while_failing "$store: failslab while pages are reclaimed" \
		failslab 'ext4_get_group_number|ext4_mpage_readpages'
	: >"$SCRATCH/enough"
	wait "$!"
}

test_reading() {
	dm_create stress "$(image_table $NAME "$IMAGES" bat_cache 64)"
	test_read_allocations direct
	dm_remove stress
	dm_create stress "$(image_table $NAME "$IMAGES" buffered bat_cache 64)"
	test_read_allocations buffered
	dm_remove stress
	block_images $NAME loop
	dm_create stress "$(block_table $NAME bat_cache 64)"
	test_read_allocations block
	dm_remove stress
	block_gone
}

collect
test_faults_block
test_faults_file
test_dust
test_allocations
test_reading
tap_done
