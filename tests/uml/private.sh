#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vhdxsetup open --private: what the kernel tells udev of the device has the flags
# that keep its rules off, whoever resumes it.  And what udev would take for the
# same disk is told.

set -euo pipefail
# shellcheck source=tests/uml/lib.sh
. "$(dirname -- "$0")/lib.sh"

IMAGE=$IMAGES/private.vhdx
# Those for subsystems (LVM), for disks (/dev/disk, blkid) and for all others.
OFF=e

# flags COMMAND...: those of the events that it makes, each once.
flags() {
	"$GUEST/../uml/uevents.py" "$@" | awk '$1 == "change" { print $NF }' |
		sort -u
}

"$VHDXSETUP" create -q --size 16M "$IMAGE"
tap_is "open --private: the rules are kept off" \
	"$(flags "$VHDXSETUP" open -q --private "$IMAGE" v0)" "$OFF"
tap_like "  its UUID says so" \
	"$(dmsetup info -c --noheadings -o uuid v0)" "^VHDXPRIVATE-[0-9a-f]{32}-v0$"
exits "  close" 0 close v0
gone "  it is gone"
# An open without the option makes no event with any of the flags.
tap_is "open: udev sees it" "$(flags "$VHDXSETUP" open -q "$IMAGE" v0 |
	grep -v '^0$' || true)" ""
tap_like "  its UUID is as ever" \
	"$(dmsetup info -c --noheadings -o uuid v0)" "^VHDX-"
cp -- "$IMAGE" "$IMAGE.copy"
exits "open of a copy" 0 open "$IMAGE.copy" v1
says "  warns that it is one" "v1: has the virtual disk ID of v0, .*by-id/vhdx-$(
	"$VHDXSETUP" info --json --quiet "$IMAGE" | field '["disk"]["virtual_disk_id"]')"
exits "  close" 0 close v1
exits "open --private of a copy" 0 open --private "$IMAGE.copy" v1
tap_is "  has nothing to warn of" "$TAP_OUTPUT" /dev/mapper/v1
exits "  close" 0 close v1
rm -- "$IMAGE.copy"
exits "  close" 0 close v0
exits "open --private --partitions" 1 open --private --partitions "$IMAGE" v0
says "  is refused, and why" "exclude each other: kpartx"
gone "  and makes no device"
rm -- "$IMAGE"
tap_done
