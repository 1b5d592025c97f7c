#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A file that somebody cuts while it is in use, and a block device that shrinks:
# I/O to what is missing fails, one sentence says why, nothing more is written, and
# the file does not become longer.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

CUT=$((8 << 20))

# Of 4 KiB at that MiB of the disk.
read_at() { dd if="$DEV" of=/dev/null bs=4k count=1 skip="$(($1 * 256))" \
	iflag=direct status=none; }
write_at() { dd if=/dev/urandom of="$DEV" bs=4k count=1 \
	seek="$(($1 * 256))" oflag=direct conv=notrunc status=none; }

said() { klog_since | grep -c 'somebody has cut the file' || true; }

# What the device says once it knows.
knows() { [[ $(vhdx_status c flags) = *fault=*has\\040cut* ]]; }

# open_cut [FEATURE...]: a device of 64 MiB, all written and durable, whose file
# ends after 8 MiB.
open_cut() {
	on_store file 64M --block-size 1M
	rw_create c "$IMAGE" "$@"
	dd if=/dev/urandom of="$DEV" bs=1M count=64 oflag=direct \
		conv=notrunc,fsync status=none
	klog_mark
	truncate -s "$CUT" "$IMAGE"
}

# judge WHAT: tests: the device and its file, once it knows.
judge() {
	tap_run "$1: the device knows" wait_for 60 knows
	tap_is "$1: it is read-only" "$(vhdx_status c mode)" ro
	tap_fails "$1: a write fails" write_at 1
	tap_fails "$1: so does one to what is there no more" write_at 50
	tap_fails "$1: and an fsync" dd if=/dev/zero of="$DEV" count=1 bs=4k \
		conv=notrunc,fsync status=none
	tap_run "$1: a read of what is there does not" read_at 1
	dm_remove c
	tap_is "$1: one sentence was said" "$(said)" 1
	tap_is "$1: the file is no longer" "$(stat -c %s "$IMAGE")" "$CUT"
	store_gone
}

test_reads() {
	local how=$1

	shift
	open_cut "$@"
	tap_run "$how, read: of what is there" read_at 1
	tap_fails "$how, read: of what is missing" read_at 50
	judge "$how, read"
}

test_writes() {
	local how=$1

	shift
	open_cut "$@"
	tap_fails "$how, write: to what is missing" write_at 50
	judge "$how, write"
}

# Nothing goes to what is missing but a commit.
test_commit() {
	open_cut
	tap_fails "commit: a flush fails" dd if=/dev/urandom of="$DEV" bs=4k \
		count=1 conv=notrunc,fsync status=none
	judge "commit"
}

# A discard and zeroes of parts of blocks are a matter of the file.
test_zeroes() {
	open_cut
	tap_fails "zeroes: to what is missing" blkdiscard --zeroout \
		--offset $((50 << 20)) --length 8192 "$DEV"
	judge "zeroes"
}

# Nothing at all touches it: the end of the session does.
test_close() {
	on_store file 64M --block-size 1M
	"$VHDXSETUP" open --quiet "$IMAGE" c >/dev/null
	DEV=/dev/mapper/c
	write_at 50
	klog_mark
	truncate -s $((3 << 20)) "$IMAGE"
	tap_fails "close: it fails" "$VHDXSETUP" close c
	tap_like "close: and says why" "$TAP_OUTPUT" \
		"somebody has cut the file to 3145728 of [0-9]* bytes"
	tap_is "close: so does the log, once" "$(said)" 1
	vhdx_remove c
	store_gone
	on_store file 64M --block-size 1M
	"$VHDXSETUP" open --quiet "$IMAGE" c >/dev/null
	truncate -s $((3 << 20)) "$IMAGE"
	tap_fails "close: with nothing written, too" "$VHDXSETUP" close c
	tap_like "close: and says why" "$TAP_OUTPUT" "has cut the file"
	vhdx_remove c
	store_gone
}

# A device that only reads; nothing keeps root from cutting a file on another host.
test_read_only() {
	on_store file 64M --block-size 1M
	rw_create c "$IMAGE"
	dd if=/dev/urandom of="$DEV" bs=1M count=64 oflag=direct \
		conv=notrunc,fsync status=none
	dm_remove c
	# The store is a loop device on brd's place: it can shrink below a file
	# system no less than below an image.
	truncate -s 128M "$BLOCK_DIR/below.img"
	dd if="$IMAGE" of="$BLOCK_DIR/below.img" conv=notrunc status=none
	store_gone
	IMAGE=$(loop_from "$BLOCK_DIR/below.img")
	dm_create c "0 $((64 << 11)) vhdx $IMAGE"
	klog_mark
	truncate -s "$CUT" "$BLOCK_DIR/below.img"
	losetup --set-capacity "$IMAGE"
	tap_fails "read-only, block: a read of what is missing" read_at 50
	tap_fails "read-only, block: another" read_at 40
	tap_is "read-only, block: one sentence was said" "$(said)" 1
	tap_run "read-only, block: what is there can be read" read_at 1
	dm_remove c
	losetup -d "$IMAGE"
	rm "$BLOCK_DIR/below.img"
}

test_block() {
	on_store block 64M --block-size 1M
	rw_create c "$IMAGE"
	dd if=/dev/urandom of="$DEV" bs=1M count=64 oflag=direct \
		conv=notrunc,fsync status=none
	klog_mark
	truncate -s "$CUT" "$BLOCK_DIR/block.img"
	losetup --set-capacity "$IMAGE"
	tap_fails "block: a read of what is missing" read_at 50
	tap_run "block: the device knows" wait_for 60 knows
	tap_is "block: it is read-only" "$(vhdx_status c mode)" ro
	tap_is "block: one sentence was said" "$(said)" 1
	dm_remove c
	store_gone
}

write_setup
test_reads direct
test_reads buffered buffered
test_writes direct
test_writes buffered buffered
test_commit
test_zeroes
test_close
test_read_only
test_block
write_done
tap_done
