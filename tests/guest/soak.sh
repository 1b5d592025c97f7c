#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Programs that verify what they write, at it all at once: fsx.py, and fio with
# several jobs, past the page cache and through it, with random discards.
#   - on the device, and on files in ext4 and xfs upon it, mounted to discard;
#   - on both stores, the image or the file of the block device in ext4, xfs,
#     btrfs and tmpfs.
# Afterwards the image is clean, opened anew it has the same contents, and no
# file system finds a fault.
#
# Environment: SOAK, seconds for all combinations together; without it some of
# them have their turn, for a moment.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

MNT=/run/soak
FSX_SIZE=$((8 << 20))
FSX_OPS=0
FIO_OPS=0

# fsx PATH: until $END, in the background; fsx_ends is a test of how it ended.
fsx() {
	"$GUEST/write/fsx.py" "$1" --seconds $((END - SECONDS)) \
		--size $FSX_SIZE --grain "$SECTOR" --save "$SCRATCH/model" \
		>"$SCRATCH/fsx.out" 2>&1 &
	FSX_PID=$!
}

fsx_ends() {
	local status=0 ops

	wait "$FSX_PID" || status=$?
	ops=$(sed -n 's/ operations: .*//p' "$SCRATCH/fsx.out")
	tap_is "$1: fsx: $status" "$status" 0
	[ "$status" = 0 ] || tap_note "$(<"$SCRATCH/fsx.out")"
	FSX_OPS=$((FSX_OPS + ${ops:-0}))
}

# count_ios < fio's report in JSON
count_ios() {
	python3 -c '
import json, sys
text = sys.stdin.read()
jobs = json.loads(text[text.index("{"):])["jobs"]
print(sum(job[way]["total_ios"] for job in jobs
          for way in ("read", "write", "trim")))'
}

# One round: whatever was written is read again, some at once, some in the end.
# The jobs differ in all that the arguments before "--" do not say.
fio_round() {
	local common=(--verify=crc32c --verify_fatal=1 --verify_state_save=0
		--randrepeat=0 --fallocate=none --output-format=json)
	local direct=() buffered=()

	while [ "$1" != -- ]; do
		direct+=("$1")
		shift
	done
	shift
	buffered=("$@")
	timeout -k 5 $((PATIENCE * 3)) fio "${common[@]}" --output="$SCRATCH/fio.json" \
		--name=direct --rw=randwrite --bsrange="$SECTOR-64k" \
		--blockalign="$SECTOR" --direct=1 --ioengine=libaio \
		--iodepth=16 --fsync=64 --verify_backlog=128 "${direct[@]}" \
		--name=buffered --rw=randwrite --bsrange="$SECTOR-128k" \
		--blockalign="$SECTOR" --direct=0 --ioengine=psync \
		--fdatasync=100 "${buffered[@]}" || {
		grep -v '^[ {}]' "$SCRATCH/fio.json"
		return 1
	}
	FIO_OPS=$((FIO_OPS + $(count_ios <"$SCRATCH/fio.json")))
}

# Each block of the first job's is discarded before it is written; what the third
# one discards nobody reads.
fio_on_device() {
	fio_round --filename="$DEV" --offset=16M --size=24M --io_size=$IO \
		--rw=randtrimwrite -- \
		--filename="$DEV" --offset=48M --size=32M --io_size=$IO \
		--name=discards --filename="$DEV" --rw=randtrim --offset=80M \
		--size=16M --io_size=$((4 * ${IO%M}))M --bsrange=4k-4M \
		--blockalign=4k
}

fio_on_files() {
	fio_round --filename=$MNT/direct --size=48M --io_size=$IO -- \
		--filename=$MNT/buffered --size=48M --io_size=$IO &&
		rm -f $MNT/direct
}

# fio_until_end DESC COMMAND: one test, for at least one round.
fio_until_end() {
	local desc=$1 rounds=0 status=0

	while [ "$status" = 0 ] && { [ $rounds = 0 ] || ((SECONDS < END)); }; do
		"$2" >"$SCRATCH/fio.out" 2>&1 || status=$?
		rounds=$((rounds + 1))
	done
	tap_is "$desc: fio, $rounds rounds" "$status" 0
	[ "$status" = 0 ] || tap_note "$(tail -n 30 "$SCRATCH/fio.out")"
}

soak_device() {
	local what=$1 sum

	fsx "$DEV"
	fio_until_end "$what" fio_on_device
	fsx_ends "$what"
	tap_run "$what: the device has what fsx wrote" cmp -n $FSX_SIZE \
		"$DEV" "$SCRATCH/model"
	sum=$(sum_of "$DEV")
	dm_remove w
	is_clean "$what" "$IMAGE"
	reads_as "$what" "$IMAGE" "$sum"
}

no_fault_in() {
	case $1 in
	ext4) fsck.ext4 -fn "$DEV" ;;
	xfs) xfs_repair -n "$DEV" ;;
	esac
}

soak_files() {
	local what=$1 type=$2

	"mkfs.$type" -q "$DEV"
	mkdir -p $MNT
	mount -o discard "$DEV" $MNT
	fsx $MNT/fsx
	fio_until_end "$what" fio_on_files
	fsx_ends "$what"
	fstrim $MNT
	umount $MNT
	dm_remove w
	is_clean "$what" "$IMAGE"
	rw_create w "$IMAGE"
	tap_run "$what: no fault in the file system" no_fault_in "$type"
	mount "$DEV" $MNT
	tap_run "$what: the file is as fsx left it" \
		cmp $MNT/fsx "$SCRATCH/model"
	umount $MNT
	dm_remove w
}

# soak BELOW STORE UPON: the sizes change from turn to turn.
TURN=0
soak() {
	local below=$1 store=$2 upon=$3 size=400M features=()
	local what="$upon, $store store on $below"

	if ! has_fs "$below" || { [ "$upon" != device ] && ! has_fs "$upon"; }; then
		tap_skip "$what" "the kernel has no such file system"
		return
	fi
	SECTOR=$((TURN % 2 ? 4096 : 512))
	[ $((TURN % 3)) = 0 ] || features=(bat_cache 64)
	what+=", sectors of $SECTOR"
	write_setup 2G "$below"
	BLOCK_DIR=$STORE
	[ "$upon" != device ] || size=96M
	on_store "$store" "$size" --sector-size $SECTOR \
		--block-size $((1 << TURN % 4))M
	rw_create w "$IMAGE" "${features[@]}"
	END=$((SECONDS + EACH))
	case $upon in
	device) soak_device "$what" ;;
	*) soak_files "$what" "$upon" ;;
	esac
	store_gone
	write_done
	TURN=$((TURN + 1))
	unset SECTOR
}

SOME="ext4/file/ext4 xfs/file/device btrfs/file/xfs tmpfs/file/device
	ext4/block/device xfs/block/ext4"
ALL=
for store in file block; do
	for below in ext4 xfs btrfs tmpfs; do
		ALL+=" $below/$store/device $below/$store/ext4 $below/$store/xfs"
	done
done

IO=8M EACH=3
slow_guest && IO=3M
turns=$SOME
if [ -n "${SOAK-}" ]; then
	turns=$ALL EACH=$((SOAK / 24))
fi
for turn in $turns; do
	IFS=/ read -r below store upon <<<"$turn"
	soak "$below" "$store" "$upon"
done
tap_note "fsx did $FSX_OPS operations, fio $FIO_OPS I/Os"
tap_run "enough was done" test $((FSX_OPS + FIO_OPS)) -gt $((EACH * 100))
tap_done
