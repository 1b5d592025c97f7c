#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# An image in a file, and the file system that the file is in:
#   - the file's time of modification follows what is written, since backups go by
#     it, though no write updates it itself;
#   - the file system can be frozen under any load, and nothing is lost by that;
#   - a page that it lost is held against each flush that follows, whoever was
#     told of it.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"
# shellcheck source=tests/guest/write/below.sh
. "$GUEST/write/below.sh"

modified() { stat -c %.9Y "$IMAGE"; }

was_modified_since() { [ "$(modified)" != "$1" ]; }

flush() { dd if=/dev/null of="$DEV" conv=notrunc,fsync status=none; }

test_time() {
	local before i

	on_store file 64M --block-size 1M
	rw_create w "$IMAGE"
	write_page 0
	flush
	# The session has begun, and nothing but the page is changed from now on.
	sleep 3
	before=$(modified)
	sleep 1.2
	tap_is "nothing is written: the file is not modified" "$(modified)" "$before"
	for i in 1 2; do
		before=$(modified)
		write_page 0
		tap_run "a block that is there is written: it is ($i)" \
			wait_for 3 was_modified_since "$before"
	done
	before=$(modified)
	write_page 0
	dm_remove w
	tap_run "so it is at once if the device goes" was_modified_since "$before"
	before=$(modified)
	sleep 1.2
	tap_is "and not later" "$(modified)" "$before"
	is_clean "time" "$IMAGE"
	store_gone
}

load() {
	fio --name=load --filename="$DEV" --ioengine=libaio --direct=1 \
		--rw=randwrite --bs=4k --iodepth=128 --numjobs=2 --size=192M \
		--offset_increment=192M --randrepeat=1 \
		--time_based --runtime="$1" --minimal >/dev/null
}

# New blocks wait for a transaction each, so that many writes wait at a time.
test_freeze() {
	local pid i status=0

	on_store file 512M --block-size 1M
	rw_create w "$IMAGE"
	load 8 &
	pid=$!
	for i in 1 2 3 4; do
		sleep 0.7
		tap_run "under load, the file system can be frozen ($i)" \
			timeout 60 fsfreeze -f $STORE
		sleep 0.3
		fsfreeze -u $STORE
	done
	wait $pid || status=$?
	tap_is "and all writes end well" $status 0
	dm_remove w
	is_clean "frozen" "$IMAGE"
	store_gone
}

# The page cache writes back a page for which there is no place any more, while
# nobody waits. The first to be told is a write elsewhere.
lose_a_page() {
	local what="a page is lost" place

	write_page 0 dsync
	write_page 64 dsync
	flush
	place=$(place_below 512)
	tap_like "$what: it has a place" "$place" '^[0-9]+$'
	below_is "$(below_spot "$place")"
	tap_run "$what: that it was written was said" write_page 64
	sync
	tap_fails "$what: a write elsewhere is told of it" write_page 0 direct,dsync
	tap_fails "$what: a flush is told, too" flush
	tap_fails "$what: and another" flush
	tap_run "$what: the device becomes read-only" wait_for 10 sh -c \
		'dmsetup status w | grep -q " vhdx ro "'
	below_is linear
}

test_loss() {
	local dir=/run/lossy

	below_setup 256M
	below_mount $dir
	IMAGE=$dir/image.vhdx
	new_image "$IMAGE" 64M --block-size 1M
	rw_create w "$IMAGE" buffered
	lose_a_page
	dm_remove w
	umount $dir
	below_gone
}

head -c 4096 /dev/urandom >"$SCRATCH/page"
write_setup
test_time
test_freeze
test_loss
write_done
tap_done
