#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# In an initramfs of dracut, which sources it again and again until the root file
# system is there: mounts what images lie on, and opens them.  See vhdxtab(5).

type label_uuid_to_dev >/dev/null 2>&1 || . /lib/dracut-lib.sh
type fsck_single >/dev/null 2>&1 || . /lib/fs-lib.sh
# shellcheck source=tools/boot/initrd.sh
. /lib/vhdx-initrd.sh

# vhdx_mount_below SPEC DIR MODE: the file system that the image lies on.
vhdx_mount_below() {
	! ismounted "$2" || return 0
	vhdx_device=$(label_uuid_to_dev "$1")
	vhdx_type=$(det_fs "$vhdx_device" auto)
	getargbool 0 rd.skipfsck || fsck_single "$vhdx_device" "$vhdx_type"
	mkdir -p "$2"
	mount -t "$vhdx_type" -o "$3" "$vhdx_device" "$2"
}

# Is what the image lies on there?  Else it is for another time.
vhdx_is_there() {
	vhdx_spec=${1##*x-initrd.device=}
	[ "$vhdx_spec" != "$1" ] || return 0
	vhdx_spec=$(vhdx_decode "${vhdx_spec%%,*}")
	[ -b "$(label_uuid_to_dev "$vhdx_spec")" ]
}

# Each is tried once: what is wrong then stays wrong.
while read -r vhdx_name vhdx_image vhdx_options; do
	[ ! -e "/run/vhdx/tried-$vhdx_name" ] || continue
	vhdx_is_there "$vhdx_options" || continue
	mkdir -p /run/vhdx
	: >"/run/vhdx/tried-$vhdx_name"
	info "vhdx: opening $vhdx_image"
	(vhdx_open_line "$vhdx_name" "$vhdx_image" "$vhdx_options") </dev/null 2>&1 |
		vwarn
done </etc/vhdxtab
