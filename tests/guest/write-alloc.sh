#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Allocations fail while a device is written to, where the kernel can choose
# which ones.
# One after the other fails, while the image is opened and replayed, while it is
# written and discarded, committed, checkpointed, suspended; in the task that
# asks for it, and in the committer. The module asks for little: nothing fails
# but to make a device, and no block is lost.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/lib-inject.sh
. "$GUEST/lib-inject.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

LIMIT=1000000
SIZE=256M
MIB=0
declare -A PIECES

times() { cat /sys/kernel/debug/failslab/times; }

# piece N: what the Nth MiB of the disk begins with.
piece() { yes "$1" | head -c 65536 || true; }

# put N: puts it there, and flushes.
put() {
	piece "$1" >"$SCRATCH/piece"
	dd if="$SCRATCH/piece" of="$DEV" bs=64k seek=$(($1 * 16)) \
		oflag=direct conv=notrunc,fsync status=none
	PIECES[$1]=1
}

# Takes blocks that are absent, and comes round when there are no more.
next_mib() {
	MIB=$(((MIB + 1) % 250))
	! [ "${PIECES[$MIB]-}" = 1 ] || drop $MIB
}

drop() {
	blkdiscard -o $(($1 << 20)) -l 1M "$DEV"
	unset "PIECES[$1]"
}

pieces_are_there() {
	local n

	for n in "${!PIECES[@]}"; do
		cmp <(piece "$n") <(dd if="$DEV" bs=64k count=1 iflag=direct \
			skip=$((n * 16)) status=none) || return
	done
}

mode_is_rw() { [ "$(vhdx_status w mode)" = rw ]; }

# nth N COMMAND...: the Nth of the command's allocations fails.
nth() {
	# shellcheck disable=SC2016 # for the inner shell to expand
	bash -c 'echo "$1" >/proc/self/fail-nth; shift; exec "$@"' bash "$@"
}

# Steps of a sweep: "step N" does something of which the Nth allocation fails,
# and returns whether that went well.
step_write() {
	next_mib
	piece $MIB >"$SCRATCH/piece"
	nth "$1" dd if="$SCRATCH/piece" of="$DEV" bs=64k seek=$((MIB * 16)) \
		oflag=direct conv=notrunc,fsync status=none &&
		PIECES[$MIB]=1
}

step_discard() {
	next_mib
	put $MIB && nth "$1" blkdiscard -o $((MIB << 20)) -l 1M "$DEV" &&
		unset "PIECES[$MIB]"
}

# A write of zeroes to part of a block.
step_zero() {
	next_mib
	put $MIB && nth "$1" fallocate -z -n -o $(((MIB << 20) + 65536)) \
		-l 64K "$DEV"
}

step_commit() {
	next_mib
	put $MIB && nth "$1" dmsetup message w 0 commit
}

step_checkpoint() {
	next_mib
	put $MIB && nth "$1" dmsetup message w 0 checkpoint
}

step_suspend() {
	next_mib
	put $MIB && nth "$1" dmsetup suspend --noudevsync w &&
		dmsetup resume --noudevsync w
}

# Of the committer's, beginning with a session's begin.
step_committer() {
	local status=0 pid

	dmsetup suspend --noudevsync w && dmsetup resume --noudevsync w
	pid=$(pgrep -x vhdx_commit)
	next_mib
	echo "$1" >"/proc/$pid/fail-nth"
	put $MIB && drop $MIB && next_mib && put $MIB || status=$?
	echo 0 >"/proc/$pid/fail-nth"
	return $status
}

# sweep DESC STEP ATLEAST: until nothing is left to fail. All must go well.
sweep() {
	local desc=$1 step=$2 n left fails=0 without=0 bad=""

	for ((n = 1; n <= 400 && without < 3; n++)); do
		left=$(times)
		"$step" $n >"$SCRATCH/step" 2>&1 || bad+=" $n:$(<"$SCRATCH/step")"
		mode_is_rw || bad+=" $n:$(vhdx_status w flags)"
		if [ "$(times)" = "$left" ]; then
			without=$((without + 1))
		else
			without=0
			fails=$((fails + 1))
		fi
		[ -z "$bad" ] || break
	done
	tap_is "$desc: nothing fails" "$bad" ""
	tap_note "$desc: $fails allocations failed"
	tap_run "$desc: at least $3 allocations did, until none was left" \
		test "$fails" -ge "$3" -a "$without" = 3
}

# as_crashed: all that a replay changes is in what is copied.
as_crashed() {
	dd if="$SCRATCH/crashed" of="$IMAGE" bs=1M count=8 conv=notrunc \
		status=none
}

# An image with a log, as a crash would leave it. Attempts are made on the same
# copy until one succeeds.
test_open() {
	local what="$1 store: opening" table crashed=$SCRATCH/crashed n
	local fails=0 fine=0

	on_store "$1" 24M --block-size 1M
	rw_create w "$IMAGE"
	model --ops 60 --whole 1048576 --save "$SCRATCH/model" >/dev/null
	dmsetup message w 0 commit
	cp --sparse=always "$IMAGE" "$crashed"
	table=$(dmsetup table w)
	dm_remove w
	as_crashed
	for ((n = 1; n <= 600 && fine < 3; n++)); do
		if nth $n dmsetup create --noudevsync w --table "$table" \
			>/dev/null 2>&1; then
			dmsetup remove --noudevsync w
			fine=$((fine + 1))
			as_crashed
		else
			fine=0
			fails=$((fails + 1))
			dmsetup remove --noudevsync w 2>/dev/null || true
		fi
	done
	tap_note "$what: $fails of $((n - 1)) attempts failed"
	tap_run "$what: allocations fail, one after the other" \
		test "$fails" -gt 10
	tap_is "$what: until none is left" "$fine" 3
	as_crashed
	rw_create w "$IMAGE"
	tap_run "$what: and when they do not fail, all is there" \
		model --check "$SCRATCH/model"
	dm_remove w
	is_clean "$what" "$IMAGE"
	rm "$crashed"
	store_gone
}

test_sweeps() {
	local what="file store"

	on_store file $SIZE --block-size 1M
	rw_create w "$IMAGE"
	sweep "$what: a write" step_write 0
	sweep "$what: a discard" step_discard 0
	sweep "$what: a write of zeroes" step_zero 0
	sweep "$what: a commit" step_commit 0
	sweep "$what: a checkpoint" step_checkpoint 0
	sweep "$what: a suspend" step_suspend 0
	sweep "$what: the committer" step_committer 1
	tap_run "$what: all that was written is there" pieces_are_there
	dm_remove w
	is_clean "$what" "$IMAGE"
	rw_create w "$IMAGE"
	tap_run "$what: and when it is opened anew" pieces_are_there
	dm_remove w
	store_gone
}

# What the file system asks for on the committer's behalf fails as well.
test_file_system() {
	local what="file store, and its file system"

	choose "$NOT_MUCH"
	PIECES=()
	on_store file $SIZE --block-size 1M
	rw_create w "$IMAGE"
	sweep "$what: the committer" step_committer 10
	tap_run "$what: all that was written is there" pieces_are_there
	dm_remove w
	is_clean "$what" "$IMAGE"
	store_gone
}

choose() {
	only_ours failslab "$1" && only_ours fail_page_alloc "$1" &&
		echo $LIMIT >/sys/kernel/debug/failslab/times
}

if ! choose "$NOT_EXT4"; then
	tap_skip "allocations that fail" "the kernel cannot choose what fails"
	tap_done
	exit
fi
write_setup 1G
test_open file
test_open block
test_sweeps
test_file_system
write_done
tap_done
