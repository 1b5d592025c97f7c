#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Sectors of 512 bytes in a file whose disk has such of 4096: what is aligned to
# those bypasses the page cache, the rest goes through it, and neither harms the
# other.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

DIR=/run/native
LOOP=
SECTORS=

# In milliseconds, how long the disk keeps a write; another table lets those go that
# it has.
disk_keeps() {
	local table="0 $SECTORS delay $LOOP 0 0 $LOOP 0 $1"

	dmsetup reload --noudevsync native --table "$table"
	dmsetup suspend --noudevsync --nolockfs native
	dmsetup resume --noudevsync native
}

native_setup() {
	truncate -s 512M "$SCRATCH/native.img"
	LOOP=$(loop_from "$SCRATCH/native.img" --sector-size 4096)
	SECTORS=$(blockdev --getsz "$LOOP")
	modprobe -q dm-delay || true
	dm_create native "0 $SECTORS delay $LOOP 0 0 $LOOP 0 0"
	mkfs.ext4 -q /dev/mapper/native
	mkdir -p $DIR
	mount /dev/mapper/native $DIR
	IMAGE=$DIR/image.vhdx
	new_image "$IMAGE" 256M --block-size 1M
	rw_create w "$IMAGE"
}

native_gone() {
	umount $DIR
	dm_remove native
	losetup -d "$LOOP"
	rm "$SCRATCH/native.img"
}

# Bytes of the file in the page cache.
cached() { fincore --bytes --noheadings --output RES "$IMAGE"; }

test_bypassed() {
	local what="pieces of 64 KiB"

	tap_is "the device has sectors of 512 bytes" \
		"$(blockdev --getss "$DEV")" 512
	tap_run "$what: written" dd if=/dev/zero of="$DEV" bs=64k count=256 \
		oflag=direct conv=notrunc
	tap_run "$what: read" dd if="$DEV" of=/dev/null bs=64k count=256 \
		iflag=direct
	tap_run "$what: none of them is in the page cache" \
		test "$(cached)" -lt $((1 << 20))
}

# piece BYTE COUNT: so many sectors of it.
piece() { head -c "$(($2 * 512))" /dev/zero | tr '\0' "$1"; }

# The status of "delay" counts reads, writes and flushes that it holds.
in_flight() {
	local writes

	read -r _ _ _ _ writes _ <<<"$(dmsetup status --noflush native)"
	[ "$writes" -gt 0 ]
}

flush() { dd if=/dev/null of="$DEV" conv=notrunc,fsync status=none; }

# A sector is written while a write of all that is around it is under way: the disk
# has the old bytes still, which must not come back.
test_met() {
	local what="a sector is written beside a page" pid page sector

	piece a 8 >"$SCRATCH/old"
	piece b 8 >"$SCRATCH/page"
	piece c 1 >"$SCRATCH/sector"
	{ piece b 3; piece c 1; piece b 4; } >"$SCRATCH/wanted"
	dd if="$SCRATCH/old" of="$DEV" bs=4k count=1 oflag=direct,dsync \
		conv=notrunc status=none
	dmsetup message w 0 checkpoint
	drop_caches
	disk_keeps 3600000
	in_background dd if="$SCRATCH/page" of="$DEV" bs=4k count=1 \
		oflag=direct conv=notrunc
	page=$pid
	tap_run "$what: which is under way" wait_for 20 in_flight
	in_background dd if="$SCRATCH/sector" of="$DEV" bs=512 seek=3 count=1 \
		oflag=direct conv=notrunc
	sector=$pid
	sleep 3
	tap_run "$what: the sector waits" test ! -e "$SCRATCH/ended.$sector"
	disk_keeps 0
	tap_is "$what: the page is written" "$(ended "$page")" 0
	tap_is "$what: the sector is written" "$(ended "$sector")" 0
	tap_run "$what: both are durable" flush
	tap_like "$what: the device can be written" "$(dmsetup status w)" \
		" vhdx rw "
	drop_caches
	tap_run "$what: and both are there" cmp -n 4096 "$SCRATCH/wanted" "$DEV"
}

# Pages and sectors in any order, many at a time, and often the same ones.
test_mixed() {
	local what="pages and sectors" status=0

	fio --name=mixed --filename="$DEV" --ioengine=libaio --direct=1 \
		--rw=randrw --bssplit=512/40:4k/40:16k/20 --blockalign=512 \
		--iodepth=8 --numjobs=2 --size=1M --offset=32M --io_size=3M \
		--randrepeat=1 --output="$SCRATCH/fio.out" || status=$?
	tap_is "$what: two write and read them" $status 0
	tap_run "$what: they are durable" flush
	tap_run "$what: they read as they were written" model --ops 60 \
		--sector 512 --whole 1048576
	tap_like "$what: the device can be written" "$(dmsetup status w)" \
		" vhdx rw "
}

native_setup
test_bypassed
test_met
test_mixed
dm_remove w
is_clean "unaligned" "$IMAGE"
tap_fails "the file system below complains of nothing" \
	grep -q "Page cache invalidation failure" <(dmesg)
native_gone
tap_done
