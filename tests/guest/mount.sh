#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What people open images for: partition tables and file systems that Windows,
# Linux and QEMU left in the real images are recognized, mounted, and hold the
# files that they are known to hold.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"

if [ -z "$(image_names real)" ]; then
	tap_skip "real images" "there is no ../shared/images"
	tap_done
	exit
fi
MNT=/run/mnt
mkdir -p "$MNT"

# attach NAME: as a device and one for each partition: image, image1, ...
attach() {
	dm_create image "$(image_table "real/$1")"
	kpartx -a -n /dev/mapper/image >/dev/null
	dmsetup mknodes
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

test_ext2
test_btrfs
test_differencing
test_ntfs
test_rest
tap_done
