#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Power cuts of a chain: the parent and its children lie in one file system over
# dm-log-writes, so that a cut is the same instant for all of them.  The child is
# written, goes on in a snapshot, which a merge takes back while it is in use, and
# is merged into the parent in the end.  After each flush that the disk was sent,
# and with a part of what the flush made durable, the chain opens without a
# complaint, and each sector has what was flushed last or what was written since.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

LOGGED=/run/logged
MODELS=$SCRATCH/models
POINTS=$SCRATCH/points
STEPS=2

# The parent has data, and the child has none.
base_and_child() {
	new_image "$LOGGED/base.vhdx" 32M --block-size 1M
	rw_create w "$LOGGED/base.vhdx"
	model --ops 60 --save "$MODELS/0" >"$SCRATCH/seeds"
	dm_remove w
	"$VHDXSETUP" create --quiet --parent "$LOGGED/base.vhdx" \
		"$LOGGED/child.vhdx"
}

# The file system on $data, of which there is a copy; later writes are logged.
logged_begin() {
	truncate -s 256M "$SCRATCH/data.img"
	truncate -s 2G "$SCRATCH/log.img"
	data=$(loop_from "$SCRATCH/data.img")
	log=$(loop_from "$SCRATCH/log.img")
	mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$data"
	mkdir -p "$LOGGED"
	mount "$data" "$LOGGED"
	base_and_child
	umount "$LOGGED"
	cp --sparse=always "$SCRATCH/data.img" "$SCRATCH/replay.img"
	dm_create log "0 $(blockdev --getsz "$data") log-writes $data $log"
	mount /dev/mapper/log "$LOGGED"
}

logged_end() {
	umount "$LOGGED"
	dm_remove log
	losetup -d "$data"
	rm "$SCRATCH/data.img"
}

# mark KIND FILES: see write/chain-at-cut.
mark() {
	dmsetup message log 0 mark "$1:$2:$nr"
}

# steps FILE COUNT: some writes and a flush, again and again. A flush makes no
# discard durable.
steps() {
	local i

	for ((i = 0; i < $2; i++)); do
		nr=$((nr + 1))
		model --no-discard --once --ops 30 --whole 1048576 \
			--save "$MODELS/$nr" &&
			dd if=/dev/null of="$DEV" conv=notrunc,fsync status=none &&
			mark step "$1" || return
	done
}

# Fails if what it calls does, since the marks would be wrong.
life() {
	DEV=/dev/mapper/v0
	"$VHDXSETUP" open --quiet "$LOGGED/child.vhdx" v0 >/dev/null || return
	mark step child
	steps child "$STEPS" || return
	mark snapshot child
	"$VHDXSETUP" snapshot v0 "$LOGGED/top.vhdx" || return
	mark step top
	steps top 1 || return
	mark live-merge top,child
	"$VHDXSETUP" merge --max-pause 20000 v0 || return
	mark step child
	steps child 1 || return
	mark merge child,base
	"$VHDXSETUP" close v0 && "$VHDXSETUP" merge "$LOGGED/child.vhdx"
}

# There were N points of a kind.
enough() {
	local kind=$1 least=$2 count

	count=$(grep -cx "$kind" "$POINTS" || true)
	tap_note "$kind: $count points"
	tap_run "there were enough points: $kind" test "$count" -ge "$least"
}

test_chain() {
	local data log nr=0

	if ! modprobe -q dm-log-writes && ! dmsetup targets | grep -q ^log-writes; then
		tap_skip "power cuts of a chain" "the kernel has no dm-log-writes"
		return
	fi
	# Each point opens the chain, which takes seconds there.
	if slow_guest; then
		tap_skip "power cuts of a chain" "this guest is too slow"
		return
	fi
	modprobe -q dm-snapshot || true
	mkdir "$MODELS"
	: >"$POINTS"
	logged_begin
	tap_run "steps, a snapshot, a merge in use, and one of files" life
	tap_is "one image is left" "$(cd "$LOGGED" && echo *.vhdx*)" base.vhdx
	logged_end
	tap_run "after each flush, the chain is as it should be" \
		"$GUEST/write/logwrites.py" --torn "$log" "$SCRATCH/replay.img" \
		bash "$GUEST/write/chain-at-cut" "$VHDXSETUP" \
		"$SCRATCH/replay.img" "$MODELS" "$POINTS"
	tap_note "points, and a tail of what was said: $TAP_OUTPUT"
	enough step $((STEPS * 6 + 12))
	enough snapshot 2
	enough snapshot-top 2
	enough live-merge 6
	enough merge 6
	losetup -d "$log"
	rm -r "$SCRATCH"/{log,replay}.img "$MODELS"
}

test_chain
tap_done
