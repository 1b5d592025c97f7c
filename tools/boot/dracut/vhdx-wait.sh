#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# In an initramfs of dracut: has its loop wait for the devices of vhdxtab(5).

type wait_for_dev >/dev/null 2>&1 || . /lib/dracut-lib.sh
# shellcheck source=tools/boot/initrd.sh
. /lib/vhdx-initrd.sh

while read -r vhdx_name _ vhdx_options; do
	case ,$vhdx_options, in
	*,nofail,*) ;;
	*) wait_for_dev "/dev/mapper/$(vhdx_decode "$vhdx_name")" ;;
	esac
done </etc/vhdxtab
