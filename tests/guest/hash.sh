#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The right bytes: every image reads, byte for byte, as the flat content whose
# SHA-256 is published or follows from the writer's model.
#   - file store with direct I/O (ext4), told to be buffered, and on file systems
#     that have no direct I/O or are used as they come (tmpfs, hostfs or 9p);
#   - block store on loop and RAM disks, parents on other stores than the child;
#   - ranges of odd sizes at odd places, several at once;
#   - the image files have the hashes they had before.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"

# Names of images that show something of each kind, where time is short.
SOME='^(dynamic|fixed|block-1m|odd-.*|shuffled|child-(runs|4096|states)'
SOME+='|chain-three.*|huge-child|log-everything|verifiable|locator-unicode)$'
# For ranges of odd sizes.
RANGED='^(dynamic|block-1m|shuffled|child-(runs|alternating|4096)|verifiable'
RANGED+='|chain-three-(blocks|sizes)|log-bitmap)$'

# check_files WHAT DIR FEATURE NAME...: leaves the devices h0, h1, ...
check_files() {
	local what=$1 dir=$2 option=$3 name i=0 lines=()

	shift 3
	for name; do
		vhdx_create "h$i" \
			"$(image_table "$name" "$dir" ${option:+"$option"})" ||
			true
		lines+=("/dev/mapper/h$i"$'\t'"$name"$'\t'"$what: $name")
		i=$((i + 1))
	done
	dmsetup mknodes
	[ "$i" = 0 ] || readback whole "${SUMS[@]}" \
		<<<"$(printf '%s\n' "${lines[@]}")"
	LAST=$i
}

remove_files() {
	local i names=()

	for ((i = 0; i < LAST; i++)); do
		[ ! -e "/dev/mapper/h$i" ] || names+=("h$i")
	done
	[ "${#names[@]}" = 0 ] ||
		tap_run "their devices can be removed" \
			dmsetup remove --noudevsync "${names[@]}"
	dmsetup mknodes
}

# store_is FLAG: how the first device reads.
store_is() {
	tap_like "the store is $1" "$(vhdx_status h0 flags)" "^ro $1( |\$)"
}

test_direct() {
	local before name file files=()

	for name in "${real[@]}" "${good[@]}"; do
		while IFS= read -r file; do
			files+=("$IMAGES/${name%/*}/$(printf %b "${file//\\/\\0}")")
		done < <(image_files "$name" | tr '\t' '\n')
	done
	before=$("$GUEST/filesums.py" "${files[@]}")
	SUMS=("${FULL[@]}")
	check_files direct "$IMAGES" "" "${real[@]}"
	remove_files
	SUMS=()
	check_files direct "$IMAGES" "" "${good[@]}"
	store_is direct
	remove_files
	check_files "told to be buffered" "$IMAGES" buffered "${some[@]}"
	store_is buffered
	remove_files
	tap_is "${#files[@]} files have not changed" \
		"$("$GUEST/filesums.py" "${files[@]}")" "$before"
}

# The host's files as the guest sees them: hostfs, or 9p below an overlay.
test_host_files() {
	check_files "the host's file" "$VHDX_INPUTS/tree" "" \
		"${small[@]}" good/dynamic good/chain-three good/child-4096
	store_is buffered
	remove_files
}

# other_fs TYPE SIZE [FLAG]: a file system of its own, on sectors of 512.
other_fs() {
	local type=$1 size=$2 flag=${3-} dir=/run/other

	if ! modprobe -q "$type" && ! grep -qw "$type" /proc/filesystems; then
		tap_skip "$type" "the kernel has no $type"
		return
	fi
	if [ "$type" = tmpfs ]; then
		mkdir -p "$dir"
		mount -t tmpfs tmpfs "$dir"
	elif ! scratch_fs "$dir" "$size" "$type" >"$SCRATCH/mkfs" 2>&1; then
		tap_not_ok "$type: can be made" "$(<"$SCRATCH/mkfs")"
		return
	fi
	copy_images "$dir" dynamic chain-three child-alternating
	check_files "$type" "$dir" "" good/dynamic good/chain-three \
		good/child-alternating
	[ -z "$flag" ] || store_is "$flag"
	remove_files
	umount "$dir"
	rm -f "$SCRATCH/fs-other.img"
}

# copy_images DIR NAME...: of the good ones, with their parents.
copy_images() {
	local dir=$1/good name file

	shift
	mkdir -p "$dir"
	for name; do
		while IFS= read -r file; do
			cp --sparse=always "$IMAGES/good/$file" "$dir/" || true
		done < <(image_files "good/$name" | tr '\t' '\n')
	done
}

# ext4 on sectors of 4096 bytes can do no direct I/O for a disk of 512.
test_large_sectors() {
	local dir=/run/other device

	truncate -s 64M "$SCRATCH/4k.img"
	device=$(loop_from "$SCRATCH/4k.img" --sector-size 4096)
	mkfs.ext4 -q "$device"
	mkdir -p "$dir"
	mount "$device" "$dir"
	copy_images "$dir" dynamic attested-4096
	check_files "ext4 on 4096" "$dir" "" good/dynamic
	store_is buffered
	readback ranges <<<$'/dev/mapper/h0\tgood/dynamic\text4 on 4096: ranges'
	remove_files
	check_files "ext4 on 4096" "$dir" "" good/attested-4096
	store_is direct
	remove_files
	umount "$dir"
	losetup -d "$device"
	rm "$SCRATCH/4k.img"

	block_images good/attested-4096 loop4k
	check_block "loop with sectors of 4096" good/attested-4096
	block_images good/dynamic loop4k
	attempt large block "$(block_table good/dynamic)"
	collect
	refused "sectors larger than the virtual disk's are refused" large \
		"${BLOCK[0]}: the device has sectors of 4096 bytes, the virtual disk in it of 512"
	block_gone
}

# check_block WHAT NAME [TABLE]: the device made of $BLOCK, which then goes.
check_block() {
	dm_create block "${3-$(block_table "$2")}" || true
	readback whole "${SUMS[@]}" <<<"/dev/mapper/block"$'\t'"$2"$'\t'"$1: $2"
	vhdx_remove block
	block_gone
}

test_block() {
	local name

	SUMS=("${FULL[@]}")
	for name in "${real[@]}"; do
		block_images "$name" loop
		check_block "block store on loop" "$name"
	done
	SUMS=()
	for name in "${block[@]}"; do
		block_images "$name" loop
		check_block "block store on loop" "$name"
	done
	for name in "${small[@]}" good/dynamic; do
		block_images "$name" brd
		check_block "block store on brd" "$name"
	done
	block_images good/chain-three loop brd
	check_block "parents on brd" good/chain-three
	# A file, a loop device, and a file again.
	block_images good/chain-three loop
	losetup -d "${BLOCK[0]}" "${BLOCK[2]}"
	BLOCK=("${BLOCK[1]}")
	check_block "mixed stores" good/chain-three "$(image_table \
		good/chain-three | awk -v dev="${BLOCK[0]}" '{ $5 = dev } 1')"
	block_images good/verifiable loop brd loop
	dm_create block "$(block_table good/verifiable)"
	readback ranges <<<$'/dev/mapper/block\tgood/verifiable\tranges: block store'
	vhdx_remove block
	block_gone
}

test_ranges() {
	local name i=0 lines=()

	for name in "${ranged[@]}"; do
		vhdx_create "h$i" "$(image_table "$name" "$IMAGES" bat_cache 64)"
		lines+=("/dev/mapper/h$i"$'\t'"$name"$'\t'"ranges: $name")
		i=$((i + 1))
	done
	LAST=$i
	dmsetup mknodes
	readback ranges --count "$COUNT" --seed "$(date +%s)" \
		<<<"$(printf '%s\n' "${lines[@]}")"
	remove_files
}

collect
SUMS=()
mapfile -t real < <(image_names real)
mapfile -t small < <(image_names real '^(ext2|fat-.*|ntfs-dynamic)$')
mapfile -t good < <(image_names good)
mapfile -t some < <(image_names good "$SOME")
mapfile -t ranged < <(image_names good "$RANGED")
[ "${#real[@]}" != 0 ] || tap_skip "real images" "they are not here (VHDX_IMAGES)"
if slow_guest; then
	FULL=() COUNT=150 good=("${some[@]}") block=("${small[@]}" good/child-4096)
else
	FULL=(--sha256) COUNT=1000 block=("${some[@]}")
fi
test_direct
test_host_files
other_fs tmpfs 0 buffered
other_fs xfs 320M direct
other_fs btrfs 256M
other_fs vfat 128M
test_large_sectors
test_block
test_ranges
tap_done
