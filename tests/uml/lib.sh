# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For the tests of vhdxsetup with the module. Sourced. Beside what guest/lib.sh
# and tools/exits.sh offer:
#
#   $VHDXSETUP       the program, the plain one: sanitizers do not fit into UML's
#                    address space
#   $dev             the device v0, which most of it is about
#   status_field NAME EXPRESSION   a field of what "status" says, see field
#   gone DESC        a test: there is no device any more
#   low_made SIZE    makes the file of $LOW, in which there is something everywhere
#   low_open         $LOW: a device of dm over the next loop device. Its name is a
#                    link to a node that the kernel numbers, as udev makes it.
#   low_close        and away with it
#   image_sum IMAGE  its SHA-256, also if the target has written it meanwhile

# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../guest/lib.sh"
# shellcheck source=tests/tools/exits.sh
. "$GUEST/../tools/exits.sh"

VHDXSETUP=$(realpath -- "$GUEST/../../tools/vhdxsetup")
dev=/dev/mapper/v0
LOW=/dev/mapper/low
if [ ! -x "$VHDXSETUP" ]; then
	tap_not_ok "vhdxsetup is built" "make -C tools"
	tap_done
	exit 1
fi

status_field() {
	"$VHDXSETUP" status --json "$1" | field "$2"
}

gone() {
	tap_is "$1" "$(dmsetup ls --target vhdx | grep -v "^No devices" || true
		shopt -s nullglob
		echo "$dev"*)" ""
}

low_made() {
	python3 -c 'import sys
for i in range(int(sys.argv[1])):
    sys.stdout.buffer.write(b"\xff" * (1 << 20))' "${1%M}" >"$SCRATCH/low.img"
}

low_open() {
	local number

	LOW_LOOP=$(loop_from "$SCRATCH/low.img")
	dm_create low "0 $(blockdev --getsz "$LOW_LOOP") linear $LOW_LOOP 0"
	number=$(dmsetup info -c --noheadings -o major,minor --separator : low)
	rm "$LOW"
	ln -s "../$(basename "$(readlink "/sys/dev/block/$number")")" "$LOW"
}

low_close() {
	dm_remove low
	losetup -d "$LOW_LOOP"
}

# What is cached of a device may be from before the target wrote it.
image_sum() {
	[ ! -b "$1" ] || blockdev --flushbufs "$1"
	sha256sum <"$1" | cut -d' ' -f1
}
