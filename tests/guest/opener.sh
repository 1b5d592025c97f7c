#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The target's workers act for whoever loaded the table.  A file system that keeps
# some space for root shows it: the opener is none, and its device gets none of
# that space, though root writes to the device.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

SMALL=/run/small
BALLAST=$SMALL/ballast

# as_user CAPABILITIES COMMAND...
as_user() {
	local caps=-all,$1

	shift
	setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps "$caps" \
		--ambient-caps "$caps" --bounding-set "$caps" "$@"
}

small_setup() {
	truncate -s 64M "$SCRATCH/fs-small.img"
	mkfs.ext4 -q -m 40 "$SCRATCH/fs-small.img"
	mkdir -p $SMALL
	modprobe -q loop || true
	mount -o loop "$SCRATCH/fs-small.img" $SMALL
	IMAGE=$SMALL/image.vhdx
	new_image "$IMAGE" 256M --block-size 1M
	mkdir $BALLAST
	chown -R 1000:1000 "$IMAGE" $BALLAST
}

has_flag() { vhdx_status w flags | grep -qw "$1"; }

test_reserve() {
	local what="the file system keeps space for root" pid

	small_setup
	as_user +dac_override,+sys_admin,+mknod,+chown,+fowner \
		dmsetup create --noudevsync w --table \
		"0 $(disk_sectors "$IMAGE") vhdx $IMAGE 2 no_space_timeout 0" \
		>"$SCRATCH/said" 2>&1 || true
	dmsetup mknodes w
	DEV=/dev/mapper/w
	tap_like "$what: another user has a device" "$(dmsetup status w)" \
		" vhdx rw "
	dd if=/dev/zero of="$DEV" bs=64k count=1 oflag=direct status=none
	dmsetup message w 0 commit
	as_user +chown dd if=/dev/zero of=$BALLAST/file bs=64k status=none \
		2>/dev/null || true
	in_background dd if=/dev/zero of="$DEV" bs=64k count=320 oflag=direct
	tap_run "$what: the device gets none of that" \
		wait_for 30 has_flag no_space
	rm $BALLAST/file
	tap_is "$what: with room for all, writes go on" "$(ended "$pid")" 0
	dm_remove w
	is_clean "$what" "$IMAGE"
	umount $SMALL
	rm "$SCRATCH/fs-small.img"
}

# shellcheck disable=SC2034 # for dmsetup in guest/lib.sh
VHDX_RW=1
test_reserve
tap_done
