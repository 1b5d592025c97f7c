#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vhdxsetup merge NAME: a device goes on while its child is merged, again and
# again, and reads as a model says; what is left is what an offline merge leaves.
# What cannot be merged stays as it is.

set -euo pipefail
# shellcheck source=tests/uml/merge-lib.sh
. "$(dirname -- "$0")/merge-lib.sh"

MANY=3
ROUNDS=2
if slow_guest; then
	MANY=2
	ROUNDS=1
fi

# merged DESC ARG...
merged() {
	local desc=$1

	shift
	exits "$desc" 0 merge "$@"
	tap_note "$TAP_OUTPUT"
}

# merged_often DESC: children, one after the other, while the device is written, and
# compared with a model.
merged_often() {
	local desc=$1 i

	for ((i = 0; i < MANY; i++)); do
		child
		in_background model --ops 150 --save "$MODEL"
		merged "$desc, $i" --max-pause 20000 v0
		wait "$pid"
		tap_is "$desc, $i: the model holds" \
			"$(cat "$SCRATCH/ended.$pid")" 0
	done
}

test_model() {
	opened 96M --block-size 1M
	merged_often "the model is written meanwhile"
	is_base "the model is written meanwhile"
	closed model
}

# fio reads what nobody writes, and writes and reads another part.
test_fio() {
	local i options

	opened 192M
	fio --name=still --filename="$dev" --direct=1 --rw=write --bs=256k \
		--size=32M --offset=96M --verify=crc32c --do_verify=0 \
		--ioengine=libaio --iodepth=16 --output=/dev/null
	for ((i = 0; i < ROUNDS; i++)); do
		"$VHDXSETUP" snapshot --quiet v0 "$CHILD"
		fio --name=more --filename="$dev" --direct=1 --rw=randwrite \
			--bs=64k --size=32M --offset=128M --io_size=24M \
			--ioengine=libaio --iodepth=16 --output=/dev/null
		options=(--max-pause 20000)
		[ $((i % 2)) = 0 ] || options+=(--rate 10M)
		in_background fio --name=f --filename="$dev" --direct=1 \
			--rw=randrw --bs=4k --ioengine=libaio --iodepth=16 \
			--size=96M --io_size=16M --verify=crc32c \
			--verify_fatal=1 --verify_backlog=256 --output=/dev/null
		in_background fio --name=still --filename="$dev" --direct=1 \
			--rw=randread --bs=256k --size=32M --offset=96M \
			--verify=crc32c --verify_fatal=1 --ioengine=libaio \
			--iodepth=16 --loops=2 --output=/dev/null
		merged "fio at depth 16, ${options[*]}" "${options[@]}" v0
		wait
		tap_is "fio at depth 16, $i: all that it read was right" \
			"$(cat "$SCRATCH"/ended.* | sort -u)" 0
		rm "$SCRATCH"/ended.*
		tap_is "fio at depth 16, $i: the device has one image" \
			"$(vhdx_status v0 layers)" 1
	done
	model --ops 20 --save "$MODEL" >/dev/null
	is_base "fio at depth 16"
	closed fio
}

# A child of a child; down one, then to the base at once.
test_chain() {
	opened 64M --block-size 8M "$@"
	child middle
	child
	merged "three images $*: into the middle" v0
	tap_is "three images $*: two are left" "$(files)" \
		"$(base_and middle.vhdx)"
	tap_run "three images $*: it reads as the model says" \
		model --check "$MODEL"
	child
	exits "three images $*: close" 0 close v0
	exits "three images $*: the chain is in order" 0 check --quiet --chain \
		"${ANYWHERE[@]}" "$CHILD"
	exits "three images $*: open" 0 open --quiet --bat-cache 64 \
		"${ANYWHERE[@]}" "$CHILD" v0
	tap_run "three images $*: it reads as the model says" \
		model --check "$MODEL"
	in_background model --ops 100 --save "$MODEL"
	merged "three images $*: into the base" --max-pause 20000 \
		--into "$BASE" v0
	wait "$pid"
	tap_is "three images $*: the model held" \
		"$(cat "$SCRATCH/ended.$pid")" 0
	is_base "three images $*"
	closed "three images"
}

# sized DESC SIZE [OPTION...]: of resize; the child has SIZE from now on.
sized() {
	local desc=$1 size=$2

	shift 2
	exits "$desc: close" 0 close v0
	exits "$desc: another size" 0 resize --quiet "${ANYWHERE[@]}" "$@" \
		"$CHILD" "$size"
	exits "$desc: open" 0 open --quiet --bat-cache 64 "${ANYWHERE[@]}" \
		"$CHILD" v0
	model --ops 30 --save "$MODEL" >/dev/null
}

# The parent gets the size of the child, whatever is between.
test_sizes() {
	opened 64M --block-size 1M
	child
	sized "a larger child" 80M
	in_background model --ops 100 --save "$MODEL"
	merged "a larger child" --max-pause 20000 v0
	wait "$pid"
	tap_is "a larger child: the device keeps its size" \
		"$(blockdev --getsize64 "$dev")" $((80 << 20))
	is_base "a larger child"

	# What is not known to be unused, a shrink leaves.
	exits "a smaller child: a new one" 0 snapshot --quiet v0 "$CHILD"
	blkdiscard -z -o 50M "$dev"
	sized "a smaller child" 50M --shrink
	in_background model --ops 100 --save "$MODEL"
	merged "a smaller child" --max-pause 20000 v0
	says "a smaller child: the parent shrinks" \
		"its disk had 80 MiB, and now has 50 MiB"
	wait "$pid"
	tap_is "a smaller child: the device keeps its size" \
		"$(blockdev --getsize64 "$dev")" $((50 << 20))
	is_base "a smaller child"

	exits "a smaller one between: a new one" 0 \
		snapshot --quiet v0 "$STORE/middle.vhdx"
	blkdiscard -z -o 40M "$dev"
	model --bytes $((40 << 20)) --ops 30 >/dev/null
	exits "a smaller one between: close" 0 close v0
	exits "a smaller one between: it shrinks" 0 resize --quiet --shrink \
		"${ANYWHERE[@]}" "$STORE/middle.vhdx" 40M
	exits "a smaller one between: a child" 0 create --quiet \
		"${ANYWHERE[@]}" --parent "$STORE/middle.vhdx" "$CHILD"
	exits "a smaller one between: open" 0 open --quiet "${ANYWHERE[@]}" \
		"$CHILD" v0
	sized "a smaller one between" 60M
	in_background model --ops 100 --save "$MODEL"
	merged "a smaller one between" --max-pause 20000 --into "$BASE" v0
	wait "$pid"
	is_base "a smaller one between"
	closed sizes

	opened 64M --block-size 1M
	child
	exits "a BAT that is too short: close" 0 close v0
	exits "a BAT that is too short: another size" 0 \
		resize --quiet "${ANYWHERE[@]}" "$CHILD" 130G
	exits "a BAT that is too short: open" 0 open --quiet "${ANYWHERE[@]}" \
		"$CHILD" v0
	fails "a BAT that is too short" 2 "must move .* no device" v0
	closed "a BAT that is too short"
}

test_mounted() {
	local part=${dev}p1 mnt=$SCRATCH/mnt sum

	opened 128M
	mkdir -p "$mnt"
	blkdiscard -z "$dev"
	echo ",,L" | sfdisk --quiet "$dev"
	exits "a partition: close" 0 close v0
	exits "a partition: open" 0 open --quiet --partitions "$BASE" v0
	mkfs.ext4 -q "$part"
	mount "$part" "$mnt"
	dd if=/dev/urandom of="$mnt/file1" bs=1M count=8 status=none
	"$VHDXSETUP" snapshot --quiet --quiesce v0 "$CHILD"
	dd if=/dev/urandom of="$mnt/file2" bs=1M count=8 status=none
	in_background dd if=/dev/urandom of="$mnt/file3" bs=64k count=256 \
		oflag=sync
	merged "a partition, mounted" --max-pause 20000 v0
	wait "$pid"
	tap_is "a partition, mounted: nothing is suspended" \
		"$(dmsetup info -c --noheadings -o suspended | sort -u)" Active
	sum=$(cd "$mnt" && sha256sum file1 file2 file3)
	umount "$mnt"
	exits "a partition: close" 0 close v0
	exits "a partition: open" 0 open --quiet --partitions "$BASE" v0
	tap_run "a partition: e2fsck finds nothing" e2fsck -fn "$part"
	mount "$part" "$mnt"
	tap_is "a partition: the files are what they were" \
		"$(cd "$mnt" && sha256sum file1 file2 file3)" "$sum"
	umount "$mnt"
	closed "a partition"
}

# windows KEY: a path that Windows has for the parent of $CHILD.
windows() {
	"$VHDXSETUP" info --json --quiet "$CHILD" | field "[\"parent\"][\"$1\"]"
}

test_keep() {
	local absolute='D:\vm\base.vhdx'
	local volume='\\?\Volume{01234567-89ab-cdef-0123-456789abcdef}\vm\base.vhdx'

	opened 64M
	child
	exits "--keep: close, for paths of Windows" 0 close v0
	exits "--keep: record them" 0 rebase --quiet --parent "$BASE" \
		--absolute-path "$absolute" --volume-path "$volume" "$CHILD"
	exits "--keep: open it" 0 open --quiet "${ANYWHERE[@]}" "$CHILD" v0
	merged "--keep" --keep v0
	is_live "--keep" 2
	tap_is "--keep: there are two files" "$(files)" \
		"$(base_and child.vhdx)"
	exits "--keep: close" 0 close v0
	tap_is "--keep: the absolute path of Windows" \
		"$(windows absolute_win32_path)" "$absolute"
	tap_is "--keep: the path on its volume" "$(windows volume_path)" "$volume"
	exits "--keep: the chain is in order" 0 check --quiet --chain \
		"${ANYWHERE[@]}" "$CHILD"
	exits "--keep: the child has nothing" 0 diff --json "${ANYWHERE[@]}" \
		"$CHILD"
	tap_is "--keep: the child has nothing" "$(field '["runs"]' \
		<<<"$TAP_OUTPUT")" "[]"
	exits "--keep: open" 0 open --quiet "${ANYWHERE[@]}" "$CHILD" v0
	documents "as JSON" 0 merge --json v0
	tap_is "as JSON: is about the child" \
		"$(field '["merges"][0]["image"]' <<<"$TAP_OUTPUT")" "$CHILD"
	tap_is "as JSON: tells the name that the child had of its parent" \
		"$(field '["merges"][0]["into"]' <<<"$TAP_OUTPUT")" "$BASE"
	is_base "as JSON"
	closed "--keep"
}

# A table that writes the parent, while a program merges into it.
test_two_writers() {
	local table

	opened 16M
	child
	exits "two writers: close" 0 close v0
	exits "two writers: open" 0 open --quiet "$CHILD" v0
	table="0 $(blockdev --getsz "$dev") vhdx $BASE"
	tap_run "two writers: the parent is lent" dmsetup message v0 0 lend 1
	exec 8<>"$BASE"
	VHDX_RW=1 tap_fails "two writers: a table is refused" \
		dmsetup reload v0 --table "$table"
	tap_like "two writers: says why" "$(dmesg --notime)" \
		"base.vhdx: is still being merged into"
	exec 8>&-
	VHDX_RW=1 tap_run "two writers: with one, it is not" \
		dmsetup reload v0 --table "$table"
	dmsetup clear v0
	is_live "two writers" 2
	tap_is "two writers: it is locked when that table is gone" \
		"$(barred read)" "flock 201 203"
	exits "two writers: another table reads it" 0 resize --quiet v0 +16M
	tap_is "two writers: it is locked then, too" "$(barred read)" \
		"flock 201 203"
	tap_run "two writers: it is taken back" dmsetup message v0 0 recall 1
	tap_is "two writers: others may read it" "$(barred read)" ""
	tap_is "two writers: nobody may lock it to write" "$(barred write)" \
		"flock 201 203"
	tap_fails "two writers: nobody may write it" sh -c ": >>'$BASE'"
	closed "two writers"
}

merge_field() { status_field v0 "['merge']$1" 2>/dev/null; }
copies() { [ "$(merge_field "['phase']")" = copying ]; }
has_copied() { copies && [ "$(merge_field "['done_bytes'] > 0")" = True ]; }
is_told() { grep -Eq -- "$1" "$SCRATCH/events"; }
ends() { [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"; }

# background: a merge that goes on by itself, and takes longer than any machine needs
# to look at it.
background() {
	exits "in the background: the command ends" 0 \
		merge --background --rate 64K v0
	says "in the background: names the process" "process [0-9]+ goes on"
	process=$(merge_field "['process']")
	tap_run "in the background: there is the process" \
		kill -0 "$process"
	tap_run "in the background: it copies" \
		wait_for "$PATIENCE" has_copied
}

# It is stopped, killed, and goes on; and others see that.
test_background() {
	local process watch

	opened 64M
	child
	dd if=/dev/urandom of="$dev" bs=1M count=24 oflag=direct status=none
	model --ops 10 --save "$MODEL" >/dev/null
	"$VHDXSETUP" events -v v0 >"$SCRATCH/events" 2>&1 &
	watch=$!
	wait_for "$PATIENCE" is_told watched
	tap_is "no merge: status does not tell of one" \
		"$(status_field v0 '.get("merge")')" None
	fails "no merge: there is none to stop" 6 "no merge of it is under way" \
		--stop v0
	documents "as JSON" 0 merge --json --background --rate 64K v0
	process=$(field '["background"]["process"]' <<<"$TAP_OUTPUT")
	tap_is "as JSON: status has the same process" \
		"$(merge_field "['process']")" "$process"
	fails "in the background: another does not begin" 7 "under way" v0
	tap_run "in the background: it copies" \
		wait_for "$PATIENCE" has_copied
	documents "status tells of it" 0 status --json v0
	tap_is "status tells what it goes into" \
		"$(field '["merge"]["into"]' <<<"$TAP_OUTPUT")" "$BASE"
	tap_is "status tells how much there is" \
		"$(field '["merge"]["total_bytes"] >= 24 << 20' \
			<<<"$TAP_OUTPUT")" True
	tap_run "events tells of it" wait_for "$PATIENCE" \
		is_told " v0 merge: copying, into $BASE: "
	exits "it is stopped" 0 merge --stop v0
	says "it is stopped: says so" "has stopped"
	tap_run "it is stopped: the process is gone" ends "$process"
	tap_is "it is stopped: status tells" "$(merge_field "['phase']")" stopped
	tap_like "it is stopped: status tells why" "$(merge_field "['why']")" \
		"interrupted"
	tap_run "it is stopped: events tells" wait_for "$PATIENCE" \
		is_told " v0 merge-stopped: interrupted"
	tap_is "it is stopped: it goes on in the child" \
		"$(status_field v0 '["image"]')" "$CHILD"

	background
	kill -KILL "$process"
	tap_run "it is killed" wait_for "$PATIENCE" ends "$process"
	documents "it is killed: status" 0 status --json v0
	tap_is "it is killed: status does not tell that it copies" \
		"$(field '["merge"]["phase"]' <<<"$TAP_OUTPUT")" stopped
	tap_like "it is killed: status tells why" \
		"$(field '["merge"]["why"]' <<<"$TAP_OUTPUT")" "was killed"
	tap_is "it is killed: nobody goes on" \
		"$(field '["merge"].get("process")' <<<"$TAP_OUTPUT")" None
	fails "it is killed: there is none to stop" 6 "under way" --stop v0
	tap_run "it is killed: it reads as the model says" \
		model --check "$MODEL"

	background
	exits "close stops it" 0 close v0
	says "close stops it: says so" "has stopped"
	tap_run "close stops it: the process is gone" ends "$process"
	exits "the chain opens" 0 open --quiet --bat-cache 64 "$CHILD" v0
	tap_is "another device with the number: status tells of no merge" \
		"$(status_field v0 '.get("merge")')" None

	"$VHDXSETUP" events -v v0 >"$SCRATCH/events" 2>&1 &
	watch+=" $!"
	wait_for "$PATIENCE" is_told watched
	exits "it goes on to the end" 0 merge --background --rate 16M v0
	tap_run "events tells of the end" wait_for "$PATIENCE" \
		is_told " v0 merge-done: "
	tap_is "at the end: status tells of no merge" \
		"$(status_field v0 '.get("merge")')" None
	is_base "in the background"
	closed background
	# shellcheck disable=SC2086 # two words
	wait $watch
}

# --- What is refused.
test_refused() {
	opened 64M
	fails "no parent" 4 "has no parent" v0
	fails "a device that is not there" 6 "no device of this name" v7
	child
	cp "$CHILD" "$SCRATCH/saved"
	dmsetup suspend --noudevsync v0
	fails "a suspended device" 7 "is suspended" v0
	dmsetup resume --noudevsync v0
	fails "another's ancestor" 4 "no ancestor" --into "$SCRATCH/saved" v0
	fails "parents by name" 1 "knows its parents" --parent "$BASE" v0
	fails "parents anywhere" 1 "knows its parents" --parents-anywhere v0
	fails "an image in the background" 1 "merge of a device" \
		--background "$CHILD"
	fails "no rate" 1 "not a size|too" --rate x v0
	is_live "so far" 2

	exits "close" 0 close v0
	exits "a sibling is made" 0 create --quiet --parent "$BASE" \
		"$STORE/sibling.vhdx"
	exits "open" 0 open --quiet "$CHILD" v0
	fails "a sibling" 7 "sibling.vhdx: is a child of" v0
	exits "  that is open" 0 open --quiet "$STORE/sibling.vhdx" v1
	fails "a parent that others read" 7 "in use by another device" --force v0
	exits "  that is closed" 0 close v1
	tap_run "a program reads the parent" in_reader \
		fails "a parent that a program has" 7 "in use by another program" \
		--force v0
	is_live "and then" 2
	exits "a sibling, by force" 0 merge --force v0
	says "  is named" "sibling.vhdx: is a child of"
	exits "  and does not open any more" 4 open --quiet \
		"$STORE/sibling.vhdx" v1
	rm "$STORE/sibling.vhdx"
	is_base "a sibling, by force"
	closed refused

	opened 64M
	child
	exits "close" 0 close v0
	exits "open, for reading only" 0 open --quiet --readonly "$CHILD" v0
	fails "a device for reading only" 5 "is read-only" v0
	closed "refused, too"

	rm "$SCRATCH/saved"
}

# A device is held by the kernel; a program that merges says when it has ended.
test_block_writers() {
	local table

	opened 16M
	child
	table="0 $(blockdev --getsz "$dev") vhdx $BASE"
	tap_run "a device: the parent is lent" dmsetup message v0 0 lend 1
	exits "a device: others may not have it for themselves" 7 \
		replay "$BASE"
	exits "a device: nor may another child" 0 create --quiet \
		--parent "$BASE" "$STORE/sibling.vhdx"
	exits "a device: be opened over it" 7 open --quiet "${ANYWHERE[@]}" \
		"$STORE/sibling.vhdx" v1
	says "a device: says why" "is being merged into"
	rm "$STORE/sibling.vhdx"
	VHDX_RW=1 tap_fails "a device: a table that writes it is refused" \
		dmsetup reload v0 --table "$table"
	tap_like "a device: says why" "$(dmesg --notime)" \
		"is still being merged into"
	tap_run "a device: it is given back" dmsetup message v0 0 recall 1
	VHDX_RW=1 tap_run "a device: then it is not refused" \
		dmsetup reload v0 --table "$table"
	dmsetup clear v0
	is_live "a device" 2
	tap_run "a device: it is lent again" dmsetup message v0 0 lend 1
	is_live "a device, again" 2
	closed "a device"
}

test_block_refused() {
	local loop

	opened 64M
	child
	exits "a top on a device: close" 0 close v0
	rm "$CHILD"
	BASE=$STORE/base.vhdx opened 64M
	exits "a top on a device: close" 0 close v0
	exits "a top on a device: it is made" 0 create --quiet --force \
		--parent "$STORE/base.vhdx" "$LOW"
	exits "a top on a device: open" 0 open --quiet \
		--parent "$STORE/base.vhdx" "$LOW" v0
	fails "a top on a device" 1 "a block device, which a merge cannot remove" v0
	tap_is "a top on a device: no file is left" "$(files)" base.vhdx
	exits "one in the middle: a child" 0 snapshot --quiet v0 "$CHILD"
	fails "one in the middle" 1 "a block device, which a merge cannot remove" \
		--into "$STORE/base.vhdx" v0
	tap_is "one in the middle: no other file is left" "$(files)" \
		"base.vhdx child.vhdx"
	exits "into the one in the middle" 0 merge v0
	tap_is "into the one in the middle: no other file is left" "$(files)" \
		base.vhdx
	closed "into the one in the middle"

	opened 64M
	child
	blockdev --setro "$(realpath "$LOW")"
	fails "a device for reading only" 5 "the device is read-only" v0
	blockdev --setrw "$(realpath "$LOW")"
	is_live "a device for reading only" 2
	closed "a device for reading only"

	loop=$(loop_from "$SCRATCH/low.img")
	BASE=$loop
	opened 64M
	exits "a name that does not last: a child" 0 snapshot --quiet \
		--parent "$loop" v0 "$CHILD"
	model --ops 30 --save "$MODEL" >/dev/null
	fails "a name that does not last, with --keep" 1 \
		"by no name that lasts" --keep v0
	is_live "a name that does not last" 2
	merged "a name that does not last, without" v0
	is_base "a name that does not last"
	closed "a name that does not last"

	opened 64M
	ln -s "$loop" "$STORE/link"
	exits "a link of the user's: a child" 0 snapshot --quiet \
		--parent "$STORE/link" v0 "$CHILD"
	model --ops 30 --save "$MODEL" >/dev/null
	merged "a link of the user's, with --keep" --keep v0
	says "a link of the user's, with --keep: is told" \
		"is merged into $STORE/link: "
	is_live "a link of the user's, with --keep" 2
	tap_is "a link of the user's: the child that is kept has it" \
		"$("$VHDXSETUP" info --all --json "$CHILD" |
			field '["parent"]["relative_path"]')" '.\link'
	closed "a link of the user's"
	rm "$STORE/link"
	losetup -d "$loop"
	BASE=$LOW
}

# The target is a child itself: its bitmaps and its table are read anew all the time
# as it is written, and what is not in it is that of its parent.
test_block_child() {
	local lowest=$STORE/lowest.vhdx

	new_image "$lowest" 96M
	"$VHDXSETUP" open --quiet "$lowest" v0 >/dev/null
	dd if=/dev/urandom of="$dev" bs=1M count=96 oflag=direct status=none
	exits "a device that is a child: close" 0 close v0
	exits "a device that is a child: it is made" 0 create --quiet --force \
		--parent "$lowest" --block-size 1M "$LOW"
	exits "a device that is a child: open" 0 open --quiet --bat-cache 64 \
		--parent "$lowest" "$LOW" v0
	merged_often "a device that is a child"
	exits "a device that is a child: close" 0 close v0
	exits "a device that is a child: the chain is in order" 0 \
		check --quiet --chain --parent "$lowest" "$LOW"
	exits "a device that is a child: open" 0 open --quiet \
		--parent "$lowest" "$LOW" v0
	tap_run "a device that is a child: it reads as the model says" \
		model --check "$MODEL"
	exits "a device that is a child: merge it" 1 merge v0
	says "a device that is a child: says why not" "cannot remove"
	closed "a device that is a child"
}

# in_reader COMMAND...: while another program has the parent as a reader has it.
in_reader() {
	python3 - "$BASE" <<'END' &
import fcntl, sys, time
file = open(sys.argv[1], "rb")
fcntl.flock(file, fcntl.LOCK_SH)
time.sleep(1000)
END
	local reader=$!

	wait_for 30 locked_by "$reader"
	"$@"
	kill "$reader"
	wait "$reader" || true
}

locked_by() { grep -q "FLOCK .* $1 " /proc/locks; }

write_setup 3G
test_keep
test_two_writers
test_refused
test_background
test_sizes
test_chain
SECTOR=4096 test_chain --sector-size 4096
test_mounted
test_model
test_fio
low_made 400M
on_block test_block_writers
on_block test_block_refused
on_block test_block_child
on_block test_keep
on_block test_sizes
on_block test_chain
on_block test_model
on_block test_fio
rm "$SCRATCH/low.img"
gone "nothing is left"
write_done
tap_done
