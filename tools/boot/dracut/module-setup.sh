#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# For dracut: takes along what opens the images of vhdxtab(5) that have
# x-initrd.attach.  Without such a line, an initramfs stays as it was.

# shellcheck disable=SC2154 # these variables are dracut's
vhdx_lines() {
	grep -sE '^[^#]*[[:blank:],]x-initrd\.attach(,|[[:blank:]]|$)' \
		"$dracutsysrootdir/etc/vhdxtab"
}

# vhdx_file NAME: where make install, or a package, has put it.
vhdx_file() {
	local dir

	for dir in "$dracutsysrootdir"/usr/local "$dracutsysrootdir"/usr; do
		[ ! -e "$dir/$1" ] || { printf '%s\n' "${dir#"$dracutsysrootdir"}/$1"; return; }
	done
	dfatal "vhdx: $1 is missing: the images of /etc/vhdxtab cannot be opened"
	return 1
}

check() {
	[ -n "$(vhdx_lines)" ] || return 255
	require_binaries vhdxsetup || return 1
}

depends() {
	echo dm fs-lib
}

# In an initramfs for this host alone, dracut has the drivers of the disks that it
# finds below the root file system, which are not those below the image's.
installkernel() {
	local spec device

	hostonly='' instmods dm-vhdx
	while read -r spec; do
		device=$(blkid -l -o device -t "$spec" 2>/dev/null) || device=$spec
		spec=$(blkid -o value -s TYPE "$device" 2>/dev/null) || continue
		hostonly='' instmods "$spec"
	done < <(vhdx_lines | sed -n 's/.*x-initrd\.device=\([^,[:blank:]]*\).*/\1/p')
}

# shellcheck disable=SC2154 # these variables are dracut's
install() {
	local file

	vhdx_lines >"$initdir/etc/vhdxtab"
	# sed is for the rules, too.
	inst_multiple vhdxsetup sed mount mkdir
	inst_multiple -o kpartx blkid
	file=$(vhdx_file lib/udev/rules.d/60-vhdx.rules) || return
	inst_rules "$file"
	file=$(vhdx_file share/dm-vhdx/initrd.sh) || return
	inst_simple "$file" /lib/vhdx-initrd.sh
	inst_hook cmdline 30 "$moddir/vhdx-wait.sh"
	inst_hook initqueue/settled 30 "$moddir/vhdx-open.sh"
}
