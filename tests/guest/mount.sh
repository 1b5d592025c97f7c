#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What people open images for: partition tables and file systems are recognized,
# mounted, and hold the files that they are known to hold. Some are made here, in
# an image that is written by us; the real ones, where they are, have what Windows,
# Linux and QEMU left in them.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

MNT=/run/mnt
mkdir -p "$MNT"

# partitions: a device for each that is in "image": image1, ...
partitions() {
	kpartx -a -n /dev/mapper/image >/dev/null
	dmsetup mknodes
}

# attach NAME: a real image, and its partitions.
attach() {
	dm_create image "$(image_table "real/$1")"
	partitions
}

detach() {
	kpartx -d -n /dev/mapper/image >/dev/null
	dmsetup mknodes
	dm_remove image
}

# is_a DESC DEVICE TAG=VALUE...: what blkid sees in it.
is_a() {
	local desc=$1 seen pair

	seen=$(blkid -p -o export "/dev/mapper/$2")
	shift 2
	for pair; do
		tap_like "$desc: blkid sees $pair" $'\n'"$seen"$'\n' \
			$'\n'"$pair"$'\n'
	done
}

# mounted DESC TYPE DEVICE: a test; true if the files can be looked at.
mounted() {
	local desc=$1 type=$2 device=$3

	modprobe -q "$type" || true
	if ! grep -qw "$type" /proc/filesystems; then
		tap_skip "$desc: $type" "the kernel has no $type"
		return 1
	fi
	tap_run "$desc: $type can be mounted" \
		mount -r -t "$type" "/dev/mapper/$device" "$MNT"
	[ "$TAP_STATUS" = 0 ]
}

# A file system on a partition of ours, and a file in it.
fill() {
	local type=$1 device=/dev/mapper/$2

	shift 2
	has_fs "$type" || return 0
	tap_run "ours: $type can be made" "mkfs.$type" "$@" "$device"
	mount -t "$type" "$device" "$MNT"
	cp "$SCRATCH/file" "$MNT/"
	umount "$MNT"
}

# filled TYPE DEVICE LABEL: it is there when the image is opened anew.
filled() {
	if mounted ours "$1" "$2"; then
		is_a "ours" "$2" "TYPE=$1" "LABEL=$3"
		tap_run "ours: the file in $1" cmp "$MNT/file" "$SCRATCH/file"
		tap_fails "ours: nothing can be written to $1" touch "$MNT/x"
		umount "$MNT"
	fi
}

test_ours() {
	write_setup
	head -c 3M /dev/urandom >"$SCRATCH/file"
	on_store file 128M --block-size 1M
	rw_create image "$IMAGE"
	tap_run "ours: a partition table can be made" sfdisk -q --no-reread \
		--no-tell-kernel "$DEV" <<<$'label: dos\n,64M,83\n,,c'
	partitions
	fill ext4 image1 -q -L vhdx_ext4
	fill vfat image2 -n VHDX_VFAT
	detach

	is_clean "ours" "$IMAGE"
	dm_create image "0 $(disk_sectors "$IMAGE") vhdx $IMAGE"
	partitions
	is_a ours image PTTYPE=dos
	filled ext4 image1 vhdx_ext4
	filled vfat image2 VHDX_VFAT
	detach
	store_gone
	write_done
}

test_ext2() {
	attach ext2
	is_a ext2 image TYPE=ext2 LABEL=ext2_test
	if mounted ext2 ext2 image; then
		tap_is "ext2: the length of a file" \
			"$(stat -c %s "$MNT/passwords.txt")" 116
		tap_is "ext2: its lines" \
			"$(wc -l <"$MNT/passwords.txt")" 5
		tap_is "ext2: a symbolic link" "$(readlink "$MNT/a_link")" \
			a_directory/another_file
		tap_fails "ext2: nothing can be written" touch "$MNT/x"
		umount "$MNT"
	fi
	detach
}

# Files there are named after their MD5.
test_btrfs() {
	local file

	attach btrfs
	is_a btrfs image PTTYPE=dos
	is_a btrfs image1 TYPE=btrfs PART_ENTRY_OFFSET=2048
	if mounted btrfs btrfs image1; then
		tap_is "btrfs: a file" "$(cat "$MNT/folder/subfolder/file")" text
		for file in "$MNT"/folder/subfolder/????????????????????????????????; do
			tap_is "btrfs: a file of $(stat -c %s "$file") bytes" \
				"$(md5sum <"$file")" "$(basename "$file")  -"
		done
		umount "$MNT"
	fi
	detach
}

# What Windows wrote after the child was made is not in the parent.
test_differencing() {
	attach fat-parent
	is_a "the parent" image1 TYPE=vfat LABEL=TESTVOLUME VERSION=FAT12
	if mounted "the parent" vfat image1; then
		tap_run "the parent lacks the file" \
			test ! -e "$MNT/passwords.txt"
		umount "$MNT"
	fi
	detach
	attach fat-differential
	is_a "the child" image1 TYPE=vfat LABEL=TESTVOLUME VERSION=FAT12
	if mounted "the child" vfat image1; then
		tap_run "the child has it" cp "$MNT/passwords.txt" "$SCRATCH/"
		umount "$MNT"
	fi
	detach
}

# The same file was put on both disks; it is told from two file systems.
test_ntfs() {
	attach ntfs-dynamic
	is_a ntfs image1 TYPE=ntfs LABEL=TestVolume
	if mounted ntfs ntfs3 image1; then
		tap_run "ntfs: the file is the one of the FAT disk" \
			cmp "$MNT/passwords.txt" "$SCRATCH/passwords.txt"
		umount "$MNT"
	fi
	detach
}

test_rest() {
	attach config2_base
	is_a "config drive" image1 TYPE=vfat LABEL=config-2 VERSION=FAT32
	if mounted "config drive" vfat image1; then
		umount "$MNT"
	fi
	detach
	attach swap
	is_a swap image TYPE=swap
	tap_is "swap: no partition" "$(kpartx -l /dev/mapper/image)" ""
	detach
	# Without the log's replay there would be none.
	attach vhdx-log-replay
	is_a "dirty log" image PTTYPE=dos
	is_a "dirty log" image1 PART_ENTRY_OFFSET=2048 PART_ENTRY_SIZE=204800
	is_a "dirty log" image2 PART_ENTRY_OFFSET=206848 PART_ENTRY_SIZE=409600
	detach
}

test_ours
if [ -z "$(image_names real)" ]; then
	tap_skip "real images" "they are not here (VHDX_IMAGES)"
	tap_done
	exit
fi
test_ext2
test_btrfs
test_differencing
test_ntfs
test_rest
tap_done
