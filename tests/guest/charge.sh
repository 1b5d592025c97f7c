#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Control groups: the disk below an image sees I/O as that of the group which uses
# the device, whichever worker sends it.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"
# shellcheck source=tests/guest/write/below.sh
. "$GUEST/write/below.sh"

GROUPS_DIR=/run/groups
GROUP=$GROUPS_DIR/user
DIR=/run/charged

groups_setup() {
	mkdir -p $GROUPS_DIR
	mount -t cgroup2 none $GROUPS_DIR 2>/dev/null || return
	grep -qw io $GROUPS_DIR/cgroup.controllers &&
		grep -qw memory $GROUPS_DIR/cgroup.controllers || return
	echo "+io +memory" >$GROUPS_DIR/cgroup.subtree_control
}

# A group of its own for each case: what it did before does not count.
group_new() {
	mkdir $GROUP
	[ -e $GROUP/io.max ]
}

group_gone() {
	wait_for 20 rmdir $GROUP
}

# in_group COMMAND...: a program, or a function that is exported.
in_group() {
	# shellcheck disable=SC2016 # for the shell in the group
	bash -c 'echo $$ >"$0"/cgroup.procs; "$@"' $GROUP "$@"
}

below_number() { lsblk -dno MAJ:MIN /dev/mapper/below | tr -d ' '; }

# charged KEY: what the group did to the disk below the image.
charged() {
	awk -v disk="$(below_number)" -v key="$1" '
		$1 == disk {
			for (i = 2; i <= NF; i++)
				if (split($i, part, "=") && part[1] == key)
					sum = part[2]
		}
		END { print sum + 0 }' $GROUP/io.stat
}

memory_of() { awk -v key="$1" '$1 == key { print $2 }' $GROUP/memory.stat; }

# store_on_below file|block [BLOCK-SIZE]
store_on_below() {
	local size=${2-1M}

	below_setup 256M
	if [ "$1" = file ]; then
		below_mount $DIR
		IMAGE=$DIR/image.vhdx
		new_image "$IMAGE" 64M --block-size "$size"
	else
		IMAGE=/dev/mapper/below
		new_image "$IMAGE" 64M --block-size "$size" --force
	fi
}

store_off_below() {
	[ "$1" != file ] || umount $DIR
	below_gone
}

# write COUNT [DD-ARGUMENT...]: so many times 64 KiB.
write() {
	local count=$1

	shift
	dd if=/dev/zero of="$DEV" bs=64k count="$count" oflag=direct \
		conv=notrunc status=none "$@"
}

at_least() {
	tap_run "$1: $3 of $2" test "$2" -ge "$3"
}

test_charged() {
	local what="$1 store" before

	store_on_below "$1"
	rw_create w "$IMAGE"
	export DEV
	write 1
	group_new
	tap_run "$what: a group writes new blocks" in_group write 64 seek=16
	tap_run "$what: some of which a worker had to see to" \
		test "$(vhdx_status w deferred)" -gt 0
	at_least "$what: its writes are charged to it" \
		"$(charged wbytes)" $((4 << 20))
	tap_run "$what: it reads" in_group dd if="$DEV" of=/dev/null bs=64k \
		skip=16 count=64 iflag=direct status=none
	at_least "$what: its reads are charged to it" \
		"$(charged rbytes)" $((4 << 20))
	before=$(charged wbytes)
	tap_run "$what: it overwrites" in_group write 64 seek=16
	at_least "$what: which is charged to it" \
		"$(($(charged wbytes) - before))" $((4 << 20))
	before=$(charged wbytes)
	write 64 seek=256
	tap_is "$what: what others write is not" "$(charged wbytes)" "$before"
	dm_remove w
	group_gone
	store_off_below "$1"
}

# What is written to blocks of zeros that are there, by a group and on its behalf.
test_zeroes() {
	local what="block store, zeroes" before

	store_on_below block
	rw_create w "$IMAGE"
	export DEV
	write 16
	group_new
	before=$(charged wbytes)
	tap_run "$what: a group zeroes a part of a block" \
		in_group blkdiscard -z -o 256k -l 512k "$DEV"
	at_least "$what: that is charged to it" \
		"$(($(charged wbytes) - before))" $((512 << 10))
	dm_remove w
	group_gone
	store_off_below block
}

# The space of a block is zeroed whole, whatever is written to it first.
test_new_block() {
	local what="block store, new block"

	store_on_below block 32M
	rw_create w "$IMAGE"
	export DEV
	group_new
	tap_run "$what: a group writes a part of it" in_group write 1
	at_least "$what: the rest is charged to it, too" \
		"$(charged wbytes)" $((32 << 20))
	dm_remove w
	group_gone
	store_off_below block
}

# The limit is that of the disk below, which knows nothing of the device.
test_limited() {
	local what="$1 store, limited" start

	store_on_below "$1"
	rw_create w "$IMAGE"
	export DEV
	write 1
	group_new
	echo "$(below_number) wbps=1048576" >$GROUP/io.max
	start=$SECONDS
	tap_run "$what: a group writes" in_group write 64 seek=16
	tap_run "$what: no faster than it may" test $((SECONDS - start)) -ge 3
	dm_remove w
	group_gone
	store_off_below "$1"
}

# Through the page cache, which is the group's, too.
test_memory() {
	local what="file store, page cache" before

	store_on_below file
	rw_create w "$IMAGE" buffered
	export DEV
	write 1
	group_new
	before=$(memory_of file)
	tap_run "$what: a group writes" in_group write 256 seek=16
	at_least "$what: its pages are charged to it" \
		"$(($(memory_of file) - before))" $((8 << 20))
	dm_remove w
	umount $DIR
	group_gone
	below_gone
}

export -f write
if ! groups_setup; then
	tap_skip "control groups" "the kernel has none for I/O and memory"
	tap_done
	exit
fi
test_charged file
test_charged block
test_zeroes
test_new_block
test_limited file
test_memory
umount $GROUPS_DIR
tap_done
