# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Initramfs archives of busybox and of modules of a kernel, which an init loads
# before it mounts a root.  Sourced after lib.sh.
#
#   initramfs_begin DIR    makes DIR, with busybox and empty directories
#   initramfs_modules DIR ROOT RELEASE MODULE...
#                          puts the modules, and those they need, from
#                          ROOT/lib/modules/RELEASE to DIR/lib; DIR/modules lists
#                          their paths in the archive, in insmod's order
#   initramfs_pack DIR FILE   makes the archive, and removes DIR

initramfs_begin() {
	rm -rf -- "$1"
	mkdir -p -- "$1"/{bin,dev,proc,root,lib}
	cp -- "$(command -v busybox)" "$1/bin/busybox"
	: >"$1/modules"
}

# What is built into the kernel is not in there.
initramfs_modules() {
	local dir=$1 root=$2 release=$3 module kind path name

	shift 3
	for module; do
		while read -r kind path _; do
			[ "$kind" = insmod ] || continue
			name=$(basename -- "${path%.[xgz]*}")
			case $path in
			*.xz) xz -dc -- "$path" >"$dir/lib/$name" ;;
			*.zst) zstd -qdc -- "$path" >"$dir/lib/$name" ;;
			*) cp -- "$path" "$dir/lib/$name" ;;
			esac
			grep -qxF "/lib/$name" "$dir/modules" ||
				printf '/lib/%s\n' "$name" >>"$dir/modules"
		done < <(modprobe -d "$root" -S "$release" \
			--show-depends "$module")
	done
}

initramfs_pack() {
	(cd -- "$1" && find . | cpio -o -H newc --quiet -R 0:0) >"$2.part"
	mv -- "$2.part" "$2"
	rm -rf -- "$1"
}
