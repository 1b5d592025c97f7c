#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vhdxsetup compact NAME: blocks of a device in use move down into holes, while it
# is written, discarded and read, and the file gets short. What is stopped goes on
# later; what cannot be done leaves the device as it is.

set -euo pipefail
# shellcheck source=tests/uml/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

DEV=$dev
MODEL=$SCRATCH/model
M=$((1 << 20))
ROUNDS=4
OPS=1200
if slow_guest; then
	ROUNDS=2
	OPS=200
fi

image=$STORE/image.vhdx

model() { "$GUEST/write/model.py" "$DEV" --sector "${SECTOR-512}" "$@"; }

# The half of the disk that the model has, and the other one, which comes and goes.
HALF=64

# opened [OPTION...]: v0, of a new image; options of "create".
opened() {
	rm -f "$STORE"/*.vhdx
	new_image "$image" $((2 * HALF))M "$@"
	"$VHDXSETUP" open --quiet "$image" v0 >/dev/null
}

closed() {
	exits "$1: close" 0 close v0
	is_clean "$1" "$image"
	rm -f "$STORE"/*.vhdx
}

# The other half takes what space there is, or gives all of it back.
fill() {
	dd if=/dev/urandom of="$dev" bs=1M seek=$HALF count=$HALF oflag=direct \
		status=none
}

freed() {
	blkdiscard -o $((HALF * M)) -l $((HALF * M)) "$dev"
	is_free
}

# What was discarded can be used again.
is_free() {
	dmsetup message v0 0 commit
	wait_for 60 nothing_is_freeing
}

nothing_is_freeing() { [ "$(stat_of v0 freeing)" = 0 ]; }

# Holes below, and blocks of the model above.
scatter() {
	fill
	model --ops 150 --bytes $((HALF * M)) --whole "${1-$M}" --save "$MODEL" \
		>/dev/null
	dmsetup message v0 0 commit
	freed
}

length_of() { stat -c %s "$image"; }

# compacts DESC [OPTION...]: the file is shorter afterwards; what it told is $TOLD.
compacts() {
	local desc=$1 before moved

	shift
	before=$(length_of)
	moved=$(stat_of v0 moved)
	exits "$desc" 0 compact "$@" v0
	TOLD=$TAP_OUTPUT
	tap_note "$TOLD"
	tap_run "$desc: blocks have moved" \
		test "$(stat_of v0 moved)" -gt "$moved"
	tap_run "$desc: the file is shorter" test "$(length_of)" -lt "$before"
	goes_on "$desc"
}

goes_on() {
	tap_is "$1: the device goes on" \
		"$(dmsetup info -c --noheadings -o suspended,tables_loaded v0)" \
		Active:Live
}

holds() {
	tap_run "$1: reads as the model says" model --check "$MODEL"
}

# Closed, the image is in order, and the disk what it was.
reopened() {
	exits "$1: close" 0 close v0
	is_clean "$1" "$image"
	exits "$1: open" 0 open --quiet "$image" v0
	holds "$1"
}

test_moves() {
	local before

	opened "$@"
	scatter
	before=$(length_of)
	exits "at rest $*: an estimate" 0 compact -n v0
	says "at rest $*: says so" "would get from .* to .*; .* would move"
	tap_is "at rest $*: nothing has moved" "$(stat_of v0 moved)" 0
	tap_is "at rest $*: the file is as long" "$(length_of)" "$before"
	compacts "at rest $*"
	tap_like "at rest $*: says for how long I/O waited" "$TOLD" \
		"I/O was held back for"
	holds "at rest $*"
	exits "at rest $*: once more" 0 compact v0
	says "at rest $*: says that there is nothing to gain" "nothing to gain"
	tap_run "at rest $*: no block is above what they need" \
		test "$(length_of)" -lt $((before - HALF * M / 2))
	tap_run "at rest $*: it is written" model --ops 50 \
		--bytes $((HALF * M)) --save "$MODEL"
	reopened "at rest $*"
	closed "at rest $*"
}

# A model that writes, discards and zeroes is compared all the while.
test_load() {
	local i

	opened --block-size 1M
	for ((i = 0; i < ROUNDS; i++)); do
		scatter
		in_background model --ops "$OPS" --bytes $((HALF * M)) \
			--whole $M --seed "$i" --save "$MODEL"
		compacts "under load, $i"
		wait "$pid"
		tap_is "under load, $i: the model held" \
			"$(cat "$SCRATCH/ended.$pid")" 0
		reopened "under load, $i"
	done
	closed "under load"
}

# The other half comes and goes meanwhile.
test_discards() {
	opened --block-size 1M
	scatter
	fill
	in_background model --ops "$OPS" --bytes $((HALF * M)) --whole $M \
		--save "$MODEL"
	in_background bash -c "for i in {1..20}; do
		blkdiscard -o $((HALF * M)) -l $((HALF / 2 * M)) '$dev'
		dd if=/dev/urandom of='$dev' bs=1M seek=$((HALF + HALF / 4)) \
			count=$((HALF / 4)) oflag=direct status=none
		blkdiscard -o $(((HALF + HALF / 4) * M)) \
			-l $((HALF / 2 * M)) '$dev'
		dd if=/dev/urandom of='$dev' bs=1M seek=$((HALF + HALF / 2)) \
			count=$((HALF / 4)) oflag=direct status=none
	done"
	exits "beside discards" 0 compact v0
	tap_note "$TAP_OUTPUT"
	exits "beside discards, again" 0 compact v0
	wait
	tap_is "beside discards: the model held" \
		"$(cat "$SCRATCH"/ended.* | sort -u)" 0
	goes_on "beside discards"
	freed
	compacts "when they are over"
	reopened "beside discards"
	closed "beside discards"
}

test_fio() {
	opened --block-size 8M
	scatter $((8 * M))
	in_background fio --name=f --filename="$dev" --direct=1 --rw=randwrite \
		--bs=4k --ioengine=libaio --iodepth=32 --offset=${HALF}M \
		--size=32M --io_size=64M --verify=crc32c --verify_fatal=1 \
		--output=/dev/null
	in_background fio --name=s --filename="$dev" --direct=0 --rw=randrw \
		--bs=512-64k --bs_unaligned=0 --ioengine=psync \
		--offset=$((HALF + 32))M --size=8M --io_size=16M \
		--verify=crc32c --verify_fatal=1 --output=/dev/null
	exits "fio at depth 32" 0 compact v0
	tap_note "$TAP_OUTPUT"
	exits "fio at depth 32, limited" 0 compact --rate 200M v0
	wait
	tap_is "fio at depth 32: what it wrote is there" \
		"$(cat "$SCRATCH"/ended.* | sort -u)" 0
	reopened "fio at depth 32"
	closed "fio"
}

test_mounted() {
	local mnt=$SCRATCH/mnt sum

	mkdir -p "$mnt"
	opened --block-size 1M
	mkfs.ext4 -q "$dev"
	mount "$dev" "$mnt"
	dd if=/dev/urandom of="$mnt/low" bs=1M count=40 status=none
	sync
	dd if=/dev/urandom of="$mnt/high" bs=1M count=30 status=none
	sum=$(sum_of "$mnt/high")
	rm "$mnt/low"
	sync
	fstrim "$mnt"
	is_free
	in_background dd if=/dev/urandom of="$mnt/more" bs=64k count=100 \
		oflag=sync
	compacts "mounted"
	wait "$pid"
	tap_is "mounted: what was written meanwhile" \
		"$(cat "$SCRATCH/ended.$pid")" 0
	umount "$mnt"
	tap_run "mounted: e2fsck" e2fsck -fn "$dev"
	exits "mounted: close" 0 close v0
	exits "mounted: open" 0 open --quiet "$image" v0
	mount "$dev" "$mnt"
	tap_is "mounted: the file is there" "$(sum_of "$mnt/high")" "$sum"
	umount "$mnt"
	closed "mounted"
}

# Of a chain, the child is compacted. Its blocks are partially present.
test_chain() {
	local base=$STORE/base.vhdx sum

	rm -f "$STORE"/*.vhdx
	new_image "$base" $((2 * HALF))M --block-size 1M
	exits "a chain: open" 0 open --quiet "$base" v0
	scatter
	exits "a chain: close" 0 close v0
	sum=$(sum_of "$base")
	"$VHDXSETUP" create --quiet --parent "$base" --block-size 1M "$image"
	exits "a child: open" 0 open --quiet "$image" v0
	scatter
	in_background model --ops "$OPS" --bytes $((HALF * M)) --whole $M \
		--save "$MODEL"
	compacts "a child"
	wait "$pid"
	tap_is "a child: the model held" "$(cat "$SCRATCH/ended.$pid")" 0
	exits "a child: close" 0 close v0
	exits "a child: it is in order" 0 check --quiet --chain "$image"
	tap_is "a child: the parent has not changed" "$(sum_of "$base")" "$sum"
	exits "a child: open" 0 open --quiet "$image" v0
	holds "a child"
	exits "a child: close" 0 close v0
	exits "a parent: open" 0 open --quiet "$base" v0
	fails "a parent" 7 "image.vhdx: is a child of" v0
	tap_is "a parent: nothing has moved" "$(stat_of v0 moved)" 0
	exits "a parent: with --force" 0 compact --force v0
	exits "a parent: close" 0 close v0
	rm -f "$STORE"/*.vhdx
}

test_block() {
	local loop

	truncate -s $((3 * HALF))M "$SCRATCH/block"
	loop=$(loop_from "$SCRATCH/block")
	"$VHDXSETUP" create --quiet --force --block-size 1M \
		--size $((2 * HALF))M "$loop"
	exits "a block device: open" 0 open --quiet "$loop" v0
	scatter
	in_background model --ops "$OPS" --bytes $((HALF * M)) --whole $M \
		--save "$MODEL"
	exits "a block device" 0 compact v0
	tap_note "$TAP_OUTPUT"
	tap_run "a block device: blocks have moved" \
		test "$(stat_of v0 moved)" -gt 8
	wait "$pid"
	tap_is "a block device: the model held" \
		"$(cat "$SCRATCH/ended.$pid")" 0
	holds "a block device"
	exits "a block device: close" 0 close v0
	exits "a block device: is in order" 0 check --quiet "$loop"
	losetup -d "$loop"
	rm "$SCRATCH/block"
}

# --- What is stopped goes on later.
# stopped SIGNAL: in the middle; its status is in $status.
stopped() {
	local before

	status=0
	before=$(stat_of v0 moved)
	"$VHDXSETUP" compact --quiet --rate 4M v0 2>"$SCRATCH/err" &
	pid=$!
	wait_for 60 moved_beyond "$((before + 3))"
	kill -"$1" "$pid"
	wait "$pid" || status=$?
}

moved_beyond() { [ "$(stat_of v0 moved)" -gt "$1" ]; }

test_stopped() {
	local status

	opened --block-size 1M
	scatter
	stopped INT
	tap_is "by SIGINT: ends with a status of its own" "$status" 130
	tap_like "by SIGINT: says how to go on" "$(cat "$SCRATCH/err")" \
		"compact it again to go on"
	goes_on "by SIGINT"
	holds "by SIGINT"
	stopped KILL
	goes_on "by SIGKILL"
	holds "by SIGKILL"
	tap_run "by SIGKILL: it is written" model --ops 50 \
		--bytes $((HALF * M)) --save "$MODEL"
	compacts "after that"
	holds "after that"
	scatter
	stopped KILL
	reopened "killed, and closed"
	compacts "killed, closed and opened"
	holds "killed, closed and opened"
	closed "stopped"
}

# --- What is refused.
# fails DESC CODE SENTENCE ARG...
fails() {
	local desc=$1 code=$2 sentence=$3

	shift 3
	exits "$desc" "$code" compact "$@"
	says "$desc: says why" "$sentence"
}

test_refused() {
	opened --block-size 1M
	fails "blocks of zeros" 1 "no device uses" --zeros v0
	fails "no holes" 1 "no device uses" --no-sparse v0
	fails "file systems" 1 "fstrim" --filesystem v0
	fails "a device that is not there" 6 "No such file" v7
	dmsetup suspend --noudevsync v0
	fails "a suspended device" 7 "is suspended" v0
	dmsetup resume --noudevsync v0
	tap_fails "the kernel: no number" dmsetup message v0 0 move x 0
	tap_fails "the kernel: no end" dmsetup message v0 0 move 0
	tap_is "the kernel: nothing there" \
		"$(dmsetup message v0 0 move 0 99999999999999)" end
	tap_is "the kernel: behind the BAT" \
		"$(dmsetup message v0 0 move 18446744073709551615 0)" end
	closed "refused"

	new_image "$image" 64M --fixed --block-size 1M
	exits "fixed: open" 0 open --quiet "$image" v0
	exits "fixed" 0 compact v0
	says "fixed: says that there is nothing" "nothing to gain"
	closed "fixed"

	new_image "$image" 64M
	exits "read-only: open" 0 open --quiet --readonly "$image" v0
	fails "read-only" 5 "is read-only" v0
	closed "read-only"
}

test_documents() {
	opened --block-size 1M
	scatter
	documents "as JSON: an estimate" 0 compact --json -n v0
	tap_is "  is one" "$(field '["dry_run"]' <<<"$TAP_OUTPUT")" True
	documents "as JSON" 0 compact --json "$image"
	tap_is "  has the device" "$(field '["device"]' <<<"$TAP_OUTPUT")" v0
	tap_is "  and the length of the file" \
		"$(field '["new_length"]' <<<"$TAP_OUTPUT")" "$(length_of)"
	closed "documents"
}

write_setup 700M
test_moves --block-size 1M
test_moves --block-size 4M
SECTOR=4096 test_moves --block-size 1M --sector-size 4096
test_load
test_discards
test_fio
test_mounted
test_chain
test_block
test_stopped
test_refused
test_documents
gone "nothing is left"
write_done
tap_done
