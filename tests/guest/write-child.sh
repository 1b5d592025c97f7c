#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Writing into differencing images: the device reads as a model says, so does the
# image when it is opened anew, so does the generator's own reader, and no parent
# changes.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

CHILDREN=(child-runs child-4096 child-states
	child-stale-bits chain-three-blocks chain-three-sizes
	parent-larger)
BLOCKS=(child-4096 child-states chain-three-sizes)
if slow_guest; then
	CHILDREN=(child-4096 child-states chain-three-sizes)
	BLOCKS=(child-states)
fi
OPS=100
DEV=/dev/mapper/child

# Puts the files of an image at the store; sets $files and $sector.
take() {
	local corpus=${1%%/*} file

	sector=$(image_lss "$1")
	files=()
	mkdir -p "$STORE/$corpus"
	while IFS= read -r -d $'\t' file; do
		cp --sparse=always "$IMAGES/$corpus/$file" "$STORE/$corpus/$file"
		files+=("$STORE/$corpus/$file")
	done <<<"$(image_files "$1")"$'\t'
}

gone() {
	rm -r "${STORE:?}/${1%%/*}"
}

sums_of_parents() { sha256sum -- "${files[@]:1}"; }

# What the second reader makes of the files: the hash of the disk.
second_opinion() {
	PYTHONPATH=$GUEST/../gen python3 -B - "$@" <<-'EOF'
		import sys
		import reader
		print(reader.flat_sha256(sys.argv[1:]))
	EOF
}

sane() {
	tap_run "$1: vhdxsetup check finds nothing in the child" \
		"$VHDXSETUP" check --quiet "${files[0]}"
	tap_is "$1: no parent has changed" "$(sums_of_parents)" "$before"
}

# lives DESC TABLE: the device is written, taken away, and looked at anew.
lives() {
	local desc=$1 table=$2 sum

	VHDX_RW=1 dm_create child "$table"
	tap_is "$desc: is writable" "$(blockdev --getro "$DEV")" 0
	tap_run "$desc: reads as the model says" model --ops "$OPS" \
		--whole 2097152 --sector "$sector"
	tap_run "$desc: and after a checkpoint" dmsetup message child 0 \
		checkpoint
	tap_run "$desc: and another round" model --ops "$OPS" --sector "$sector"
	sum=$(sum_of "$DEV")
	dm_remove child
	dm_create child "$table"
	tap_is "$desc: opened anew, it reads the same" "$(sum_of "$DEV")" "$sum"
	dm_remove child
	flat=$sum
}

test_file() {
	local name=good/$1 before

	take "$name"
	before=$(sums_of_parents)
	lives "$1 in a file" "$(image_table "$name" "$STORE")"
	sane "$1 in a file"
	tap_is "$1 in a file: the second reader agrees" \
		"$(second_opinion "${files[@]}")" "$flat"
	gone "$name"
}

# The files that take() left, on block devices; sets $loops and $table.
on_loops() {
	local file

	truncate -s +64M "${files[0]}"
	table="0 $(image_sectors "$1") vhdx"
	for file in "${files[@]}"; do
		loops+=("$(loop_from "$file")")
		table+=" ${loops[-1]}"
	done
}

test_block() {
	local name=good/$1 before loops=() table

	take "$name"
	before=$(sums_of_parents)
	on_loops "$name"
	lives "$1 on block devices" "$table"
	losetup -d "${loops[@]}"
	sane "$1 on block devices"
	gone "$name"
}

# The first write finds no page of the BAT in memory, so that a worker takes it
# apart at the border of two blocks; each part has bits of its own.
test_parts() {
	local name=good/child-empty before loops=() table

	take "$name"
	before=$(sums_of_parents)
	on_loops "$name"
	dd if=/dev/urandom of="$SCRATCH/random" bs=1M count=1 status=none
	VHDX_RW=1 dm_create child "$table"
	dd if="$SCRATCH/random" of="$DEV" bs=1M count=1 seek=1572864 \
		oflag=direct,seek_bytes conv=notrunc,fsync status=none
	tap_is "a write over the border of two blocks: reads back" \
		"$(sum_of_range)" "$(sum_of "$SCRATCH/random")"
	dm_remove child
	dm_create child "$table"
	tap_is "a write over the border of two blocks: and opened anew" \
		"$(sum_of_range)" "$(sum_of "$SCRATCH/random")"
	dm_remove child
	losetup -d "${loops[@]}"
	sane "a write over the border of two blocks"
	gone "$name"
}

sum_of_range() {
	dd if="$DEV" bs=1M count=1 skip=1572864 iflag=direct,skip_bytes \
		status=none | sha256sum | cut -d' ' -f1
}

# Writers that meet in blocks and in pages of a bitmap.
test_fio() {
	local name=good/child-runs before

	take "$name"
	before=$(sums_of_parents)
	VHDX_RW=1 dm_create child "$(image_table "$name" "$STORE" bat_cache 64)"
	tap_run "many writers at once, with few pages in memory" \
		fio --name=f --filename="$DEV" --direct=1 --rw=randwrite \
		--bsrange=512-64k --bs_unaligned=0 --ioengine=libaio --iodepth=32 \
		--numjobs=2 --size=16M --offset_increment=16M --verify=crc32c \
		--io_size=8M --fsync=16 --output=/dev/null
	tap_run "a suspend and a resume" sh -c '
		dmsetup suspend --noudevsync child
		dmsetup resume --noudevsync child'
	tap_run "blocks became partially present" \
		test "$(vhdx_status child allocated)" -gt 0
	dm_remove child
	sane "many writers"
	gone "$name"
}

write_setup 2G
for name in "${CHILDREN[@]}"; do
	test_file "$name"
done
for name in "${BLOCKS[@]}"; do
	test_block "$name"
done
test_parts
test_fio
write_done
tap_done
