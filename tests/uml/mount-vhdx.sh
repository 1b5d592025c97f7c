#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# mount -t vhdx and umount: what is mounted, with which options; that the image is
# closed and clean when umount returns; and that nothing stays open if something
# fails.

set -euo pipefail
# shellcheck source=tests/uml/lib.sh
. "$(dirname -- "$0")/lib.sh"

BOOT=$GUEST/../../tools/boot
MNT=$SCRATCH/mnt
OTHER=$SCRATCH/other

# mount(8) looks for its helpers there.
setup() {
	mkdir -p -- "$SCRATCH"/{up,work} "$MNT" "$OTHER"
	cp -- "$BOOT/mount.vhdx" "$BOOT/umount.vhdx" "$VHDXSETUP" "$SCRATCH/up/"
	mount -t overlay -o "lowerdir=/usr/sbin,upperdir=$SCRATCH/up,workdir=$SCRATCH/work" \
		overlay /usr/sbin
}

# make NAME [SIZE]...: an image with partitions of so many MiB, or none; each has
# an ext4, labelled p1 and so on, but for those of a size of 1.
make() {
	local image=$IMAGES/$1.vhdx number=0 size at=2048 dev

	shift
	"$VHDXSETUP" create -q --force --size 64M --block-size 1M "$image"
	"$VHDXSETUP" open -q "$image" make >/dev/null
	[ $# = 0 ] || {
		echo "label: gpt"
		for size; do
			echo "start=$at, size=$((size * 2048))"
			at=$((at + size * 2048))
		done
	} | sfdisk -q --no-reread --no-tell-kernel /dev/mapper/make
	[ $# != 0 ] || mkfs.ext4 -q -L whole /dev/mapper/make
	"$VHDXSETUP" close -q make
	[ $# != 0 ] || return 0
	"$VHDXSETUP" open -q --partitions "$image" make >/dev/null
	for size; do
		number=$((number + 1))
		[ "$size" = 1 ] ||
			mkfs.ext4 -q -L "p$number" "/dev/mapper/makep$number"
	done
	"$VHDXSETUP" close -q make
}

# mounts DESC ARG...: a test: mount -t vhdx ARG... $MNT succeeds.
mounts() {
	local desc=$1

	shift
	tap_run "$desc" mount -t vhdx "$@" "$MNT"
}

# refuses CODE REGEX ARG...: a test: it does not, ends so and says that; nothing is
# open, nothing mounted.
refuses() {
	local code=$1 regex=$2

	shift 2
	tap_fails "mount -t vhdx $*: fails" mount -t vhdx "$@" "$MNT"
	tap_is "  with status $code" "$TAP_STATUS" "$code"
	says "  and says why" "$regex"
	closed "  nothing is open"
	tap_fails "  nothing is mounted" mountpoint -q "$MNT"
}

# A test: there is no device but that of the rig, and none has left a node.
closed() {
	tap_is "$1" "$(dmsetup ls | grep -v -e '^No devices' -e '^images' || true
		shopt -s nullglob
		echo /dev/mapper/vhdx*)" ""
}

# is FIELD VALUE: a test: what is mounted has that.
is() {
	tap_is "  its $1" "$(findmnt -n -o "$1" -M "$MNT")" "$2"
}

# is_labelled LABEL: a test: it is that file system.
is_labelled() {
	tap_is "  its label" "$(blkid -p -s LABEL -o value \
		"$(findmnt -n -o SOURCE -M "$MNT")")" "$1"
}

# unmounts IMAGE: a test: umount returns when it is closed, and clean.
unmounts() {
	tap_run "  umount" umount "$MNT"
	tap_is "  the image is clean" "$("$VHDXSETUP" check "$1" 2>&1)" "$1: clean"
	closed "  nothing is open"
}

test_choice() {
	mounts "a disk without partitions" "$IMAGES/whole.vhdx"
	is_labelled whole
	is SOURCE /dev/mapper/vhdx0
	echo something >"$MNT/file"
	unmounts "$IMAGES/whole.vhdx"
	mounts "the only partition" "$IMAGES/one.vhdx"
	is_labelled p1
	unmounts "$IMAGES/one.vhdx"
	mounts "the only one with a file system" "$IMAGES/reserved.vhdx"
	is_labelled p2
	unmounts "$IMAGES/reserved.vhdx"
	mounts "one by its number" -o partition=2 "$IMAGES/two.vhdx"
	is_labelled p2
	is SOURCE /dev/mapper/vhdx0p2
	unmounts "$IMAGES/two.vhdx"
	refuses 32 "choose one by -o partition=N; it has: 1 \(.*p1.*\) 2 \(.*p2.*\)" \
		"$IMAGES/two.vhdx"
	refuses 32 "has no partition 3; it has: 1 " -o partition=3 \
		"$IMAGES/two.vhdx"
	refuses 32 "choose one by .*1 \(no file system\)" "$IMAGES/none.vhdx"
	refuses 32 "" -o partition=0 "$IMAGES/one.vhdx"
	refuses 1 "partition=x: not a number" -o partition=x "$IMAGES/one.vhdx"
}

test_refused() {
	echo "no image" >"$IMAGES/text.vhdx"
	refuses 32 "text.vhdx: .*" "$IMAGES/text.vhdx"
	refuses 32 "No such file" "$IMAGES/absent.vhdx"
	refuses 32 "" -o no-such-option "$IMAGES/whole.vhdx"
	refuses 1 "bat-cache" -o bat-cache=1 "$IMAGES/whole.vhdx"
	tap_fails "a type that it is not" \
		mount -t vhdx.xfs "$IMAGES/whole.vhdx" "$MNT"
	closed "  nothing is open"
	tap_run "a type that it is" \
		mount -t vhdx.ext4 "$IMAGES/whole.vhdx" "$MNT"
	is FSTYPE ext4
	unmounts "$IMAGES/whole.vhdx"
}

test_options() {
	local before

	before=$(sha256sum <"$IMAGES/whole.vhdx")
	mounts "read-only" -o ro,noatime,name=mine "$IMAGES/whole.vhdx"
	is SOURCE /dev/mapper/mine
	tap_like "  its options" "$(findmnt -n -o OPTIONS -M "$MNT")" \
		'^ro,noatime'
	tap_is "  the device, too" "$(blockdev --getro /dev/mapper/mine)" 1
	unmounts "$IMAGES/whole.vhdx"
	tap_is "  not a byte has changed" \
		"$(sha256sum <"$IMAGES/whole.vhdx")" "$before"
	mounts "options of the device" -o buffered,no-discard \
		"$IMAGES/whole.vhdx"
	tap_like "  have come there" "$(dmsetup table vhdx0)" \
		'buffered.*no_discard|no_discard.*buffered'
	mounts_again
	unmounts "$IMAGES/whole.vhdx"
	mounts "not to mount it" -f "$IMAGES/whole.vhdx"
	tap_fails "  it is not" mountpoint -q "$MNT"
}

# As `mount -a' does, and a remount.
mounts_again() {
	mounts "mounting it there again" "$IMAGES/whole.vhdx"
	tap_is "  it is there once" "$(findmnt -n -o TARGET | grep -c "$MNT")" 1
	tap_run "remount" mount -o remount,ro "$MNT"
	tap_like "  its options" "$(findmnt -n -o OPTIONS -M "$MNT")" '^ro,'
	tap_run "  and back" mount -t vhdx -o remount,rw,noatime \
		"$IMAGES/whole.vhdx" "$MNT"
	tap_like "  its options" "$(findmnt -n -o OPTIONS -M "$MNT")" \
		'^rw,noatime'
	tap_fails "elsewhere, it is in use" \
		mount -t vhdx "$IMAGES/whole.vhdx" "$OTHER"
	tap_is "  which is status 32" "$TAP_STATUS" 32
}

test_parent() {
	local parent="$IMAGES/a base, with a comma.vhdx"

	mv -- "$IMAGES/one.vhdx" "$parent"
	"$VHDXSETUP" create -q --parent "$parent" "$IMAGES/child.vhdx"
	mkdir -p -- "$IMAGES/else"
	mv -- "$parent" "$IMAGES/else/"
	refuses 32 "parent" "$IMAGES/child.vhdx"
	mounts "a parent with a comma" -o \
		"noatime,parent=\"$IMAGES/else/a base, with a comma.vhdx\",ro" \
		"$IMAGES/child.vhdx"
	is_labelled p1
	tap_like "  its options" "$(findmnt -n -o OPTIONS -M "$MNT")" \
		'^ro,noatime'
	tap_run "  umount" umount "$MNT"
	closed "  nothing is open"
}

# Device names are compared as a whole.
test_occupied() {
	"$VHDXSETUP" open -q "$IMAGES/whole.vhdx" pool >/dev/null
	mount /dev/mapper/pool "$MNT"
	mounts "over another device, with a p" "$IMAGES/two.vhdx" -o partition=2
	tap_run "  its image is open" test -e /dev/mapper/vhdx0p2
	mounts "  mounting it there again" "$IMAGES/two.vhdx" -o partition=2
	tap_is "  it is there once" \
		"$(findmnt -n -o SOURCE | grep -cx /dev/mapper/vhdx0p2)" 1
	tap_run "  umount" umount "$MNT"
	! mountpoint -q "$MNT" || umount -i "$MNT"
	[ ! -e /dev/mapper/pool ] || "$VHDXSETUP" close -q pool
	closed "  nothing is open"
}

# has_no_escape DESC: a test: what was said does nothing to a terminal.
has_no_escape() {
	tap_fails "$1" grep -q $'\e' <<<"$TAP_OUTPUT"
}

# label PARTITION LABEL: give a file system of two.vhdx a label.
label() {
	"$VHDXSETUP" open -q --partitions "$IMAGES/two.vhdx" make >/dev/null
	e2label "/dev/mapper/makep$1" "$2"
	"$VHDXSETUP" close -q make
}

test_names() {
	local strange=$IMAGES/$'\\033[31m\e[31m\n.vhdx'

	cp -- "$IMAGES/none.vhdx" "$strange"
	tap_fails "an image with a strange name" mount -t vhdx "$strange" "$MNT"
	has_no_escape "  which does nothing to the terminal"
	rm -- "$strange"
	label 1 $'\\033[1m"\e[1m'
	tap_fails "a strange label" mount -t vhdx "$IMAGES/two.vhdx" "$MNT"
	says "  is shown" '1 \(\\033\[1m".* ext4\) 2 \(p2 ext4\)'
	has_no_escape "  which does nothing to the terminal"
	label 1 p1
	closed "  nothing is open"
}

# stopped_after TOOL: mount whole.vhdx, with a signal when TOOL has done its work.
stopped_after() {
	local bin=$SCRATCH/bin tool

	tool=$(PATH=$PATH:/usr/sbin command -v "$1")
	mkdir -- "$bin"
	cat >"$bin/$1" <<-END
		#!/bin/sh
		$tool "\$@"
		code=\$?
		kill -TERM "\$(cat $bin/pid)"
		exit \$code
	END
	chmod +x -- "$bin/$1"
	tap_capture env PATH="$bin:$PATH:/usr/sbin" sh -c \
		'echo $$ >"$0/pid"; exec mount.vhdx "$@"' \
		"$bin" "$IMAGES/whole.vhdx" "$MNT"
	rm -r -- "$bin"
}

test_signals() {
	stopped_after vhdxsetup
	tap_is "stopped while it opens: the status" "$TAP_STATUS" 8
	says "  it says so" "interrupted"
	closed "  nothing is open"
	[ ! -e /dev/mapper/vhdx0 ] || "$VHDXSETUP" close -q vhdx0
	stopped_after mount
	tap_is "stopped while it mounts: the status" "$TAP_STATUS" 0
	tap_run "  it is mounted" mountpoint -q "$MNT"
	tap_run "  umount" umount "$MNT"
	closed "  nothing is open"
	[ ! -e /dev/mapper/vhdx0 ] || "$VHDXSETUP" close -q vhdx0
}

is_gone() { ! dmsetup info vhdx0 >/dev/null 2>&1; }

test_umount() {
	mounts "to be unmounted, in use" "$IMAGES/two.vhdx" -o partition=1
	exec 3>"$MNT/open"
	tap_fails "  umount fails" umount "$MNT"
	tap_is "  with status 32" "$TAP_STATUS" 32
	tap_run "  it can be used" cp /proc/version "$MNT/version"
	exec 3>&-
	unmounts "$IMAGES/two.vhdx"

	mounts "lazily" "$IMAGES/two.vhdx" -o partition=1
	exec 3>"$MNT/open"
	tap_run "  umount -l" umount -l "$MNT"
	tap_run "  the device is there" dmsetup info vhdx0
	exec 3>&-
	tap_run "  until nobody uses it" wait_for 10 is_gone
	dmsetup mknodes
	closed "  then nothing is open"

	mounts "twice" "$IMAGES/two.vhdx" -o partition=1
	mount /dev/mapper/vhdx0p1 "$OTHER"
	tap_capture umount "$MNT"
	tap_is "  umount of one" "$TAP_STATUS" 0
	says "  says that it stays open" "is in use, and goes when it no longer is"
	tap_run "  the other is there" test -e "$OTHER/version"
	umount "$OTHER"
	tap_run "  umount of the other closes it" wait_for 10 is_gone
	dmsetup mknodes

	mounts "by its device" "$IMAGES/two.vhdx" -o partition=1
	tap_run "  umount" umount /dev/mapper/vhdx0p1
	closed "  nothing is open"

	mounts "without the helper" "$IMAGES/two.vhdx" -o partition=1
	tap_run "  umount -i" umount -i "$MNT"
	tap_run "  it is closed all the same" wait_for 10 is_gone
	dmsetup mknodes
	tap_is "  the image is clean" "$("$VHDXSETUP" check "$IMAGES/two.vhdx")" \
		"$IMAGES/two.vhdx: clean"
}

# Each option of open is one here, or the script has a reason; it must not go to
# the file system by mistake.
test_complete() {
	local option

	# mount's own word for it; done already; of a mount, something else.
	for option in $("$VHDXSETUP" help open |
		sed -nE 's/^ +(-., )?--([a-z-]+).*/\2/p' |
		grep -vxE 'partitions|no-parents|private|json|verbose|quiet|help|version'); do
		tap_like "mount.vhdx knows $option" "$(<"$BOOT/mount.vhdx")" \
			"[^a-z-]${option}[^a-z-]"
		tap_like "  and its manual" \
			"$(<"$GUEST/../../Documentation/mount.vhdx.8")" "$option"
	done
}

setup
make whole
make one 30
make two 20 20
make reserved 1 40
make none 1
test_choice
test_refused
test_options
test_occupied
test_names
test_signals
test_parent
test_umount
test_complete
umount /usr/sbin
tap_done
