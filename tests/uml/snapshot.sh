#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vhdxsetup snapshot: a device that is written goes on in a child, again and
# again, and reads as a model says; no parent changes after that, and what fails
# leaves the device as it was.

set -euo pipefail
# shellcheck source=tests/uml/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

DEV=$dev
MODEL=$SCRATCH/model
MANY=12
ROUNDS=5
if slow_guest; then
	MANY=6
	ROUNDS=3
fi

# The images of the device, the one that is written last; and what finds its parents.
images=()
anywhere=()

# opened SIZE [OPTION...]: v0, of a new image; options of "open".
opened() {
	local size=$1

	shift
	images=("$STORE/base.vhdx")
	new_image "${images[0]}" "$size"
	"$VHDXSETUP" open --quiet "$@" "${images[0]}" v0 >/dev/null
}

closed() {
	exits "$1: close" 0 close v0
	rm -f "$STORE"/*.vhdx
}

# snapshot DESC [OPTION...]: the next child; its parent's sum is kept.
sums=()
snapshot() {
	local desc=$1 child=$STORE/child${#images[@]}.vhdx

	shift
	exits "$desc" 0 snapshot "$@" v0 "$child"
	tap_note "$TAP_OUTPUT"
	sums[${#images[@]} - 1]=$(image_sum "${images[-1]}")
	images+=("$child")
}

# Each of them reads as it did when it became a parent.
parents_stay() {
	local i changed=

	for ((i = 0; i < ${#images[@]} - 1; i++)); do
		[ "$(image_sum "${images[i]}")" = "${sums[i]}" ] ||
			changed+=" ${images[i]}"
	done
	tap_is "$1: no parent has changed" "$changed" ""
}

# offline DESC: closed, the chain is in order, and the disk what it was.
offline() {
	local desc=$1 sum

	sum=$(sum_of "$dev")
	exits "$desc: close" 0 close v0
	exits "$desc: nothing is wrong with the chain" 0 check --quiet --chain \
		"${anywhere[@]}" "${images[-1]}"
	exits "$desc: it opens by its last image" 0 open --quiet \
		"${anywhere[@]}" "${images[-1]}" v0
	tap_is "$desc: of as many images" "$(vhdx_status v0 layers)" \
		"${#images[@]}"
	tap_is "$desc: and reads the same" "$(sum_of "$dev")" "$sum"
	parents_stay "$desc"
	closed "$desc"
}

# unchanged DESC: the device is what opened() made, and no child is left over.
unchanged() {
	tap_is "$1: the device has one image" "$(vhdx_status v0 layers)" 1
	tap_is "$1: and is not suspended, nor is another table loaded" \
		"$(dmsetup info -c --noheadings -o suspended,tables_loaded v0)" \
		Active:Live
	tap_run "$1: it is written" model --ops 20
	tap_is "$1: there is no child" "$(shopt -s nullglob
		echo "$STORE"/child*)" ""
}

# fails DESC CODE SENTENCE ARG...
fails() {
	local desc=$1 code=$2 sentence=$3

	shift 3
	exits "$desc" "$code" snapshot "$@"
	says "$desc: says why" "$sentence"
}

test_states() {
	local before

	opened 32M
	before=$(sum_of "${images[0]}")
	snapshot "nothing was ever written"
	tap_is "nothing was ever written: the parent stays as it was" \
		"${sums[0]}" "$before"
	tap_run "the child is written" model --ops 100 --save "$MODEL"
	snapshot "something was written"
	tap_run "it reads as the model says" model --check "$MODEL"
	tap_run "the second child is written" model --ops 100 --save "$MODEL"
	dmsetup suspend --noudevsync v0
	dmsetup resume --noudevsync v0
	snapshot "after a suspend"
	tap_run "it reads as the model says" model --check "$MODEL"
	tap_is "status: the image" "$(status_field v0 '["image"]')" \
		"${images[3]}"
	tap_is "status: its parents" "$(status_field v0 '["parents"]')" \
		"['${images[2]}', '${images[1]}', '${images[0]}']"
	exits "list" 0 list -n -o NAME,PARENTS
	says "  has the parents" "v0 +3"
	tap_run "and is written" model --ops 100
	offline "four images"
}

# A model that is compared all the while, and more I/O than that beside.
test_load() {
	local i

	opened 256M
	in_background model --ops 1500 --save "$MODEL"
	for ((i = 0; i < ROUNDS; i++)); do
		sleep 0.5
		snapshot "under load, $i"
	done
	wait "$pid"
	tap_is "under load: what is read is what the model says" \
		"$(cat "$SCRATCH/ended.$pid")" 0
	offline "under load"
}

test_fio() {
	local i

	opened 512M
	in_background fio --name=f --filename="$dev" --direct=1 --rw=randwrite \
		--bs=4k --ioengine=libaio --iodepth=32 --size=256M --io_size=64M \
		--verify=crc32c --verify_fatal=1 --output=/dev/null
	for ((i = 0; i < ROUNDS; i++)); do
		sleep 0.3
		snapshot "fio at depth 32, $i"
	done
	wait "$pid"
	tap_is "fio at depth 32: what it wrote is there" \
		"$(cat "$SCRATCH/ended.$pid")" 0
	offline "fio at depth 32"
}

test_many() {
	local i

	opened 64M
	for ((i = 0; i < MANY; i++)); do
		dd if=/dev/urandom of="$dev" bs=64k count=1 seek="$i" oflag=direct \
			conv=notrunc status=none
		snapshot "$MANY in a row, $i" --quiet
	done
	tap_run "$MANY in a row: it is written" model --ops 100
	offline "$MANY in a row"
}

# A file system, and one on a partition: rests DEVICE ARG...
test_mounted() {
	local name=$1 options=() part=$dev mnt=$SCRATCH/mnt sum i

	shift
	opened 128M
	mkdir -p "$mnt"
	if [ "$name" = "a partition" ]; then
		echo ",,L" | sfdisk --quiet "$dev"
		exits "$name: close" 0 close v0
		exits "$name: open" 0 open --quiet --partitions "${images[0]}" v0
		part=${dev}p1
	fi
	mkfs.ext4 -q "$part"
	mount "$part" "$mnt"
	for i in 1 2 3; do
		dd if=/dev/urandom of="$mnt/file$i" bs=1M count=4 status=none
		options=()
		[ $((i % 2)) = 1 ] || options=(--quiesce)
		snapshot "$name, mounted, $i ${options[*]}" "${options[@]}"
	done
	tap_is "$name: nothing is suspended" \
		"$(dmsetup info -c --noheadings -o suspended | sort -u)" Active
	sum=$(cd "$mnt" && sha256sum file1 file2 file3)
	umount "$mnt"
	exits "$name: close" 0 close v0
	# The second child began where the file system was at rest.
	exits "$name: open the parent that was quiesced" 0 open --quiet \
		--readonly --partitions "${images[1]}" v0
	tap_fails "$name: its journal is empty" \
		sh -c "dumpe2fs -h $part 2>&1 | grep needs_recovery"
	tap_run "$name: it is in order" e2fsck -fn "$part"
	exits "$name: close" 0 close v0
	exits "$name: open" 0 open --quiet --partitions "${images[-1]}" v0
	mount "$part" "$mnt"
	tap_is "$name: the files are what they were" \
		"$(cd "$mnt" && sha256sum file1 file2 file3)" "$sum"
	umount "$mnt"
	parents_stay "$name"
	closed "$name"
}

# --- What is refused.
test_refused() {
	local child=$STORE/child1.vhdx mnt=$SCRATCH/mnt

	opened 16M
	model --ops 20 >/dev/null
	fails "a device that is not there" 6 "no device of this name" v7 "$child"
	: >"$STORE/there"
	fails "a file that is there" 7 "there: exists" v0 "$STORE/there"
	tap_is "  is not touched" "$(stat -c %s "$STORE/there")" 0
	fails "the parent itself" 7 "exists" v0 "${images[0]}"
	fails "a folder that is not there" 6 "No such file" v0 \
		"$STORE/none/child.vhdx"
	unchanged "so far"
	mkdir -p "$mnt"
	mount -t tmpfs -o ro tmpfs "$mnt"
	fails "a folder for reading only" 5 "Read-only file system" v0 \
		"$mnt/child.vhdx"
	mount -o remount,rw,size=1M "$mnt"
	fails "a full disk" 13 "no room|No space" v0 "$mnt/child.vhdx"
	tap_is "  nothing is left there" "$(ls "$mnt")" ""
	umount "$mnt"
	unchanged "and then"

	dmsetup suspend --noudevsync v0
	fails "a suspended device" 7 "is suspended" v0 "$child"
	dmsetup resume --noudevsync v0
	VHDX_RW=1 dmsetup reload v0 --table "$(dmsetup table v0)"
	fails "a device with a table that waits" 7 "not live" v0 "$child"
	dmsetup clear v0
	mkfs.ext4 -q "$dev"
	mount "$dev" "$mnt"
	fails "a folder on the device itself" 8 "lies on the very device" v0 \
		"$mnt/child.vhdx"
	tap_is "  nothing is left there" "$(ls "$mnt")" lost+found
	umount "$mnt"
	unchanged "and then"
	mv "${images[0]}" "$STORE/moved.vhdx"
	exits "an image that was renamed" 0 snapshot v0 "$child"
	exits "  is named as it is now" 0 info --all "$child"
	says "  by the child" "moved.vhdx"
	rm "$STORE/moved.vhdx"
	closed "refused"

	opened 16M --readonly
	fails "a device for reading only" 5 "is read-only" v0 "$child"
	closed "read-only"
	opened 16M
	rm "${images[0]}"
	fails "an image that was deleted" 6 "not there any more" v0 "$child"
	closed "deleted"

}

# --- An image on a block device.
LINK=/dev/disk/by-id/test-disk

# relative CHILD: the path by which it names its parent.
relative() {
	"$VHDXSETUP" info --all --json "$1" 2>/dev/null |
		field '["parent"]["relative_path"]'
}

# block_opened DEVICE: v0, of a new image on it.
block_opened() {
	images=("$1")
	new_image "$1" 64M --force --block-size 1M
	"$VHDXSETUP" open --quiet "$1" v0 >/dev/null
}

# The device is in use, and reads as the model says, when children are made; the
# parent is found when the kernel's numbers have changed.
test_block() {
	local other i

	low_made 192M
	low_open
	block_opened "$LOW"
	# What is cached of the image gets old as the target writes it.
	cat "$LOW" >/dev/null
	exits "on a block device: it grows" 0 resize --quiet v0 +16M
	in_background model --ops 600 --save "$MODEL"
	for i in 1 2; do
		sleep 0.3
		snapshot "on a block device, under load, $i"
	done
	wait "$pid"
	tap_is "on a block device: what is read is what the model says" \
		"$(cat "$SCRATCH/ended.$pid")" 0
	tap_is "on a block device: the child has the name that lasts" \
		"$(relative "${images[1]}")" '..\..\dev\mapper\low'
	exits "on a block device: the chain is known" 0 info --chain \
		--parents-anywhere "${images[2]}"
	exits "on a block device: close" 0 close v0

	low_close
	other=$(loop_from "$SCRATCH/low.img" --read-only)
	dm_create other "0 8 zero"
	low_open
	exits "the numbers are others: without leave" 4 open "${images[2]}" v0
	says "  the path is not followed" "low leads out of the directory"
	exits "the numbers are others: open" 0 open --quiet --parents-anywhere \
		"${images[2]}" v0
	tap_run "the numbers are others: it reads as the model says" \
		model --check "$MODEL"
	tap_run "the numbers are others: it is written" model --ops 20
	anywhere=(--parents-anywhere)
	offline "on a block device"
	anywhere=()
	dm_remove other
	losetup -d "$other"

	block_opened "$LOW"
	model --ops 20 --save "$MODEL" >/dev/null
	exits "create and rebase: close" 0 close v0
	exits "create: a parent on a device" 0 create --quiet --parent \
		"$(realpath "$LOW")" "$STORE/child1.vhdx"
	tap_is "create: names what lasts" "$(relative "$STORE/child1.vhdx")" \
		'..\..\dev\mapper\low'
	mkdir "$STORE/below"
	mv "$STORE/child1.vhdx" "$STORE/below"
	exits "rebase: by the same name" 0 rebase --quiet --parent "$LOW" \
		"$STORE/below/child1.vhdx"
	tap_is "rebase: names what lasts" \
		"$(relative "$STORE/below/child1.vhdx")" \
		'..\..\..\dev\mapper\low'
	exits "rebase: open" 0 open --quiet --parents-anywhere \
		"$STORE/below/child1.vhdx" v0
	tap_run "rebase: it reads as the model says" model --check "$MODEL"
	exits "create and rebase: close" 0 close v0
	rm -r "$STORE/below"
	low_close
}

# Names of devices that do not last, and others that do.
test_names() {
	local child=$STORE/child1.vhdx loop link=$STORE/link

	loop=$(loop_from "$SCRATCH/low.img")
	block_opened "$loop"
	model --ops 20 --save "$MODEL" >/dev/null
	fails "no lasting name" 1 "loop[0-9]+, which may be another device" \
		v0 "$child"
	fails "another's name" 1 "is not what v0 writes" \
		--parent "$SCRATCH/low.img" v0 "$child"
	fails "a name that is not there" 4 "none: No such file" \
		--parent "$STORE/none" v0 "$child"
	fails "two names" 1 "has one parent" --parent "$loop" \
		--parent "$loop" v0 "$child"
	unchanged "names of a device"

	model --ops 20 --save "$MODEL" >/dev/null
	exits "the name that was given" 0 snapshot --parent "$loop" v0 "$child"
	says "  is taken with a warning" "may be another device after a restart"
	tap_is "  and recorded" "$(relative "$child")" "..\\..\\dev\\${loop##*/}"
	exits "  close" 0 close v0
	rm "$child"

	"$VHDXSETUP" open --quiet "$loop" v0 >/dev/null
	ln -s "$loop" "$link"
	exits "a link of the user's" 0 snapshot --parent "$link" v0 "$child"
	tap_is "  is recorded" "$(relative "$child")" '.\link'
	says "  which is said" "its parent is $link;"
	exits "  close" 0 close v0
	exits "  it leads out, which takes leave" 4 open "$child" v0
	exits "  open" 0 open --quiet --parents-anywhere "$child" v0
	tap_run "  it reads as the model says" model --check "$MODEL"
	exits "  close" 0 close v0
	rm "$child" "$link"

	"$VHDXSETUP" open --quiet "$loop" v0 >/dev/null
	mkdir -p "${LINK%/*}" /dev/block
	ln -s "$loop" "$LINK:0"
	fails "a link of udev's that Windows does not allow" 1 \
		"no name in .* lasts and is one that Windows allows" v0 "$child"
	ln -s "$loop" "$LINK"
	ln -s "$loop" "/dev/block/$(lsblk -dno MAJ:MIN "$loop" | tr -d ' ')"
	exits "a link of udev's" 0 snapshot v0 "$child"
	tap_is "  is found and recorded" "$(relative "$child")" \
		'..\..\dev\disk\by-id\test-disk'
	exits "  close" 0 close v0
	exits "  open" 0 open --quiet --parents-anywhere "$child" v0
	tap_run "  it reads as the model says" model --check "$MODEL"
	exits "  close" 0 close v0
	rm -r "$child" "${LINK%/*}" /dev/block
	losetup -d "$loop"

	opened 16M
	ln -s "${images[0]}" "$link"
	exits "a link to a file" 0 snapshot --parent "$link" v0 "$child"
	tap_is "  is resolved" "$(relative "$child")" '.\base.vhdx'
	says "  which is said" "its parent is ${images[0]};"
	rm "$link"
	closed "a link to a file"
}

# named DESC UUID NAME WANTED: a child is made of an image on such a device of
# device-mapper, and records WANTED of /dev; or what it records does not last, if
# that is empty. The image is on $LOW_LOOP.
named() {
	local desc=$1 uuid=$2 name=$3 wanted=$4 child=$STORE/child1.vhdx

	dmsetup create --noudevsync ${uuid:+-u "$uuid"} "$name" --table \
		"0 $(blockdev --getsz "$LOW_LOOP") linear $LOW_LOOP 0"
	dmsetup mknodes
	exits "$desc" 0 create --parent "/dev/mapper/$name" "$child"
	if [ -n "$wanted" ]; then
		tap_is "  is named so" "$(relative "$child")" "..\\..\\dev\\$wanted"
		tap_fails "  without a warning" grep -q warning <<<"$TAP_OUTPUT"
	else
		says "  has no name that lasts" "may be another device"
	fi
	rm "$child"
	dm_remove "$name"
}

# What device-mapper calls a device may count devices, too.
test_made_up() {
	local by_id=${LINK%/*} id=01234567-89ab-cdef-0123-456789abcdef
	local uuid=VHDX-${id//-/} kpartx=devnode_7:0_Wh5pYvM

	LOW_LOOP=$(loop_from "$SCRATCH/low.img")
	new_image "$LOW_LOOP" 64M --force
	named "a name that was chosen" "" low 'mapper\low'
	named "a logical volume" LVM-0 vg-low 'mapper\vg-low'
	named "  a partition of one" part1-LVM-0 vg-low1 'mapper\vg-low1'
	named "a name that open made up" "$uuid-vhdx7" vhdx7 ""
	named "  a partition of it" "part2-$uuid-vhdx7" vhdx7p2 ""
	named "  a private one" "${uuid/VHDX/VHDXPRIVATE}-vhdx7" vhdx7 ""
	named "a name of a device of ours that was chosen" \
		"$uuid-vhdx7a" vhdx7a 'mapper\vhdx7a'
	named "a partition of a loop device" "part1-$kpartx" loop7p1 ""

	mkdir -p "$by_id"
	ln -s /dev/mapper/vhdx7 "$by_id/dm-name-vhdx7"
	ln -s /dev/mapper/vhdx7 "$by_id/dm-uuid-$uuid-vhdx7"
	named "a name that open made up, as udev has it" \
		"$uuid-vhdx7" vhdx7 ""
	ln -s /dev/mapper/vhdx7 "$by_id/vhdx-$id"
	ln -s /dev/mapper/vhdx7p2 "$by_id/vhdx-$id-part2"
	ln -s /dev/mapper/vhdx7a "$by_id/vhdx-a"
	named "a link by the identity" "$uuid-vhdx7" vhdx7 \
		"disk\by-id\vhdx-$id"
	named "  of a partition" "part2-$uuid-vhdx7" vhdx7p2 \
		"disk\by-id\vhdx-$id-part2"
	named "  where the name was chosen" "$uuid-vhdx7a" vhdx7a \
		'disk\by-id\vhdx-a'
	rm -r "$by_id"
	losetup -d "$LOW_LOOP"
}

# The calls of ioctl that a snapshot makes, one a line. What comes in between does
# so after a call of device-mapper, whatever the machine's speed.
CALLS=$SCRATCH/calls
AT_LOAD=
AT_LAST=

# learn_calls: which calls load the table, and end the questions before the swap.
learn_calls() {
	opened 16M
	strace -f -qqq -o "$CALLS" -e trace=ioctl "$VHDXSETUP" snapshot v0 \
		"$STORE/child1.vhdx" >/dev/null 2>&1
	read -r AT_LOAD AT_LAST < <(awk '
		NR == 1 { main = $1 }
		$1 != main { next }
		{ calls++ }
		/DM_TABLE_LOAD/ { load = calls }
		/DM_DEV_SUSPEND/ && load && !swap { swap = calls }
		END { print load, swap - 1 }' "$CALLS")
	tap_run "the calls of a snapshot are known" \
		test "$AT_LOAD" -lt "$AT_LAST"
	closed "the calls of a snapshot"
}

# begin CALL: a snapshot of v0 to $child, stopped after that call of ioctl; $pid
# is the parent of vhdxsetup.
begin() {
	rm -f "$SCRATCH/trace"
	strace -f -qqq -o "$SCRATCH/trace" -e trace=ioctl \
		-e "inject=ioctl:signal=SIGSTOP:when=$1" \
		"$VHDXSETUP" snapshot v0 "$child" >"$SCRATCH/out" 2>&1 &
	pid=$!
	wait_for "$PATIENCE" grep -qs "stopped by SIGSTOP" "$SCRATCH/trace"
	tap_fails "  the table with the child is loaded" test Live = \
		"$(dmsetup info -c --noheadings -o tables_loaded v0)"
}

# go_on [SIGNAL]: its exit code is $status; the signal comes first.
go_on() {
	[ $# = 0 ] || pkill "-$1" -P "$pid"
	pkill -CONT -P "$pid" || true
	wait "$pid" && status=0 || status=$?
}

write_something() {
	dd if=/dev/urandom of="$dev" bs=4k count=1 oflag=direct status=none
}

# succeeded DESC: what was begun goes on, and the device does so in its child.
succeeded() {
	go_on
	tap_is "$1" "$status" 0
	tap_is "  the device goes on in the child" "$(vhdx_status v0 layers)" 2
	exits "  close" 0 close v0
	exits "  the chain is in order" 0 check --quiet --chain "$child"
	rm "$STORE"/*.vhdx
}

# --- What comes in between.
test_between() {
	local child=$STORE/child1.vhdx status

	if ! strace -qqq -o /dev/null true 2>/dev/null; then
		tap_skip "what comes in between" "no strace here"
		return
	fi
	learn_calls
	opened 16M
	begin "$AT_LOAD"
	write_something
	succeeded "the first write comes in between: all the same"

	opened 16M
	begin "$AT_LOAD"
	fails "two at a time" 7 "another snapshot, merge or resize of it is under way" v0 \
		"$STORE/child2.vhdx"
	succeeded "two at a time: the first one is made"

	opened 16M
	begin "$AT_LAST"
	write_something
	succeeded "the first write comes before the swap: all the same"
	tap_like "  it was noticed" "$(dmesg --notime)" \
		"child1.vhdx: .*the parent has data write GUID"

	opened 16M
	begin "$AT_LOAD"
	dmsetup clear v0
	go_on
	tap_is "another program's hand: ends it" "$status" 7
	tap_like "another program's hand: says so" "$(<"$SCRATCH/out")" \
		"another program changes its table; nothing is done"
	unchanged "another program's hand"

	begin "$AT_LOAD"
	go_on TERM
	tap_is "a signal: ends it" "$status" 130
	tap_like "a signal: says so" "$(<"$SCRATCH/out")" "interrupted"
	unchanged "a signal"

	begin "$AT_LOAD"
	go_on KILL
	tap_run "killed: the device is written" model --ops 20
	fails "killed: what is left stands in the way" 7 "not live" v0 \
		"$STORE/child2.vhdx"
	dmsetup clear v0
	fails "killed: and so does the child" 7 "exists" v0 "$child"
	rm "$child"
	unchanged "killed, and cleared"
	exits "killed: once more" 0 snapshot v0 "$child"
	closed "killed"

	# The helper asks the device for its size, so that it is a few calls further.
	low_open
	block_opened "$LOW"
	begin "$AT_LAST"
	write_something
	go_on
	tap_is "on a block device, the first write comes before the swap" \
		"$status" 0
	tap_is "  the device goes on in the child" "$(vhdx_status v0 layers)" 2
	model --ops 20 --save "$MODEL" >/dev/null
	exits "  close" 0 close v0
	exits "  the chain is in order" 0 check --quiet --chain \
		--parents-anywhere "$child"
	rm "$child"
	"$VHDXSETUP" open --quiet "$LOW" v0 >/dev/null
	model --ops 20 --save "$MODEL" >/dev/null
	begin "$AT_LAST"
	go_on KILL
	tap_run "on a block device, killed: it is written" model --ops 20 \
		--save "$MODEL"
	exits "  close" 0 close v0
	exits "  the image opens" 0 open --quiet "$LOW" v0
	tap_run "  it reads as the model says" model --check "$MODEL"
	rm "$child"
	exits "  once more" 0 snapshot v0 "$child"
	exits "  close" 0 close v0
	exits "  the chain is in order" 0 check --quiet --chain \
		--parents-anywhere "$child"
	rm "$child"
	low_close
}

# While the device is suspended, the kernel's grace periods are expedited. Afterwards
# the switch is as it was, whoever has set it.
test_expedited() {
	local switch=/sys/kernel/rcu_expedited mark=/run/vhdxsetup/expedited

	if [ ! -e "$switch" ]; then
		tap_skip "expedited grace periods" "this kernel has no switch"
		return
	fi
	opened 16M
	exits "expedited: snapshot" 0 snapshot v0 "$STORE/e1.vhdx"
	tap_is "expedited: then the switch is off again" "$(<"$switch")" 0
	echo 1 >"$switch"
	exits "expedited: snapshot, with the switch on" 0 snapshot v0 \
		"$STORE/e2.vhdx"
	tap_is "expedited: then it is still on" "$(<"$switch")" 1
	printf 1 >"$mark"
	exits "expedited: snapshot, after one that was killed" 0 snapshot v0 \
		"$STORE/e3.vhdx"
	tap_is "expedited: then it is off" "$(<"$switch")" 0
	tap_is "expedited: and the mark is gone" "$(<"$mark")" ""
	closed "expedited"
}

write_setup 2G
test_states
test_load
test_fio
test_many
test_mounted "a file system"
test_mounted "a partition"
test_refused
test_block
test_names
test_made_up
test_between
test_expedited
rm "$SCRATCH/low.img"
gone "nothing is left"
write_done
tap_done
