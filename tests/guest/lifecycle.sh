#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A device from its creation to its end: what it looks like to the block layer,
# that it cannot be written to, suspend, resume, reload and rename with readers
# at work, tables that recreate their device, images that tables share, names
# with awkward characters, removal in each of its ways, and that nothing of it
# stays behind.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"

dm_name() { printf 'dm-%s\n' "$(dmsetup info -c --noheadings -o minor "$1")"; }
queue() { cat "/sys/block/$(dm_name "$1")/queue/$2"; }

# Readers that go on until stop_readers; they complain into $SCRATCH/readers.
start_readers() {
	local device=$1 name=$2 i

	: >"$SCRATCH/readers"
	rm -f "$SCRATCH/enough"
	READERS=()
	for i in 1 2; do
		while [ ! -e "$SCRATCH/enough" ]; do
			"$GUEST/readback.py" ranges --count 50 --seed "$RANDOM" \
				<<<"$device"$'\t'"$name"$'\t'"reader $i"
		done >>"$SCRATCH/readers" 2>&1 &
		READERS+=("$!")
	done
	# They have begun.
	wait_for 30 test -s "$SCRATCH/readers"
}

# stop_readers DESC: a test: none of their reads was wrong or failed.
stop_readers() {
	local fine

	: >"$SCRATCH/enough"
	wait "${READERS[@]}"
	fine=$(grep -c '^ok' "$SCRATCH/readers" || true)
	tap_is "$1 ($fine rounds)" "$(grep -v '^ok' "$SCRATCH/readers")" ""
}

test_geometry() {
	local lss name dev

	for lss in 512 4096; do
		name=good/attested-$lss
		dm_create geometry "$(image_table "$name")"
		dev=/dev/mapper/geometry
		tap_is "$lss: size" "$(blockdev --getsize64 $dev)" \
			$(($(image_sectors "$name") * 512))
		tap_is "$lss: logical sector" "$(blockdev --getss $dev)" "$lss"
		tap_is "$lss: physical sector" "$(blockdev --getpbsz $dev)" 4096
		tap_is "$lss: smallest good I/O" "$(blockdev --getiomin $dev)" 4096
		tap_is "$lss: best I/O is no more than 1 MiB" \
			"$(blockdev --getioopt $dev)" 1048576
		tap_is "$lss: no chunk limit" "$(queue geometry chunk_sectors)" 0
		tap_is "$lss: no discards" \
			"$(queue geometry discard_max_bytes)" 0
		tap_is "$lss: no zeroing" \
			"$(queue geometry write_zeroes_max_bytes)" 0
		tap_is "$lss: read-only" "$(blockdev --getro $dev)" 1
		dm_remove geometry
	done
}

# refuses_writes HOW: tests: the device "readonly" says no, to the kernel too, which
# only warns of a write that a device above sends to a read-only one.
refuses_writes() {
	local how=$1 dev=/dev/mapper/readonly sectors

	sectors=$(image_sectors good/dynamic)
	tap_is "$how: the device is read-only" "$(blockdev --getro $dev)" 1
	tap_fails "$how: a write fails" dd if=/dev/zero of=$dev bs=4096 \
		count=1 oflag=direct conv=notrunc
	tap_fails "$how: a write through the page cache fails" \
		dd if=/dev/zero of=$dev bs=4096 count=1 conv=notrunc,fsync
	tap_fails "$how: a discard fails" blkdiscard $dev
	tap_fails "$how: zeroing fails" blkdiscard --zeroout $dev
	dm_create above "0 $sectors linear $dev 0"
	tap_is "$how: a device above it is not" \
		"$(blockdev --getro /dev/mapper/above)" 0
	tap_fails "$how: a write by way of that fails" dd if=/dev/zero \
		of=/dev/mapper/above bs=4096 count=1 oflag=direct conv=notrunc
	tap_run "$how: a read does not" dd if=/dev/mapper/above of=/dev/null \
		bs=4096 count=1 iflag=direct
	dm_remove above
	dmsetup suspend --noudevsync readonly
	dmsetup resume --noudevsync readonly
	tap_is "$how: it stays so over a resume" "$(blockdev --getro $dev)" 1
}

# Whichever way the table was loaded.
test_no_writes() {
	local name=good/dynamic

	VHDX_RW=1 dm_create readonly "$(image_table $name "$IMAGES" read_only)"
	refuses_writes "by the feature read_only"
	dm_remove readonly
	dm_create readonly "$(image_table $name)"
	refuses_writes "by --readonly"
	dm_remove readonly
}

test_status() {
	local table out

	table=$(image_table good/chain-three)
	dm_create status "$table"
	tap_is "TABLE is the line it was made from" \
		"$(dmsetup table status)" "$table"
	tap_is "INFO: the layers" "$(vhdx_status status layers)" 3
	tap_is "INFO: flags" "$(vhdx_status status flags)" "ro direct"
	dm_remove status
	dm_create status "$(image_table good/dynamic "$IMAGES" buffered \
		bat_cache 64)"
	tap_is "features are in TABLE" "$(dmsetup table status)" \
		"$(image_table good/dynamic "$IMAGES" bat_cache 64 buffered)"
	tap_is "bat_cache sets the limit" "$(vhdx_status status limit)" 16
	dmsetup reload --noudevsync status --table "$(image_table \
		good/dynamic "$IMAGES" bat_cache 128)"
	tap_is "and a table that is only loaded does not" \
		"$(vhdx_status status limit)" 16
	dmsetup suspend --noudevsync status
	dmsetup resume --noudevsync status
	tap_is "until it is live" "$(vhdx_status status limit)" 32
	dmsetup reload --noudevsync status --table "$(image_table \
		good/dynamic "$IMAGES" buffered bat_cache 64)"
	dmsetup resume --noudevsync status
	tap_is "INFO: buffered" "$(vhdx_status status flags)" "ro buffered"
	dm_remove status
	dm_create status "$(image_table good/log-everything)"
	tap_is "INFO: a log that was replayed" \
		"$(vhdx_status status flags)" "ro direct dirty_log"
	out=$(dmsetup table status)
	dm_remove status
	dm_create status "$out"
	tap_is "a table fed back gives the same table" \
		"$(dmsetup table status)" "$out"
	tap_is "and the same bytes" "$("$GUEST/readback.py" whole \
		<<<$'/dev/mapper/status\tgood/log-everything\tx')" $'ok\tx'
	dm_remove status
}

test_block_status() {
	local numbers

	block_images good/dynamic loop
	numbers=$(printf '%d:%d' "$(stat -c 0x%t "${BLOCK[0]}")" \
		"$(stat -c 0x%T "${BLOCK[0]}")")
	dm_create status "$(block_table good/dynamic)"
	tap_is "TABLE names a block device by its numbers" \
		"$(dmsetup table status)" \
		"0 $(image_sectors good/dynamic) vhdx $numbers"
	tap_is "INFO: block" "$(vhdx_status status flags)" "ro block"
	tap_is "its holder is known" \
		"$(ls "/sys/block/${BLOCK[0]#/dev/}/holders")" \
		"$(dm_name status)"
	dm_remove status
	dm_create status "0 $(image_sectors good/dynamic) vhdx $numbers"
	tap_is "which can be used in a table" "$("$GUEST/readback.py" whole \
		<<<$'/dev/mapper/status\tgood/dynamic\tx')" $'ok\tx'
	dm_remove status
	block_gone
}

# The 0xA0 in "à" is a space to the kernel's isspace(), and to dmsetup a comment
# begins at a "#".
test_names() {
	local dir=$IMAGES/names name escaped table

	mkdir -p "$dir"
	for name in 'two words' 'back\slash' $'both \\ of them\\' 'Größe-à-💾' \
		$'a\ttab' '7' 'semi;colon,comma' '#1 "quoted"'; do
		cp --sparse=always "$IMAGES/good/dynamic.vhdx" "$dir/$name"
		escaped=$(printf %s "$name" |
			LC_ALL=C sed -z 's/\\/\\134/g; s/ /\\040/g
				s/\t/\\011/g; s/#/\\043/g; s/\xa0/\\240/g')
		table="0 $(image_sectors good/dynamic) vhdx $dir/$escaped"
		if ! dmsetup create --noudevsync names --table "$table"; then
			tap_not_ok "an image called $(printf %q "$name")" \
				"$(dmesg | tail -n 1)"
			continue
		fi
		dmsetup mknodes
		tap_is "an image called $(printf %q "$name")" \
			"$("$GUEST/readback.py" whole \
			<<<$'/dev/mapper/names\tgood/dynamic\tx')" $'ok\tx'
		table=$(dmsetup table names)
		dm_remove names
		tap_run "its table can be used again" dm_create names "$table"
		tap_is "and stays the same" "$(dmsetup table names || true)" \
			"$table"
		vhdx_remove names
	done
	rm -r "$dir"
}

test_relative() {
	tap_run "a relative path is the caller's" sh -c \
		"cd '$IMAGES/good' && dmsetup create --noudevsync --readonly relative \
		--table '0 $(image_sectors good/dynamic) vhdx dynamic.vhdx'"
	tap_is "TABLE has the absolute one" "$(dmsetup table relative)" \
		"$(image_table good/dynamic)"
	mv "$IMAGES/good/dynamic.vhdx" "$IMAGES/good/moved.vhdx"
	tap_like "TABLE follows a file that is renamed" \
		"$(dmsetup table relative)" "vhdx $IMAGES/good/moved.vhdx\$"
	mv "$IMAGES/good/moved.vhdx" "$IMAGES/good/dynamic.vhdx"
	dm_remove relative
}

test_suspend() {
	local name=good/verifiable i

	dm_create live "$(image_table $name "$IMAGES" bat_cache 64)"
	start_readers /dev/mapper/live $name
	for i in {1..15}; do
		dmsetup suspend --noudevsync live
		dmsetup resume --noudevsync live
	done
	stop_readers "readers across $i times suspend and resume"

	start_readers /dev/mapper/live $name
	for i in {1..10}; do
		dmsetup reload --noudevsync live --table "$(image_table $name)"
		dmsetup resume --noudevsync live
	done
	stop_readers "readers across $i reloads of the same image"
	tap_is "the last table counts" "$(vhdx_status live limit)" \
		"$((3 * 4096))"

	dmsetup rename --noudevsync live renamed
	dmsetup mknodes
	tap_is "a renamed device" "$("$GUEST/readback.py" ranges \
		<<<$'/dev/mapper/renamed\tgood/verifiable\tx')" $'ok\tx'
	# Not the other way round: dm-ima, on 6.1 and 6.12, frees the text that
	# it has of a device twice if the device is renamed after its table was
	# cleared, whatever the target.
	dmsetup reload --noudevsync renamed --table "$(image_table $name)"
	dmsetup clear renamed
	tap_is "a table that was loaded and cleared leaves the live one" \
		"$("$GUEST/readback.py" ranges \
		<<<$'/dev/mapper/renamed\tgood/verifiable\tx')" $'ok\tx'
	dmsetup reload --noudevsync renamed \
		--table "$(image_table good/dynamic)"
	dmsetup resume --noudevsync renamed
	tap_is "a reload to another image" "$("$GUEST/readback.py" whole \
		<<<$'/dev/mapper/renamed\tgood/dynamic\tx')" $'ok\tx'
	dm_remove renamed
}

# The metadata that one table has brought in serves the next.
test_shared() {
	local i names=() loads

	for i in {1..12}; do
		dm_create "shared$i" "$(image_table good/chain-three)"
		names+=("shared$i")
	done
	readback whole <<<"$(for i in 1 12; do
		printf '/dev/mapper/shared%d\tgood/chain-three\t%s\n' "$i" \
			"one image in twelve tables: number $i"
	done)"
	loads=$(vhdx_status shared1 loads)
	tap_is "they share the pages" "$(vhdx_status shared7 loads)" "$loads"
	dmsetup remove --noudevsync "${names[@]:1}"
	readback whole <<<$'/dev/mapper/shared1\tgood/chain-three\tone is left'
	tap_is "and nothing had to be loaded again" \
		"$(vhdx_status shared1 loads)" "$loads"
	dm_remove shared1
	dmsetup mknodes

	# child-of-fixed's base under a second child of itself, so to say.
	dm_create parent "$(image_table good/chain-three | awk '{
		print $1, $2, $3, $6 }')"
	dm_create child "$(image_table good/chain-three)"
	tap_is "a parent may be a device of its own meanwhile" \
		"$("$GUEST/readback.py" whole \
		<<<$'/dev/mapper/child\tgood/chain-three\tx')" $'ok\tx'
	vhdx_remove child parent
}

# Workqueues with a rescuer have a thread each, named "kworker/R-" since 6.9.
vhdx_threads() {
	cat /proc/[0-9]*/comm 2>/dev/null | grep -c -e '^vhdx_' -e '^kworker/R-vhdx'
}

# The files of a table share their workers.
test_threads() {
	local one

	dm_create threads "$(image_table good/dynamic)"
	one=$(vhdx_threads)
	dm_remove threads
	dm_create threads "$(image_table good/chain-three)"
	tap_is "a chain has as many threads as one image" "$(vhdx_threads)" "$one"
	tap_run "which are there" test "$one" -ge 3
	dm_remove threads
	tap_run "and go with the device" wait_for 5 sh -c \
		'! grep -sq vhdx_ /proc/[0-9]*/comm'
}

test_removal() {
	local fd

	dm_create busy "$(image_table good/dynamic)"
	exec {fd}</dev/mapper/busy
	tap_fails "a device that is open cannot be removed" \
		dmsetup remove --noudevsync busy
	tap_run "its removal can be deferred" \
		dmsetup remove --noudevsync --deferred busy
	tap_run "until then it can be read" dd if=/proc/self/fd/$fd \
		of=/dev/null bs=4096 count=1
	exec {fd}<&-
	tap_run "and goes when it is closed" wait_for 5 sh -c \
		'! dmsetup info busy'
	dmsetup mknodes

	dm_create forced "$(image_table good/dynamic)"
	exec {fd}</dev/mapper/forced
	tap_run "a device in use can be wiped" \
		dmsetup wipe_table --noudevsync forced
	tap_fails "and gives errors" dd if=/dev/mapper/forced of=/dev/null \
		bs=4096 count=1 iflag=direct
	tap_run "which frees the image" sh -c \
		": >>'$IMAGES/good/dynamic.vhdx'"
	exec {fd}<&-
	dm_remove forced

}

# What a file system would show of a file that is still held: it cannot be
# written to, and its space does not come back.
test_released() {
	local copy=$IMAGES/copy.vhdx free locks

	sync
	locks=$(grep -c . /proc/locks || true)
	free=$(stat -f -c %f "$IMAGES")
	cp "$IMAGES/good/dynamic.vhdx" "$copy"
	dm_create released "0 $(image_sectors good/dynamic) vhdx $copy"
	rm "$copy"
	tap_is "the image's file can be deleted meanwhile" \
		"$("$GUEST/readback.py" whole \
		<<<$'/dev/mapper/released\tgood/dynamic\tx')" $'ok\tx'
	dm_remove released
	sync
	tap_run "its space comes back with the device's end" \
		wait_for 10 sh -c "sync; test \$(stat -f -c %f '$IMAGES') = $free"
	tap_is "no lock is left" "$(grep -c . /proc/locks || true)" "$locks"
	tap_is "the module is not used" \
		"$(cat /sys/module/dm_vhdx/refcnt)" 0
}

# lives_of TABLE COUNT: devices that come, are read, reloaded, suspended and
# removed, and tables that never become live.
lives_of() {
	local table=$1 i

	for ((i = 0; i < $2; i++)); do
		dm_create life "$table"
		dd if=/dev/mapper/life of=/dev/null bs=1M count=8 \
			iflag=direct status=none
		dmsetup reload --noudevsync life --table "$table"
		dmsetup suspend --noudevsync life
		dmsetup resume --noudevsync life
		dmsetup reload --noudevsync life --table "$table"
		! dmsetup reload --noudevsync life --table "$table 1 junk" \
			2>/dev/null
		dm_remove life
	done
}

# What is lost must be more than what comes and goes anyway; kmemleak, in the
# checking kernel, sees single objects.
test_leaks() {
	local store=$1 table=$2 before after count=40 limit=100

	! slow_guest || count=20
	lives_of "$table" 5
	settle
	before=$(memory_kib)
	lives_of "$table" $count
	settle
	after=$(memory_kib)
	tap_note "$store: $before KiB before, $after KiB after $count lives"
	tap_run "$store: $count lives leave no memory behind" \
		test $((after - before)) -lt $limit
}

test_geometry
test_no_writes
test_status
test_block_status
test_names
test_relative
test_suspend
test_shared
test_threads
test_removal
test_released
test_leaks file "$(image_table good/chain-three)"
block_images good/chain-three loop
test_leaks block "$(block_table good/chain-three)"
block_gone
tap_done
