#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Which file a name in a table stands for: it is looked up once, so that nobody can
# put another one there between two look-ups; a descriptor of the loader's is the
# very file that it holds; a file that an overlay has is the one below it.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"

DIR=$IMAGES/lookup
SECTORS=$(image_sectors good/dynamic)

table_of() { printf '0 %s vhdx %s\n' "$SECTORS" "$1"; }

DELETED=$(table_of "$DIR/third.vhdx\\040(deleted)")

# turncoat TARGET...: $SCRATCH/turncoat/link leads to one after the other.
turncoat() {
	mkdir -p "$SCRATCH/turncoat"
	modprobe -q fuse || true
	"$GUEST/turncoat.py" "$SCRATCH/turncoat" "$@"
}

# away NAME...: vhdx_remove, after attempt.
away() {
	dmsetup mknodes
	vhdx_remove "$@"
}

# names DESC LINE: a test: this is the table of the device "found".
names() {
	tap_is "$1" "$(dmsetup table found 2>&1 || true)" "$2"
}

test_swapped() {
	local device other

	turncoat "$DIR/first.vhdx" "$DIR/second.vhdx"
	attempt file found "$(table_of "$SCRATCH/turncoat/link")"
	names "a symlink is followed once, to a file" \
		"$(table_of "$DIR/first.vhdx")"
	away found
	umount "$SCRATCH/turncoat"
	device=$(loop_from "$DIR/first.vhdx" --read-only)
	other=$(loop_from "$DIR/second.vhdx" --read-only)
	turncoat "$device" "$other"
	attempt device found "$(table_of "$SCRATCH/turncoat/link")"
	names "and to a device" "$(table_of "$(stat -c '%Hr:%Lr' "$device")")"
	away found
	umount "$SCRATCH/turncoat"
	losetup -d "$device" "$other"
}

test_nodev() {
	mkdir -p "$SCRATCH/nodev"
	mount -t tmpfs -o nodev none "$SCRATCH/nodev"
	mknod "$SCRATCH/nodev/disk" b 7 0
	attempt nodev found "$(table_of "$SCRATCH/nodev/disk")"
	collect
	refused "a node of a device where there may be none" nodev \
		"$SCRATCH/nodev/disk: block device cannot be opened: permission denied (-13)"
	umount "$SCRATCH/nodev"
}

# O_PATH, as who has checked a file keeps it.  It is no reading or writing of it.
with_descriptor() {
	python3 - "$@" <<-'END'
		import os, subprocess, sys
		path, delete, *command = sys.argv[1:]
		fd = os.open(path, os.O_PATH)
		os.set_inheritable(fd, True)
		if delete == "delete":
		    os.unlink(path)
		    os.symlink("second.vhdx", path)
		command[-1] = command[-1].replace("FD", f"/proc/self/fd/{fd}")
		sys.exit(subprocess.call(command, close_fds=False))
	END
}

test_descriptor() {
	cp --sparse=always "$DIR/first.vhdx" "$DIR/third.vhdx"
	tap_run "a descriptor, O_PATH" with_descriptor "$DIR/third.vhdx" keep \
		dmsetup create --noudevsync --readonly found \
		--table "$(table_of FD)"
	names "TABLE has the path" "$(table_of "$DIR/third.vhdx")"
	away found
	tap_run "of a file that is deleted, with another in its place" \
		with_descriptor "$DIR/third.vhdx" delete dmsetup create \
		--noudevsync --readonly found --table "$(table_of FD)"
	dmsetup mknodes
	names "TABLE does not name the other one" "$DELETED"
	readback whole <<<$'/dev/mapper/found\tgood/dynamic\tit is the one that was held'
	away found
	rm "$DIR/third.vhdx"
}

# What is deleted after it was opened is not confused, either.
test_deleted() {
	cp --sparse=always "$DIR/first.vhdx" "$DIR/third.vhdx"
	dm_create found "$(table_of "$DIR/third.vhdx")"
	mv "$DIR/second.vhdx" "$DIR/third.vhdx"
	names "a file in whose place another is moved" "$DELETED"
	dm_remove found
	mv "$DIR/third.vhdx" "$DIR/second.vhdx"
}

# in_overlay DESC FIRST SECOND: FIRST is made a device, and SECOND is
# the same file by another inode, so that it cannot be one.
in_overlay() {
	local desc=$1 first=$2 second=$3

	VHDX_RW=1 dm_create one "$(table_of "$first")"
	VHDX_RW=1 attempt "$desc" two "$(table_of "$second")"
	away two
	dm_remove one
	collect
	refused "$desc" "$desc" \
		"$second: is in use as $first, which an overlay makes of the same file"
}

test_overlay() {
	local merged=$SCRATCH/merged

	mkdir -p "$DIR"/{lower,upper,work} "$merged"
	cp --sparse=always "$DIR/first.vhdx" "$DIR/upper/disk.vhdx"
	cp --sparse=always "$DIR/first.vhdx" "$DIR/lower/base.vhdx"
	modprobe -q overlay || true
	mount -t overlay none "$merged" \
		-o "lowerdir=$DIR/lower,upperdir=$DIR/upper,workdir=$DIR/work"
	in_overlay "written in an overlay, and below it" \
		"$merged/disk.vhdx" "$DIR/upper/disk.vhdx"
	in_overlay "written below an overlay, and in it" \
		"$DIR/upper/disk.vhdx" "$merged/disk.vhdx"
	dm_create one "$(table_of "$merged/base.vhdx")"
	dm_create two "$(table_of "$DIR/lower/base.vhdx")"
	readback whole <<<$'/dev/mapper/one\tgood/dynamic\tread in an overlay ...'
	readback whole <<<$'/dev/mapper/two\tgood/dynamic\t... and below it'
	vhdx_remove two one
	umount "$merged"
}

mkdir -p "$DIR"
for name in first second; do
	cp --sparse=always "$IMAGES/good/dynamic.vhdx" "$DIR/$name.vhdx"
done
collect
test_swapped
test_nodev
test_descriptor
test_deleted
test_overlay
rm -r "$DIR"
tap_done
