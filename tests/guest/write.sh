#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Devices that are written to: what was written is read back, then and after the
# image was closed, by us and by qemu-img; what was flushed is in a copy of the
# file that is taken at once; file systems survive.
#   - both stores, both sector sizes, the smallest block size and a large one.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

# verified KIND SECTOR BLOCK: fio's writes come back.
verified() {
	local what="$1, sectors of $2, blocks of $3" sum

	SECTOR=$2
	on_store "$1" 96M --sector-size "$2" --block-size "$3"
	rw_create w "$IMAGE"
	tap_run "$what: fio reads what it wrote" fio --name=w --filename="$DEV" \
		--rw=randwrite --bsrange="$2-64k" --blockalign="$2" --size=96M \
		--io_size="$IO" --direct=1 --ioengine=libaio --iodepth=32 \
		--verify=crc32c --verify_fatal=1 --verify_state_save=0 \
		--fsync=200 --randrepeat=0
	tap_run "$what: the model agrees" model --sector "$2" --ops "$OPS" \
		--whole "$(numfmt --from=iec "$3")" --save "$SCRATCH/model"
	sum=$(sum_of "$SCRATCH/model")
	tap_is "$what: the device is as the model" "$(sum_of "$DEV")" "$sum"
	dm_remove w
	is_clean "$what" "$IMAGE"
	reads_as "$what" "$IMAGE" "$sum"
	store_gone
	unset SECTOR
}

# A copy of the file is what a crash would leave, if all writes reached it.
test_flush() {
	local what=$1 copy=$STORE/copy.vhdx model=$SCRATCH/model

	on_store file 64M --block-size 1M
	rw_create w "$IMAGE"
	tap_run "$what: something is written" model --ops 200 --whole 1048576 \
		--save "$model"
	"$2"
	cp "$IMAGE" "$copy"
	# Not to be in the copy, nor to be missed there.
	dd if=/dev/urandom of="$DEV" bs=4k count=64 oflag=direct status=none
	dm_create copy "$(dmsetup table w | sed "s,$IMAGE,$copy,")"
	tap_like "$what: the copy has a log to replay" \
		"$(vhdx_status copy flags)" dirty_log
	tap_is "$what: it has all that was flushed" \
		"$(sum_of /dev/mapper/copy)" "$(sum_of "$FLUSHED")"
	dm_remove copy
	VHDX_RW=1 dm_create copy "$(dmsetup table w | sed "s,$IMAGE,$copy,")"
	tap_is "$what: as it has when that is replayed on disk" \
		"$(sum_of /dev/mapper/copy)" "$(sum_of "$FLUSHED")"
	dm_remove copy
	is_clean "$what: the copy" "$copy"
	dm_remove w
	is_clean "$what" "$IMAGE"
	rm "$copy"
	store_gone
}

# The model ends without a flush; here one write more, then the flush.
by_fsync() {
	printf 'one more, and flushed' | dd of="$SCRATCH/model" bs=4096 seek=900 \
		conv=notrunc,sync status=none
	printf 'one more, and flushed' | dd of="$DEV" bs=4096 seek=900 \
		conv=sync,fsync status=none
	FLUSHED=$SCRATCH/model
}

by_message() {
	dmsetup message w 0 commit
	FLUSHED=$SCRATCH/model
}

# file_system TYPE STORE
file_system() {
	local what="$1 on the $2 store" mnt=/run/mnt sum

	if ! has_fs "$1"; then
		tap_skip "$what" "the kernel has no $1"
		return
	fi
	on_store "$2" 400M --block-size 1M
	rw_create w "$IMAGE"
	mkdir -p $mnt
	tap_run "$what: can be made" "mkfs.$1" -q "$DEV"
	mount "$DEV" $mnt
	cp -r "$GUEST/../../dm-vhdx" "$GUEST/../../tests" $mnt/
	sync -f $mnt
	tap_run "$what: can be trimmed" fstrim $mnt
	rm -r $mnt/tests
	tap_run "$what: and again" fstrim $mnt
	cp -r "$GUEST/../../tests" $mnt/again
	umount $mnt
	echo 3 >/proc/sys/vm/drop_caches
	mount "$DEV" $mnt
	tap_run "$what: holds what was copied" \
		diff -r "$GUEST/../../tests" $mnt/again
	tap_run "$what: and what was there before" \
		diff -r "$GUEST/../../dm-vhdx" $mnt/dm-vhdx
	umount $mnt
	case $1 in
	ext4) tap_run "$what: fsck finds nothing" fsck.ext4 -fn "$DEV" ;;
	xfs) tap_run "$what: xfs_repair finds nothing" xfs_repair -n "$DEV" ;;
	esac
	sum=$(sum_of "$DEV")
	dm_remove w
	is_clean "$what" "$IMAGE"
	reads_as "$what" "$IMAGE" "$sum"
	store_gone
}

IO=48m OPS=500
slow_guest && IO=12m OPS=150
write_setup 1536M
for store in file block; do
	verified $store 512 1M
	slow_guest || verified $store 512 32M
	verified $store 4096 2M
done
test_flush "fsync" by_fsync
test_flush "a message" by_message
file_system ext4 file
file_system ext4 block
file_system xfs file
write_done
tap_done
