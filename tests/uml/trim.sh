#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vhdxsetup compact --filesystem: what the file systems inside do not use is given back,
# they are in order afterwards, and what cannot be done is said.

set -euo pipefail
# shellcheck source=tests/uml/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

M=$((1 << 20))
image=$STORE/image.vhdx
mnt=$SCRATCH/mnt
mkdir -p "$mnt"

# opened SIZE [OPTION...]: v0, of a new image; options of "create".
opened() {
	new_image "$image" "$@"
	"$VHDXSETUP" open --quiet "$image" v0 >/dev/null
}

length() { stat -c %s "$image"; }

# used NODE TYPE [OPTION...]: a file system there in which a large file lies before a
# small one, and has gone; $SUM is that of the small one.
used() {
	local driver=$2

	[ "$2" != ntfs ] || driver=ntfs3
	"mkfs.$2" "${@:3}" "$1" >/dev/null
	mount -t "$driver" "$1" "$mnt"
	dd if=/dev/urandom of="$mnt/large" bs=1M count=100 status=none
	dd if=/dev/urandom of="$mnt/small" bs=1M count=5 status=none
	sync
	SUM=$(sum_of "$mnt/small")
	rm "$mnt/large"
	umount "$mnt"
}

# short DESC BEFORE MIB: the file is shorter by that at least, and in order.
short() {
	tap_run "$1: the file got short: $(($2 / M)) to $(($(length) / M)) MiB" \
		test "$(length)" -le $(($2 - $3 * M))
	is_clean "$1" "$image"
	tap_is "$1: its device has gone" "$(dmsetup ls | grep -c vhdx)" 0
}

# intact DESC NODE: the small file is there.
intact() {
	mount -t "${3-auto}" -o ro "$2" "$mnt"
	tap_is "$1: what is in use is there" "$(sum_of "$mnt/small")" "$SUM"
	umount "$mnt"
}

test_partitions() {
	local was

	opened 1G
	printf 'label: gpt\nsize=300M\nsize=100M\nsize=20M\n' |
		sfdisk --quiet "$dev"
	"$VHDXSETUP" close v0
	"$VHDXSETUP" open --quiet --partitions "$image" v0 >/dev/null
	mkswap -q "${dev}p2"
	used "${dev}p1" ext4 -q
	"$VHDXSETUP" close v0
	was=$(length)
	exits "without it" 0 compact "$image"
	tap_run "  nothing is gained" test "$(length)" -gt $((was - 20 * M))
	was=$(length)
	exits "partitions" 0 compact --filesystem "$image"
	says "  says what it gave back" "partition 1 .ext4.: .* of free space discarded"
	says "  and what not" "partition 2 .swap. is left as it is: a swap area does not say"
	says "  of each" "partition 3 .nothing known. is left as it is: nothing is known"
	short "partitions" "$was" 60
	exits "  open" 0 open --quiet --partitions "$image" v0
	tap_run "partitions: e2fsck" e2fsck -fn "${dev}p1"
	tap_is "  it is as if nobody had mounted it" "$(dumpe2fs -h "${dev}p1" \
		2>/dev/null | sed -n 's/^Last mounted on: *//p')" "$mnt"
	intact "partitions" "${dev}p1"
	exits "  close" 0 close v0
	documents "as JSON" 0 compact --json --filesystem "$image"
	tap_is "  with each partition" \
		"$(field '["file_systems"][0]["file_system"]' <<<"$TAP_OUTPUT")" ext4
	tap_like "  and why not" \
		"$(field '["file_systems"][1]["not_trimmed"]' <<<"$TAP_OUTPUT")" \
		"a swap area"
	rm "$image"
}

# whole TYPE CHECK [OPTION...]: on the whole disk.
whole() {
	local type=$1 check=$2 driver=$1 was

	[ "$type" != ntfs ] || driver=ntfs3
	has_fs "$driver" && command -v "mkfs.$type" >/dev/null || return 0
	opened 600M
	used "$dev" "$type" "${@:3}"
	"$VHDXSETUP" close v0
	was=$(length)
	exits "$type" 0 compact --filesystem "$image"
	says "  says what it gave back" "the whole disk .$type.: .* of free space discarded"
	short "$type" "$was" 60
	exits "  open" 0 open --quiet "$image" v0
	# shellcheck disable=SC2086 # words
	tap_run "$type: nothing is wrong with it" $check "$dev"
	intact "$type" "$dev" "$driver"
	exits "  close" 0 close v0
	rm "$image"
}

# Its journal has to be replayed: what it holds must not be lost.
test_dirty() {
	local was

	opened 600M
	mkfs.ext4 -q "$dev"
	mount "$dev" "$mnt"
	dd if=/dev/urandom of="$mnt/small" bs=1M count=5 conv=fsync status=none
	SUM=$(sum_of "$mnt/small")
	cp --reflink=never --sparse=always "$image" "$STORE/copy.vhdx"
	umount "$mnt"
	exits "a dirty ext4: close" 0 close v0
	mv "$STORE/copy.vhdx" "$image"
	exits "a dirty ext4" 0 compact --filesystem "$image"
	exits "  open" 0 open --quiet "$image" v0
	tap_run "a dirty ext4: e2fsck" e2fsck -fn "$dev"
	intact "a dirty ext4" "$dev"
	debugfs -w -R "ssv state 2" "$dev" >/dev/null 2>&1
	exits "  close" 0 close v0
	exits "an ext4 with errors" 0 compact --filesystem "$image"
	says "  is left as it is" "it has errors: run e2fsck"
	rm "$image"
}

test_refused() {
	opened 64M
	dd if=/dev/urandom of="$dev" bs=1M count=1 status=none
	exits "in use" 1 compact --filesystem "$image"
	says "  says what to do then" "fstrim has them discard"
	exits "  close" 0 close v0
	exits "with -n" 1 compact --filesystem -n "$image"
	says "  is refused" "exclude each other"
	exits "nothing known" 0 compact --filesystem "$image"
	says "  says so" "the whole disk .nothing known. is left as it is"
	"$VHDXSETUP" open --quiet "$image" v0 >/dev/null
	# A superblock of XFS, and nothing behind it.
	mkfs.ext4 -q "$dev"
	dd if=/dev/urandom of="$dev" bs=4096 seek=1 count=2000 status=none
	exits "  close" 0 close v0
	exits "what the kernel does not mount" 0 compact --filesystem "$image"
	says "  is left as it is" "the kernel does not mount it: "
	gone "nothing is left"
	rm "$image"
}

# Whenever a signal comes, nothing is left behind.
test_signals() {
	local after

	opened 256M
	used "$dev" ext4 -q
	"$VHDXSETUP" close v0
	for after in 0.05 0.1 0.15 0.2 0.3 0.4 0.6; do
		timeout --signal TERM "$after" "$VHDXSETUP" compact --quiet \
			--filesystem "$image" >/dev/null 2>&1 || true
		tap_is "a signal after $after s: no device is left" \
			"$(dmsetup ls | grep -c vhdx)" 0
		tap_run "  nor a mount" test -z "$(grep mapper/vhdx /proc/mounts)"
		exits "  and the image is in order" 0 check --quiet "$image"
	done
	exits "  open" 0 open --quiet "$image" v0
	tap_run "after the signals: e2fsck" e2fsck -fn "$dev"
	intact "after the signals" "$dev"
	exits "  close" 0 close v0
	rm "$image"
}

# What is trimmed is written: the image is not what its children knew.
test_children() {
	local was

	opened 256M
	used "$dev" ext4 -q
	"$VHDXSETUP" close v0
	"$VHDXSETUP" create --quiet --parent "$image" "$STORE/child.vhdx"
	was=$(sum_of "$image")
	exits "a parent" 7 compact --filesystem "$image"
	says "  names its child" "child.vhdx: is a child of"
	tap_is "  and has not changed" "$(sum_of "$image")" "$was"
	exits "a child" 0 compact --filesystem "$STORE/child.vhdx"
	exits "  the chain is in order" 0 check --quiet --chain "$STORE/child.vhdx"
	exits "  open" 0 open --quiet "$STORE/child.vhdx" v0
	tap_run "a child: e2fsck" e2fsck -fn "$dev"
	intact "a child" "$dev"
	exits "  close" 0 close v0
	tap_is "  its parent has not changed" "$(sum_of "$image")" "$was"
	exits "a parent, with --force" 0 compact --force --filesystem "$image"
	exits "--force without --filesystem" 1 compact --force "$image"
	says "  is refused" "go with --filesystem"
	rm "$STORE"/*.vhdx
}

# What Windows goes on from is not touched.
test_hibernated() {
	local was

	command -v mkfs.ntfs >/dev/null && has_fs ntfs3 || return 0
	opened 64M
	mkfs.ntfs -q -F -f "$dev" >/dev/null
	mount -t ntfs3 "$dev" "$mnt"
	printf hibr >"$mnt/hiberfil.sys"
	truncate -s 1M "$mnt/hiberfil.sys"
	umount "$mnt"
	was=$(sum_of "$dev")
	"$VHDXSETUP" close v0
	exits "Windows that hibernates" 0 compact --filesystem "$image"
	says "  is left as it is" "Windows hibernates there: start it"
	exits "  open" 0 open --quiet "$image" v0
	tap_is "  to the byte" "$(sum_of "$dev")" "$was"
	exits "  close" 0 close v0
	rm "$image"
}

write_setup 1G
test_partitions
whole xfs "xfs_repair -n"
whole btrfs "btrfs check"
whole vfat "fsck.vfat -n" -F 32
whole ext4 "e2fsck -fn" -q
whole ntfs "ntfsfix -n" -F -f -q
test_hibernated
test_dirty
test_signals
test_children
test_refused
write_done
tap_done
