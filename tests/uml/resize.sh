#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vhdxsetup resize of a device in use: it grows again and again while it is
# written, in place and with a BAT that moves, reads as a model says, and what
# fails leaves it as it was.

set -euo pipefail
# shellcheck source=tests/uml/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

DEV=$dev
MODEL=$SCRATCH/model
M=$((1 << 20))
G=$((1 << 30))
ROUNDS=8
slow_guest && ROUNDS=4

image=$STORE/image.vhdx

# opened SIZE [OPTION...]: v0, of a new image; options of "create".
opened() {
	new_image "$image" "$@"
	"$VHDXSETUP" open --quiet "$image" v0 >/dev/null
}

closed() {
	exits "$1: close" 0 close v0
	is_clean "$1" "$image"
	rm -f "$STORE"/*.vhdx
}

bytes_of() { blockdev --getsize64 "$dev"; }

# grows DESC SIZE BYTES [OPTION...]
grows() {
	local desc=$1 size=$2 bytes=$3

	shift 3
	exits "$desc" 0 resize "$@" v0 "$size"
	tap_note "$(grep "held back" <<<"$TAP_OUTPUT" || true)"
	tap_is "$desc: the device has the new size" "$(bytes_of)" "$bytes"
	tap_is "$desc: it goes on" \
		"$(dmsetup info -c --noheadings -o suspended,tables_loaded v0)" \
		Active:Live
}

# ends_in_zeros DESC FROM: the disk from a byte on, and its last MiB.
ends_in_zeros() {
	tap_run "$1: what is new reads as zeros" \
		cmp -n $((4 * M)) -i "$2:0" "$dev" /dev/zero
	tap_run "$1: to the end" \
		cmp -n $M -i $(($(bytes_of) - M)):0 "$dev" /dev/zero
}

# offline DESC: closed, the image is in order, and the disk what it was.
offline() {
	local desc=$1 size

	size=$(bytes_of)
	exits "$desc: close" 0 close v0
	is_clean "$desc" "$image"
	exits "$desc: open" 0 open --quiet "$image" v0
	tap_is "$desc: has its size" "$(bytes_of)" "$size"
}

test_sizes() {
	opened $((40 * M + 512)) --block-size 1M
	tap_run "it is written" model --ops 100 --save "$MODEL"
	grows "by a sector" +512 $((40 * M + 1024))
	tap_run "  reads as the model says" model --check "$MODEL"
	grows "within the BAT region" 1G $G
	tap_run "  reads as the model says" model --check "$MODEL"
	ends_in_zeros "within the BAT region" $((41 * M))
	tap_is "  the table has no feature left" \
		"$(dmsetup table v0)" "0 $((G / 512)) vhdx $image"
	grows "with a BAT that moves" 300G $((300 * G))
	says "  says so" "in which the BAT has moved"
	tap_run "  reads as the model says" model --check "$MODEL"
	ends_in_zeros "with a BAT that moves" $G
	tap_run "  is written at its end" dd if=/dev/urandom of="$dev" bs=1M \
		seek=$((300 * 1024 - 2)) count=2 oflag=direct status=none
	dmsetup suspend --noudevsync v0
	dmsetup resume --noudevsync v0
	tap_is "  is suspended and resumed" "$(bytes_of)" $((300 * G))
	offline "300 GiB"
	tap_run "  reads as the model says" model --check "$MODEL"
	tap_fails "  and has its end" \
		cmp -n $M -i $((300 * G - M)):0 "$dev" /dev/zero
	grows "to the end" 64T $((65536 * G))
	tap_run "  reads as the model says" model --check "$MODEL"
	closed "64 TiB"
}

# By the path of the image, and what is told as JSON.
test_documents() {
	opened 64M
	documents "as JSON" 0 resize --json v0 128M
	tap_is "  has the device" "$(field '["device"]' <<<"$TAP_OUTPUT")" v0
	tap_is "  and its image" "$(field '["image"]' <<<"$TAP_OUTPUT")" \
		"$image"
	exits "by the image" 0 resize "$image" +64M
	tap_is "  it has grown" "$(bytes_of)" $((192 * M))
	exits "by its node" 0 resize "$dev" 192M
	says "  it has that size" "has that size already"
	closed "documents"
}

# A model that is compared all the while, through every kind of growth.
test_load() {
	local i size=256

	opened 256M
	in_background model --ops 1500 --save "$MODEL"
	for ((i = 0; i < ROUNDS; i++)); do
		sleep 0.3
		size=$((size + (i % 3 == 2 ? 400000 : 100)))
		grows "under load, $i" "${size}M" $((size * M))
	done
	wait "$pid"
	tap_is "under load: what is read is what the model says" \
		"$(cat "$SCRATCH/ended.$pid")" 0
	offline "under load"
	tap_run "  and so it is when it is opened anew" model --check "$MODEL"
	closed "under load"
}

test_fio() {
	local i size=512

	opened 512M
	in_background fio --name=f --filename="$dev" --direct=1 --rw=randwrite \
		--bs=4k --ioengine=libaio --iodepth=32 --size=256M --io_size=64M \
		--verify=crc32c --verify_fatal=1 --output=/dev/null
	for ((i = 0; i < ROUNDS; i++)); do
		sleep 0.2
		size=$((size + (i % 3 == 1 ? 500000 : 50)))
		grows "fio at depth 32, $i" "${size}M" $((size * M))
	done
	wait "$pid"
	tap_is "fio at depth 32: what it wrote is there" \
		"$(cat "$SCRATCH/ended.$pid")" 0
	closed "fio"
}

# A file system on the device, and one on a partition, which kpartx has mapped.
test_mounted() {
	local mnt=$SCRATCH/mnt sum part

	mkdir -p "$mnt"
	opened 64M
	mkfs.ext4 -q "$dev"
	mount "$dev" "$mnt"
	dd if=/dev/urandom of="$mnt/one" bs=1M count=20 status=none
	sum=$(sum_of "$mnt/one")
	grows "mounted" 256M $((256 * M))
	tap_run "mounted: the file system grows" resize2fs "$dev"
	tap_run "mounted: and takes more" dd if=/dev/urandom of="$mnt/two" \
		bs=1M count=100 status=none
	umount "$mnt"
	tap_run "mounted: e2fsck" e2fsck -fn "$dev"
	mount "$dev" "$mnt"
	tap_is "mounted: the file is there" "$(sum_of "$mnt/one")" "$sum"
	umount "$mnt"
	closed "mounted"

	new_image "$image" 64M
	"$VHDXSETUP" open --quiet "$image" v0 >/dev/null
	printf 'label: gpt\n,,L\n' | sfdisk --quiet "$dev"
	exits "a partition: close" 0 close v0
	exits "a partition: open" 0 open --quiet --partitions "$image" v0
	part=${dev}p1
	mkfs.ext4 -q "$part"
	mount "$part" "$mnt"
	dd if=/dev/urandom of="$mnt/one" bs=1M count=20 status=none
	sum=$(sum_of "$mnt/one")
	grows "a partition" +64M $((128 * M))
	says "a partition: says what to do" "sfdisk --relocate gpt-bak-std"
	tap_run "a partition: the backup of the GPT moves" \
		sfdisk --quiet --relocate gpt-bak-std "$dev"
	tap_run "a partition: it is still mounted" \
		dd if=/dev/urandom of="$mnt/two" bs=1M count=4 status=none
	umount "$mnt"
	exits "a partition: close" 0 close v0
	exits "a partition: open" 0 open --quiet --partitions "$image" v0
	tap_run "a partition: sfdisk finds nothing" sfdisk --verify --quiet "$dev"
	tap_run "a partition: e2fsck" e2fsck -fn "$part"
	mount "$part" "$mnt"
	tap_is "a partition: the file is there" "$(sum_of "$mnt/one")" "$sum"
	umount "$mnt"
	closed "a partition"
}

test_fixed() {
	opened 40M --fixed --block-size 1M
	tap_run "a fixed disk is written" model --ops 100 --save "$MODEL"
	grows "a fixed disk" 60M $((60 * M))
	tap_run "  reads as the model says" model --check "$MODEL"
	ends_in_zeros "a fixed disk" $((40 * M))
	exits "  close" 0 close v0
	tap_is "  all blocks have space" \
		"$("$VHDXSETUP" info --all --json "$image" |
			field '["blocks"]["fully_present"]')" 60
	exits "  open" 0 open --quiet "$image" v0
	closed "a fixed disk"
}

test_chain() {
	local child=$STORE/child.vhdx sum

	opened 64M
	tap_run "a base is written" model --ops 100 --save "$MODEL"
	exits "a base: close" 0 close v0
	sum=$(sum_of "$image")
	"$VHDXSETUP" create --quiet --parent "$image" "$child"
	exits "a child: open" 0 open --quiet "$child" v0
	grows "a child" 200M $((200 * M))
	tap_run "  reads as the model says" model --check "$MODEL"
	ends_in_zeros "a child" $((64 * M))
	grows "a child whose BAT moves" 9T $((9216 * G))
	tap_run "  reads as the model says" model --check "$MODEL"
	tap_run "  is written behind its parent's end" dd if=/dev/urandom \
		of="$dev" bs=1M seek=100 count=8 oflag=direct status=none
	tap_run "  and within" model --ops 100 --bytes $((64 * M)) \
		--save "$MODEL"
	grows "a child once more" +1G $((9217 * G))
	exits "  close" 0 close v0
	exits "  the chain is in order" 0 check --quiet --chain "$child"
	tap_is "  the parent has not changed" "$(sum_of "$image")" "$sum"
	exits "  open" 0 open --quiet "$child" v0
	tap_run "  reads as the model says" model --check "$MODEL"
	exits "a snapshot" 0 snapshot v0 "$STORE/next.vhdx"
	grows "  grows" +1G $((9218 * G))
	exits "  close" 0 close v0
	exits "  its chain is in order" 0 check --quiet --chain \
		"$STORE/next.vhdx"
	exits "a parent with children: open" 0 open --quiet "$image" v0
	exits "  is not resized" 7 resize v0 +1M
	says "  for its children" "child.vhdx: is a child of"
	exits "  but with --force" 0 resize --force v0 +1M
	closed "a chain"
}

# A block device that gets longer below: new blocks of a fixed disk lie there.
test_block() {
	local loop

	truncate -s 80M "$SCRATCH/block"
	loop=$(loop_from "$SCRATCH/block")
	"$VHDXSETUP" create --quiet --force --fixed --block-size 1M --size 40M \
		"$loop"
	exits "a block device: open" 0 open --quiet "$loop" v0
	tap_run "  is written" model --ops 100 --save "$MODEL"
	exits "  has no room for more blocks" 13 resize v0 200M
	tap_is "  so it stays as it was" "$(bytes_of)" $((40 * M))
	tap_run "  and goes on" model --ops 20 --save "$MODEL"
	head -c $((220 * M)) /dev/urandom >>"$SCRATCH/block"
	losetup -c "$loop"
	grows "a block device that has grown" 200M $((200 * M))
	tap_run "  reads as the model says" model --check "$MODEL"
	ends_in_zeros "a block device that has grown" $((40 * M))
	exits "  close" 0 close v0
	exits "  is in order" 0 check --quiet "$loop"
	losetup -d "$loop"
	rm "$SCRATCH/block"
}

# --- What is refused.
# unchanged DESC
unchanged() {
	tap_is "$1: the device has its old size" "$(bytes_of)" $((64 * M))
	tap_is "$1: and is not suspended, nor is another table loaded" \
		"$(dmsetup info -c --noheadings -o suspended,tables_loaded v0)" \
		Active:Live
	tap_run "$1: it is written" model --ops 20
}

# fails DESC CODE SENTENCE ARG...
fails() {
	local desc=$1 code=$2 sentence=$3

	shift 3
	exits "$desc" "$code" resize "$@"
	says "$desc: says why" "$sentence"
}

test_refused() {
	local mnt=$SCRATCH/mnt

	opened 64M
	tap_run "it is written" model --ops 20
	fails "beyond 64 TiB" 1 "64 TiB at the most" v0 65T
	fails "less" 1 "smaller" v0 1M
	fails "a part of a sector" 1 "multiple of the logical sector" v0 +100
	fails "no size" 1 "3x: not a size" v0 3x
	fails "a device that is not there" 6 "No such file" v7 1G
	fails "to shrink it" 7 "close it first" --shrink v0 32M
	unchanged "so far"
	dmsetup suspend --noudevsync v0
	fails "a suspended device" 7 "is suspended" v0 1G
	dmsetup resume --noudevsync v0
	VHDX_RW=1 dmsetup reload v0 --table "$(dmsetup table v0)"
	fails "a device with a table that waits" 7 "not live" v0 1G
	dmsetup clear v0
	tap_fails "the kernel: a longer table without the feature" \
		env dmsetup reload v0 --table "0 $((G / 512)) vhdx $image"
	tap_fails "the kernel: a table beyond 64 TiB" dmsetup reload v0 \
		--table "0 $((1 << 40)) vhdx $image 1 grow"
	tap_fails "the kernel: a read-only table" dmsetup reload v0 --readonly \
		--table "0 $((G / 512)) vhdx $image 1 grow"
	VHDX_RW=1 dmsetup reload v0 \
		--table "0 $((G / 512)) vhdx $image 1 grow"
	dmsetup clear v0
	unchanged "the kernel: dropped before it is live"
	closed "refused"

	new_image "$image" 64M
	exits "read-only: open" 0 open --quiet --readonly "$image" v0
	fails "read-only" 5 "is read-only" v0 1G
	closed "read-only"

	mkdir -p "$mnt"
	mount -t tmpfs -o size=24M tmpfs "$mnt"
	new_image "$mnt/image.vhdx" 64M --block-size 1M
	exits "a full disk: open" 0 open --quiet "$mnt/image.vhdx" v0
	dd if=/dev/urandom of="$dev" bs=1M count=4 oflag=direct status=none
	cat /dev/zero >"$mnt/full" 2>/dev/null || true
	fails "a full disk" 13 "no room|No space" v0 64T
	tap_is "a full disk: the device has its old size" "$(bytes_of)" \
		$((64 * M))
	tap_run "a full disk: it goes on" dd if=/dev/urandom of="$dev" bs=1M \
		count=4 oflag=direct status=none
	rm "$mnt/full"
	mount -o remount,size=64M "$mnt"
	grows "a disk with room" 2T $((2048 * G))
	exits "  close" 0 close v0
	is_clean "a disk with room" "$mnt/image.vhdx"
	umount "$mnt"
}

slowly=(strace -f -qqq -o /dev/null -e trace=ioctl -e)
by_1_s=inject=ioctl:delay_enter=1000000

has_waiting_table() {
	[ "$(dmsetup info -c --noheadings -o tables_loaded v0)" != Live ]
}

when_loaded() {
	wait_for "$PATIENCE" has_waiting_table
	"$@"
}

test_between() {
	local status

	if ! strace -qqq -o /dev/null true 2>/dev/null; then
		tap_skip "what comes in between" "no strace here"
		return
	fi
	opened 64M
	tap_run "it is written" model --ops 20
	"${slowly[@]}" "$by_1_s" "$VHDXSETUP" resize v0 1G >"$SCRATCH/out" 2>&1 &
	pid=$!
	when_loaded fails "two at a time" 7 \
		"another snapshot, merge or resize of it is under way" v0 2G
	pkill -TERM -P "$pid"
	wait "$pid" && status=0 || status=$?
	tap_is "a signal: ends it" "$status" 130
	tap_like "a signal: says so" "$(<"$SCRATCH/out")" "interrupted"
	unchanged "a signal"
	"${slowly[@]}" "$by_1_s" "$VHDXSETUP" resize v0 1G >/dev/null 2>&1 &
	pid=$!
	when_loaded pkill -KILL -P "$pid"
	wait "$pid" || true
	tap_run "killed: the device is written" model --ops 20
	fails "killed: what is left stands in the way" 7 "not live" v0 1G
	dmsetup clear v0
	unchanged "killed, and cleared"
	grows "killed: once more" 1G $G
	closed "killed"
}

write_setup 2G
test_sizes
test_documents
test_load
test_fio
test_mounted
test_fixed
test_chain
test_block
test_refused
test_between
gone "nothing is left"
write_done
tap_done
