#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The message "seal": a live image becomes the parent of a child that names the
# DataWriteGuid which the image is to end under. The child is one of the corpus,
# whose locator is made to name another GUID.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

NAME=good/child-empty
OPS=100
DEV=/dev/mapper/v
NULL=00000000-0000-0000-0000-000000000000

new_guid() { cat /proc/sys/kernel/random/uuid; }

# What was read of a block device before may be in memory still.
forget() { [ ! -b "$1" ] || blockdev --flushbufs "$1"; }

sum_anew() {
	forget "$1"
	sum_of "$1"
}

# The DataWriteGuid of an image, from its newer header.
identity() {
	forget "$1"
	python3 - "$1" <<-'EOF'
		import struct, sys, uuid
		with open(sys.argv[1], "rb") as f:
		    head = f.read(3 << 16)
		copies = [head[at:at + 64] for at in (1 << 16, 2 << 16)]
		newer = max(copies, key=lambda c: struct.unpack_from("<Q", c, 8))
		print(uuid.UUID(bytes_le=newer[32:48]))
	EOF
}

# relink CHILD GUID: its locator names this parent from now on.
relink() {
	python3 - "$@" <<-'EOF'
		import re, sys
		with open(sys.argv[1], "r+b") as f:
		    head = f.read(4 << 20)
		    guid = re.search(rb"\{\0(?:[0-9a-fA-F-]\0){36}\}\0", head)
		    f.seek(guid.start())
		    f.write(("{%s}" % sys.argv[2]).encode("utf-16-le"))
	EOF
	sync "$1"
}

# The child and its parent on a store; sets $child, $parent and their tables.
take() {
	local kind=$1 corpus=${NAME%%/*} files file size

	mkdir -p "$STORE/$corpus"
	IFS=$'\t' read -ra files <<<"$(image_files "$NAME")"
	for file in "${files[@]}"; do
		cp --sparse=always "$IMAGES/$corpus/$file" "$STORE/$corpus/$file"
	done
	child=$STORE/$corpus/${files[0]}
	parent=$STORE/$corpus/${files[1]}
	if [ "$kind" = block ]; then
		truncate -s +32M "$child" "$parent"
		child=$(loop_from "$child")
		parent=$(loop_from "$parent")
	fi
	size=$(image_sectors "$NAME")
	old="0 $size vhdx $parent"
	new="0 $size vhdx $child $parent"
	before=$(identity "$parent")
	guid=$(new_guid)
	VHDX_RW=1 dm_create v "$old"
}

gone() {
	dm_remove v
	if [[ $child = /dev/loop* ]]; then
		losetup -d "$child" "$parent"
	fi
	rm -r "${STORE:?}/${NAME%%/*}"
}

seal() { dmsetup message v 0 seal "$1"; }
load() { VHDX_RW=1 dmsetup reload v --table "$1"; }
resume() { dmsetup resume --noudevsync v; }
write_something() {
	dd if=/dev/urandom of="$DEV" bs=4k count=1 oflag=direct status=none
}
suspended() { dmsetup info -c --noheadings -o suspended v; }

test_live() {
	local kind=$1 sum model=$SCRATCH/model

	take "$kind"
	tap_run "$kind: the image is written" model --ops "$OPS"
	tap_is "$kind: the answer is the GUID that was chosen" \
		"$(seal "$guid")" "$guid"
	tap_run "$kind: it is written on" model --ops "$OPS" --save "$model"
	tap_fails "$kind: it does not have the GUID yet" \
		test "$(identity "$parent")" = "$guid"
	relink "$child" "$guid"
	tap_run "$kind: the table with the child is loaded" load "$new"
	tap_run "$kind: and resumed" resume
	tap_is "$kind: the parent has the GUID" "$(identity "$parent")" "$guid"
	tap_is "$kind: the chain has two images" "$(vhdx_status v layers)" 2
	tap_run "$kind: it reads as before" model --check "$model"
	sum=$(sum_anew "$parent")
	tap_run "$kind: it is written on" model --ops "$OPS" --save "$model"
	tap_run "$kind: a suspend and a resume" sh -c '
		dmsetup suspend --noudevsync v
		dmsetup resume --noudevsync v'
	tap_run "$kind: it reads as the model says" model --check "$model"
	tap_is "$kind: the parent has not changed" "$(sum_anew "$parent")" "$sum"
	tap_run "$kind: the child has space of its own" \
		test "$(vhdx_status v allocated)" -gt 0
	dm_remove v
	tap_run "$kind: nothing is wrong with the parent" \
		"$VHDXSETUP" check --quiet "$parent"
	VHDX_RW=1 dm_create v "$new"
	tap_run "$kind: opened anew, it reads as the model says" \
		model --check "$model"
	gone
}

# Nothing was written, so children that exist stay children.
test_idle() {
	local sum

	take file
	sum=$(sum_anew "$parent")
	tap_is "not written: the answer is the GUID that is there" \
		"$(seal "$guid")" "$before"
	relink "$child" "$before"
	tap_run "not written: the table with the child is loaded" load "$new"
	tap_run "not written: and resumed" resume
	tap_run "not written: the child is written" model --ops "$OPS"
	tap_is "not written: not a byte of the parent has changed" \
		"$(sum_anew "$parent")" "$sum"
	gone
}

# A first write comes between the answer and the suspend.
test_overtaken() {
	local model=$SCRATCH/model again

	take file
	tap_is "overtaken: the answer is the GUID that is there" \
		"$(seal "$guid")" "$before"
	relink "$child" "$before"
	tap_run "overtaken: the table with the child is loaded" load "$new"
	model --ops "$OPS" --save "$model" >/dev/null
	tap_is "overtaken: to ask again tells" "$(seal "$guid")" "$guid"
	dmesg --clear
	tap_fails "overtaken: the child is not taken" resume
	tap_is "overtaken: the device is suspended" "$(suspended)" Suspended
	tap_like "overtaken: and the kernel log says why" "$(dmesg --notime)" \
		"the parent has data write GUID $guid, but the child was made over $before"
	tap_run "overtaken: the old table is loaded" load "$old"
	tap_run "overtaken: and resumed" resume
	tap_run "overtaken: it reads as before" model --check "$model"
	tap_run "overtaken: and is written" model --ops "$OPS" --save "$model"
	tap_fails "overtaken: under another GUID" \
		test "$(identity "$parent")" = "$guid"
	again=$(new_guid)
	seal "$again" >"$SCRATCH/answer"
	tap_is "overtaken: once more" "$(<"$SCRATCH/answer")" "$again"
	relink "$child" "$again"
	tap_run "overtaken: the table with the child is loaded" load "$new"
	tap_run "overtaken: and resumed" resume
	tap_run "overtaken: it reads as before" model --check "$model"
	gone
}

# The wrong child is refused although a mismatch is not minded otherwise.
test_not_ignored() {
	take file
	write_something
	seal "$guid" >/dev/null
	relink "$child" "$before"
	tap_run "a wrong child, not minded: is loaded" \
		load "$new 1 ignore_id_mismatch"
	tap_fails "a wrong child, not minded: is refused all the same" resume
	load "$old"
	resume
	gone
}

# Who is about to write for the first time need not wait for it to happen.
test_begin() {
	take file
	dmsetup suspend --noudevsync v
	tap_fails "begin: not while the image may be copied" \
		dmsetup message v 0 begin
	tap_is "begin: and nothing has changed" "$(identity "$parent")" "$before"
	dmsetup resume --noudevsync v
	tap_run "begin: writing begins" dmsetup message v 0 begin
	tap_fails "begin: under a new GUID" \
		test "$(identity "$parent")" = "$before"
	tap_is "begin: so the answer is the GUID that was chosen" \
		"$(seal "$guid")" "$guid"
	relink "$child" "$guid"
	tap_run "begin: the table with the child is loaded" load "$new"
	tap_run "begin: and resumed" resume
	gone
}

test_words() {
	local first

	take file
	tap_fails "a GUID that is none is refused" seal "$guid-0"
	tap_fails "so is another" seal "${guid/-/x}"
	tap_fails "so is the null GUID" seal "$NULL"
	tap_fails "so is the one that the image has" seal "$before"
	tap_fails "so are no words" dmsetup message v 0 seal
	tap_fails "and a message that is none" dmsetup message v 0 sael
	tap_like "  the log names those that are" "$(dmesg --notime | tail -n 1)" \
		"message: sael is unknown; the messages are stats, .*, seal"
	write_something
	first=$(identity "$parent")
	tap_fails "so is the one of the session" seal "$first"
	dm_remove v
	dm_create v "$old"
	tap_fails "a device for reading only cannot be sealed" seal "$guid"
	tap_fails "nor can its writing begin" dmsetup message v 0 begin
	gone
}

write_setup 1G
test_live file
test_live block
test_idle
test_overtaken
test_not_ignored
test_begin
test_words
write_done
tap_done
