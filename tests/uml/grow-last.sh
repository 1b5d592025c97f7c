#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vhdxsetup resize --grow-last: the last partition and its file system grow with the
# disk, mounted or not, of a device and of an image; and what cannot grow is refused
# before anything has changed.

set -euo pipefail
# shellcheck source=tests/uml/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

image=$STORE/image.vhdx
mnt=$SCRATCH/mnt
mkdir -p "$mnt"

# opened SIZE [OPTION...]: v0, of a new image; options of "create".
opened() {
	new_image "$image" "$@"
	"$VHDXSETUP" open --quiet "$image" v0 >/dev/null
}

closed() {
	exits "$1: close" 0 close v0
	is_clean "$1" "$image"
	gone "$1: nothing is left"
	tap_is "$1: nor a device of a partition" "$(dmsetup ls --target linear |
		grep -v "^No devices" || true)" ""
	rm -f "$STORE"/*.vhdx
}

# with_partitions TABLE SIZE: v0 of that size, with what sfdisk makes of TABLE.
with_partitions() {
	opened "$2"
	printf '%b' "$1" | sfdisk --quiet "$dev"
	"$VHDXSETUP" close v0
	"$VHDXSETUP" open --quiet --partitions "$image" v0 >/dev/null
}

# filled NODE TYPE [OPTION...]: makes a file system there, with a file; $SUM is its
# sum. Leaves it mounted.
filled() {
	"mkfs.$2" -q "${@:3}" "$1"
	mount "$1" "$mnt"
	dd if=/dev/urandom of="$mnt/one" bs=1M count=20 status=none
	SUM=$(sum_of "$mnt/one")
}

# Of the file system, in MiB.
room() { df --output=size -BM "$mnt" | tail -1 | tr -dc 0-9; }

# roomy DESC MIB: the file is there, and there is about so much room.
roomy() {
	tap_is "$1: the file is there" "$(sum_of "$mnt/one")" "$SUM"
	tap_run "$1: there is more room, $(room) MiB" \
		test "$(room)" -ge $(($2 * 8 / 10))
	tap_run "$1: which can be used" dd if=/dev/urandom of="$mnt/two" bs=1M \
		count=120 status=none
}

# Sectors of a partition, as sfdisk tells.
sectors_of() {
	sfdisk --json "$dev" | field "[\"partitiontable\"][\"partitions\"][$1 - 1][\"size\"]"
}

# to_the_end DESC NUMBER: the partition ends within the last MiB or two.
to_the_end() {
	local end

	end=$(sfdisk --json "$dev" | field "[\"partitiontable\"][\"partitions\"][$2 - 1]" |
		sed -n "s/.*'start': \([0-9]*\), 'size': \([0-9]*\).*/\1 \2/p" |
		awk '{ print $1 + $2 }')
	tap_run "$1: partition $2 reaches to the end" test "$end" -gt \
		$(($(blockdev --getsz "$dev") - 4096))
	tap_run "$1: sfdisk finds nothing" sfdisk --quiet --verify "$dev"
}

test_gpt() {
	local id

	with_partitions 'label: gpt\nsize=10M\nsize=100M,name=root\n' 128M
	filled "${dev}p2" ext4
	id=$(sfdisk --part-uuid "$dev" 2)
	exits "a GPT, mounted" 0 resize --grow-last v0 512M
	says "  says what has grown" "partition 2 .ext4. grown from 100 MiB to "
	tap_run "  says nothing of what is left to do" \
		test "${TAP_OUTPUT/growpart/}" = "$TAP_OUTPUT"
	to_the_end "a GPT" 2
	tap_is "  the first is what it was" "$(sectors_of 1)" $((10 * 2048))
	tap_is "  the second is the same" "$(sfdisk --part-uuid "$dev" 2)" "$id"
	tap_is "  its device has grown" "$(blockdev --getsz "${dev}p2")" \
		"$(sectors_of 2)"
	roomy "a GPT, mounted" 390
	exits "  the same once more" 0 resize --grow-last v0 512M
	says "  there is nothing to do" "has all the room already"
	umount "$mnt"
	tap_run "a GPT: e2fsck" e2fsck -fn "${dev}p2"

	documents "a GPT, not mounted" 0 resize --json --grow-last v0 1G
	tap_is "  as JSON, with the number" \
		"$(field '["grown"]["number"]' <<<"$TAP_OUTPUT")" 2
	tap_is "  and the length" \
		"$(field '["grown"]["new_length"]' <<<"$TAP_OUTPUT")" \
		$(($(sectors_of 2) * 512))
	to_the_end "a GPT, not mounted" 2
	tap_run "  e2fsck" e2fsck -fn "${dev}p2"
	mount "${dev}p2" "$mnt"
	tap_run "  there is more room" test "$(room)" -ge 800
	umount "$mnt"
	closed "a GPT"
}

# Partitions that nobody has mapped, and others behind in the table, not on the disk.
test_mbr() {
	opened 128M
	printf 'label: dos\nstart=64M,size=50M,bootable\nstart=1M,size=60M\n' |
		sfdisk --quiet "$dev"
	"$VHDXSETUP" close v0
	"$VHDXSETUP" open --quiet --partitions "$image" v0 >/dev/null
	filled "${dev}p1" ext4
	umount "$mnt"
	exits "an MBR: close" 0 close v0
	exits "  open" 0 open --quiet "$image" v0
	exits "an MBR, not mapped" 0 resize --grow-last v0 512M
	says "  says what has grown" "partition 1 .ext4. grown from 50 MiB to 448 MiB"
	to_the_end "an MBR" 1
	tap_is "  the other is what it was" "$(sectors_of 2)" $((60 * 2048))
	tap_like "  it can be booted from" "$(sfdisk -d "$dev")" "part1 .*bootable"
	tap_is "  no partition is mapped" "$(echo "$dev"p*)" "${dev}p*"
	exits "  close" 0 close v0
	exits "  open" 0 open --quiet --partitions "$image" v0
	tap_run "an MBR: e2fsck" e2fsck -fn "${dev}p1"
	mount "${dev}p1" "$mnt"
	roomy "an MBR" 400
	umount "$mnt"
	closed "an MBR"
}

test_whole() {
	opened 128M
	filled "$dev" ext4
	exits "no table, ext4 mounted" 0 resize --grow-last v0 512M
	says "  says what has grown" "the whole disk .ext4. grown to 512 MiB"
	roomy "no table, ext4" 480
	umount "$mnt"
	tap_run "  e2fsck" e2fsck -fn "$dev"
	closed "no table, ext4"
	if has_fs xfs; then
		opened 512M
		filled "$dev" xfs
		exits "XFS, mounted" 0 resize --grow-last v0 1G
		roomy "XFS, mounted" 900
		umount "$mnt"
		exits "XFS, not mounted" 0 resize --grow-last v0 1500M
		tap_run "  xfs_repair finds nothing" xfs_repair -n "$dev"
		mount "$dev" "$mnt"
		tap_run "  there is more room" test "$(room)" -ge 1200
		umount "$mnt"
		closed "XFS"
	fi
	if has_fs btrfs; then
		opened 160M
		filled "$dev" btrfs
		exits "btrfs, mounted" 0 resize --grow-last v0 600M
		roomy "btrfs, mounted" 500
		umount "$mnt"
		exits "btrfs, not mounted" 0 resize --grow-last v0 1G
		tap_run "  btrfs check finds nothing" btrfs check "$dev"
		mount "$dev" "$mnt"
		tap_run "  there is more room" test "$(room)" -ge 900
		umount "$mnt"
		closed "btrfs"
	fi
}

test_ntfs() {
	local part=${dev}p1

	if ! command -v ntfsresize >/dev/null; then
		tap_skip "NTFS" "no ntfsresize here"
		return
	fi
	with_partitions 'label: dos\nsize=60M,type=7\n' 64M
	mkfs.ntfs -q -F -f "$part" >/dev/null
	exits "NTFS" 0 resize --grow-last v0 200M
	says "  says what Windows does" "Windows checks its NTFS"
	tap_like "  it has the room" "$(ntfsresize --info --force "$part" 2>&1)" \
		"Current volume size: 208[0-9]* bytes"
	if has_fs ntfs3; then
		mount -t ntfs3 "$part" "$mnt" && {
			exits "NTFS, mounted" 7 resize --grow-last v0 300M
			says "  is refused" "is mounted at .*unmount it first"
			umount "$mnt"
		}
	fi
	closed "NTFS"
}

# No device: one is made for the time.
test_image() {
	with_partitions 'label: gpt\nsize=100M\n' 128M
	filled "${dev}p1" ext4
	umount "$mnt"
	exits "an image: close" 0 close v0
	documents "an image" 0 resize --json --grow-last "$image" 512M
	tap_is "  as JSON" "$(field '["grown"]["file_system"]' <<<"$TAP_OUTPUT")" \
		ext4
	tap_is "  its device has gone" "$(dmsetup ls | grep -c vhdx)" 0
	is_clean "an image" "$image"
	exits "  open" 0 open --quiet --partitions "$image" v0
	to_the_end "an image" 1
	tap_run "  e2fsck" e2fsck -fn "${dev}p1"
	mount "${dev}p1" "$mnt"
	roomy "an image" 480
	umount "$mnt"
	exits "an image with a child: close" 0 close v0
	"$VHDXSETUP" create --quiet --parent "$image" "$STORE/child.vhdx"
	SUM=$(sum_of "$image")
	exits "  is refused" 7 resize --grow-last "$image" +64M
	says "  for the child" "child.vhdx: is a child of"
	exits "  also if it has its size" 7 resize --grow-last "$image" 512M
	tap_is "  and not written" "$(sum_of "$image")" "$SUM"
	rm "$STORE/child.vhdx"
	exits "  open" 0 open --quiet "$image" v0
	closed "an image"
}

# refused DESC CODE SENTENCE [SIZE]: the disk has not changed.
refused() {
	local bytes was

	bytes=$(blockdev --getsize64 "$dev")
	was=$(sfdisk -d "$dev" 2>/dev/null || true)
	exits "$1" "$2" resize --grow-last v0 +64M
	says "  says why" "$3"
	tap_is "  the disk has its old size" "$(blockdev --getsize64 "$dev")" "$bytes"
	tap_is "  and its table" "$(sfdisk -d "$dev" 2>/dev/null || true)" "$was"
}

test_refused() {
	opened 64M
	refused "nothing known" 1 "cannot grow what is last on it, the whole disk .nothing known."
	mkswap -q "$dev"
	refused "swap" 1 "the whole disk .swap.: .*use swapoff, mkswap"
	wipefs -aq "$dev"
	printf 'label: gpt\n' | sfdisk --quiet "$dev"
	refused "a table without partitions" 1 "its partition table has no partition"
	printf 'label: dos\nsize=10M\nstart=20M,size=40M,type=5\nstart=21M,size=30M\n' |
		sfdisk --quiet "$dev"
	refused "an extended partition" 1 "what is last on it is an extended partition"
	printf 'label: gpt\nsize=10M\nsize=40M,type=DE94BBA4-06D1-4D40-A16A-BFD50179D6AC\n' |
		sfdisk --quiet "$dev"
	refused "Windows' rescue system" 1 "the rescue system of Windows"
	exits "  with --shrink" 1 resize --grow-last --shrink "$image" 10M
	says "  is refused" "exclude each other"
	wipefs -aq "$dev"
	mkfs.ext4 -q "$dev"
	# Without its root directory, e2fsck has to be asked what to do.
	debugfs -w -R "clri <2>" "$dev" >/dev/null 2>&1
	refused "an ext4 that is damaged" 14 "is not fit to grow"
	closed "what is refused"
}

# A tool that fails when the disk has grown: what is done is said.
test_failing() {
	with_partitions 'label: gpt\nsize=100M\n' 128M
	filled "${dev}p1" ext4
	mount --bind /bin/false /sbin/resize2fs
	exits "a tool that fails" 14 resize --grow-last v0 512M
	umount /sbin/resize2fs
	says "  is named" "resize2fs: exited with status 1"
	says "  with what is done" "the disk and its partition have grown, but the file system in it not"
	to_the_end "a tool that fails" 1
	tap_run "  the file system is what it was" test "$(room)" -le 100
	exits "  once more, without a failure" 0 resize --grow-last v0 512M
	roomy "  once more" 480
	umount "$mnt"
	tap_run "  e2fsck" e2fsck -fn "${dev}p1"
	closed "a tool that fails"
}

write_setup 1G
test_gpt
test_mbr
test_whole
test_ntfs
test_image
test_refused
test_failing
write_done
tap_done
