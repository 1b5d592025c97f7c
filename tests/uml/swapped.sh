#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vhdxsetup open, where somebody may write to the directory of the image: what was
# checked is what the kernel opens, whatever bears its name by then.

set -euo pipefail
# shellcheck source=tests/uml/lib.sh
. "$(dirname -- "$0")/lib.sh"

DIR=$IMAGES/swapped
HELD=$IMAGES/held.vhdx

same() {
	tap_run "$1" cmp -- "$dev" "$VHDX_INPUTS/flat/$2"
}

# held_open DESC CODE NAME [OPTION...]: opens an image, stopped before it says the
# first word to device-mapper, when the image has been checked, and runs swap.
held_open() {
	local desc=$1 code=$2 image=$3 pid status=0

	shift 3
	rm -f -- "$SCRATCH/trace"
	strace -qqq -o "$SCRATCH/trace" -e trace=ioctl \
		-e inject=ioctl:signal=SIGSTOP:when=1 \
		"$VHDXSETUP" open -q "$@" "$image" v0 >"$SCRATCH/said" 2>&1 &
	tap_run "$desc: is stopped when it has checked" wait_for 60 stopped
	pid=$(pgrep -n -x vhdxsetup)
	swap
	kill -CONT "$pid"
	wait %% || status=$?
	tap_is "  and goes on" "$status" "$code"
}

stopped() {
	grep -qs DM_VERSION "$SCRATCH/trace" &&
		grep -q "stopped by SIGSTOP" "$SCRATCH/trace"
}

# Another image, as large, comes to where the first one was.
swap() {
	mv -- "$DIR/disk.vhdx" "$HELD"
	ln -s -- "$DIR/other.vhdx" "$DIR/disk.vhdx"
}

swap_parent() {
	mv -- "$DIR/child-of-fixed-base.vhdx" "$HELD"
	cp -- "$DIR/other.vhdx" "$DIR/child-of-fixed-base.vhdx"
}

test_file() {
	local mode

	for mode in --readonly --buffered; do
		cp --sparse=always -- "$IMAGES/good/dynamic.vhdx" "$DIR/disk.vhdx"
		held_open "open $mode" 0 "$DIR/disk.vhdx" "$mode"
		same "  and reads as what was checked" good/dynamic
		tap_is "  whose name is in the table" \
			"$(status_field v0 '["image"]')" "$HELD"
		exits "  close" 0 close v0
		gone "  takes it away"
		rm -- "$DIR/disk.vhdx" "$HELD"
	done
}

test_parent() {
	cp --sparse=always -- "$IMAGES"/good/child-of-fixed{,-base}.vhdx "$DIR"
	swap() { swap_parent; }
	held_open "open, and a parent goes" 0 "$DIR/child-of-fixed.vhdx" \
		--readonly
	same "  and reads as what was checked" good/child-of-fixed
	exits "  close" 0 close v0
	gone "  takes it away"
	rm -- "$HELD"
}

test_descriptor() {
	cp --sparse=always -- "$IMAGES/good/dynamic.vhdx" "$DIR/disk.vhdx"
	exec 9<"$DIR/disk.vhdx"
	rm -- "$DIR/disk.vhdx"
	cp -- "$DIR/other.vhdx" "$DIR/disk.vhdx (deleted)"
	exits "a descriptor of a file that is deleted" 0 open -q -r /dev/fd/9 v0
	exec 9<&-
	same "  is that file" good/dynamic
	exits "  close" 0 close v0
	gone "  takes it away"
}

# The kernel's words name the file, not the descriptor.
test_words() {
	cp --sparse=always -- "$IMAGES/good/dynamic.vhdx" "$DIR/disk.vhdx"
	exits "open" 0 open -q -r "$DIR/disk.vhdx" v0
	exits "  once more, to write" 7 open -q "$DIR/disk.vhdx" v1
	says "  is refused by the kernel, by the file's name" \
		"the kernel refused the device: $DIR/disk.vhdx: "
	exits "  close" 0 close v0
}

mkdir -p -- "$DIR"
cp --sparse=always -- "$IMAGES/good/fixed.vhdx" "$DIR/other.vhdx"
if strace -qqq -o "$SCRATCH/trace" true 2>/dev/null; then
	test_file
	test_parent
else
	tap_skip "what is put in the place of an image" "no strace here"
fi
test_descriptor
test_words
rm -r -- "$DIR"
tap_done
