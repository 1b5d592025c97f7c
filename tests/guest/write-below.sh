#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# An image in a file, and the file system that the file is in:
#   - the file's time of modification follows what is written, since backups go by
#     it, though no write updates it itself;
#   - the file system can be frozen under any load, and nothing is lost by that;
#     what needs no write goes on meanwhile;
#   - limits and signals that are meant for who has something done with the device
#     are not met by its log;
#   - a write that the disk could not take at once is no loss;
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

stays_as_it_is() {
	local before

	before=$(modified)
	sleep 3
	! was_modified_since "$before"
}

flush() { dd if=/dev/null of="$DEV" conv=notrunc,fsync status=none; }

test_time() {
	local before i

	on_store file 64M --block-size 1M
	rw_create w "$IMAGE"
	write_page 0
	flush
	# The session has begun, and nothing but the page is changed from now on.
	wait_for 9 stays_as_it_is
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
			timeout "$PATIENCE" fsfreeze -f $STORE
		sleep 0.3
		fsfreeze -u $STORE
	done
	wait $pid || status=$?
	tap_is "and all writes end well" $status 0
	dm_remove w
	is_clean "frozen" "$IMAGE"
	store_gone
}

# As many writes as have a thread each, and more.
test_frozen() {
	local what="in a frozen file system" i pid writers=() bad=0

	on_store file 2G --block-size 1M
	rw_create w "$IMAGE"
	dd if=/dev/zero of="$DEV" bs=1M count=8 oflag=direct status=none
	dmsetup message w 0 checkpoint
	fsfreeze -f $STORE
	for ((i = 0; i < 100; i++)); do
		write_page "$((i * 16))" &
		writers+=("$!")
	done
	sleep 1
	tap_run "$what: writes wait" test "$(jobs -r | wc -l)" = 100
	in_background flush
	tap_is "$what: a flush does not" "$(ended "$pid")" 0
	in_background dd if="$DEV" of=/dev/null bs=1M count=8 iflag=direct
	tap_is "$what: nor does a read" "$(ended "$pid")" 0
	in_background dd if="$DEV" of=/dev/null bs=4k count=1 skip=1500M \
		iflag=direct,skip_bytes
	tap_is "$what: nor one that needs a page of the BAT" \
		"$(ended "$pid")" 0
	fsfreeze -u $STORE
	for pid in "${writers[@]}"; do
		wait "$pid" || bad=$((bad + 1))
	done
	tap_is "$what: when it is thawed, all writes end well" $bad 0
	for ((i = 0, bad = 0; i < ${#writers[@]}; i++)); do
		dd if="$DEV" bs=4k skip="$((i * 16))" count=1 iflag=direct \
			status=none | cmp -s - "$SCRATCH/page" || bad=$((bad + 1))
	done
	tap_is "$what: and all are there" $bad 0
	dm_remove w
	is_clean "$what" "$IMAGE"
	store_gone
}

# limited DMSETUP-ARGUMENT...: under a limit for files that no log could keep.
limited() {
	bash -c 'ulimit -f 0; exec dmsetup "$@" >/dev/null' - "$@"
}

test_limits() {
	local what="who may write no files" verb

	on_store file 64M --block-size 1M
	rw_create w "$IMAGE"
	for verb in commit checkpoint; do
		write_page $((RANDOM % 4096))
		tap_run "$what: can $verb" limited message w 0 $verb
	done
	write_page 8192
	tap_run "$what: can suspend" limited suspend --noudevsync w
	tap_like "$what: its image is clean" \
		"$("$VHDXSETUP" info --quiet "$IMAGE" 2>&1)" "log: +clean"
	tap_run "$what: can resume" limited resume --noudevsync w
	tap_like "$what: the device can be written" "$(dmsetup status w)" \
		" vhdx rw "
	dm_remove w
	is_clean "$what" "$IMAGE"
	store_gone
}

# Writes a page with FUA, and does not wait: prints what becomes of it.
write_nowait() {
	python3 - "$DEV" <<-'END'
	import errno, mmap, os, sys
	fd = os.open(sys.argv[1], os.O_RDWR | os.O_DIRECT)
	try:
	    os.pwritev(fd, [mmap.mmap(-1, 4096)], 0,
	               os.RWF_NOWAIT | os.RWF_DSYNC)
	    print("written")
	except OSError as error:
	    print(errno.errorcode[error.errno])
	END
}

test_nowait() {
	local what="a disk that is busy"

	below_setup 96M
	IMAGE=/dev/mapper/below
	new_image "$IMAGE" 64M --block-size 1M --force
	rw_create w "$IMAGE"
	write_page 0 direct,dsync
	dmsetup message w 0 checkpoint
	tap_is "$what: not yet" "$(write_nowait)" written
	dmsetup suspend --noudevsync --nolockfs below
	tap_is "$what: who does not wait is told so" "$(write_nowait)" EAGAIN
	dmsetup resume --noudevsync below
	tap_run "$what: writing goes on" write_page 64 direct,dsync
	tap_like "$what: the device can be written" "$(dmsetup status w)" \
		" vhdx rw "
	dm_remove w
	is_clean "$what" "$IMAGE"
	below_gone
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
test_frozen
test_limits
test_nowait
test_loss
write_done
tap_done
