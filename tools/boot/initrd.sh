# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the initramfs of initramfs-tools and that of dracut share: it opens an image
# as a line of vhdxtab(5) says.  Sourced there.
#
#   vhdx_decode FIELD                    prints what a field stands for
#   vhdx_open_line NAME IMAGE OPTIONS    fields of a line, as they are; fails after
#                                        a message
# The script that sources this has the function
#   vhdx_mount_below SPEC DIR MODE       mounts the file system that the image is on

# What stands in a field as \040 or another three digits, octal.
vhdx_decode() {
	printf '%b' "$(printf '%s' "$1" |
		sed -e 's/\\/\\\\/g' -e 's/\\\\\([0-7]\{3\}\)/\\0\1/g')"
}

vhdx_open_line() {
	name=$(vhdx_decode "$1")
	image=$(vhdx_decode "$2")
	rest=$3
	below='' mode=rw
	set --
	while [ -n "$rest" ]; do
		option=${rest%%,*}
		rest=${rest#"$option"}
		rest=${rest#,}
		option=$(vhdx_decode "$option")
		case $option in
		x-initrd.device=*) below=${option#x-initrd.device=} ;;
		ro | read-only | readonly)
			set -- "$@" --readonly
			mode=ro
			;;
		'' | x-* | auto | noauto | nofail | _netdev | timeout=*) ;;
		*) set -- "$@" "--$option" ;;
		esac
	done
	if [ -n "$below" ]; then
		vhdx_mount_below "$below" "/run/vhdx/$name" "$mode" || return
	fi
	vhdxsetup open --quiet "$@" -- "$image" "$name"
}
