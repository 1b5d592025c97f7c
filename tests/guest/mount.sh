# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What people want: the files in the images that Windows and QEMU made, by mount,
# on the whole disk or on a partition.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"

[ -n "$(image_names real)" ] || {
	tap_skip "real images" "there is no ../shared/images"
	tap_done
	exit
}

# can_mount TYPE: does this kernel, as it is or with a module?
can_mount() {
	modprobe -q "$1" || true
	grep -qw "$1" /proc/filesystems
}

# mounted DESC DEVICE TYPE COMMAND...: the command in the mounted file system.
mounted() {
	local desc=$1 device=$2 type=$3 dir=$SCRATCH/mnt

	shift 3
	if ! can_mount "$type"; then
		tap_skip "$desc" "this kernel has no $type"
		return
	fi
	mkdir -p "$dir"
	tap_run "$desc: mount" mount -o ro -t "$type" "$device" "$dir"
	(cd "$dir" && tap_capture "$@" && printf '%s' "$TAP_OUTPUT") \
		>"$SCRATCH/said" || true
	tap_like "$desc" "$(<"$SCRATCH/said")" "$WANT"
	umount "$dir" || true
}

# partition NAME: maps the partitions of a device; the path of the first.
partition() {
	kpartx -a -r -n "/dev/mapper/$1" >&2
	dmsetup mknodes
	dmsetup ls | sed -n "s,^\($1p\?1\)[[:space:]].*,/dev/mapper/\1,p"
}

dm_create ext2 "$(image_table real/ext2)"
tap_is "ext2: blkid" "$(blkid -o value -s TYPE /dev/mapper/ext2)" ext2
WANT='^116$'
# The file system type ext2 may be served by ext4.
mounted "ext2: passwords.txt" /dev/mapper/ext2 ext4 stat -c %s passwords.txt
dm_remove ext2

dm_create btrfs "$(image_table real/btrfs)"
tap_is "btrfs: a partition table" \
	"$(blkid -o value -s PTTYPE /dev/mapper/btrfs)" dos
part=$(partition btrfs)
tap_is "btrfs: blkid" "$(blkid -o value -s TYPE "$part")" btrfs
WANT='^text$'
mounted "btrfs: folder/subfolder/file" "$part" btrfs \
	cat folder/subfolder/file
dm_remove "${part##*/}"
dm_remove btrfs

dm_create swap "$(image_table real/swap)"
tap_is "swap: blkid" "$(blkid -o value -s TYPE /dev/mapper/swap)" swap
dm_remove swap

for name in config2_base ntfs-dynamic; do
	dm_create "$name" "$(image_table "real/$name")"
	part=$(partition "$name")
	: "${part:=/dev/mapper/$name}"
	case $name in
	config2_base)
		tap_like "$name: blkid" "$(blkid "$part")" \
			'LABEL="(config-2|CONFIG-2)".* TYPE="vfat"'
		WANT=.
		mounted "$name: ls" "$part" vfat ls ;;
	ntfs-dynamic)
		tap_like "$name: blkid" "$(blkid "$part")" 'TYPE="ntfs"'
		WANT=.
		mounted "$name: ls" "$part" ntfs3 ls ;;
	esac
	[ "$part" = "/dev/mapper/$name" ] || dm_remove "${part##*/}"
	dm_remove "$name"
done
tap_done
