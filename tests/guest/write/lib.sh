# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For the tests that write.  Sourced after guest/lib.sh.
#
#   $VHDXSETUP       the helper
#   new_image FILE SIZE [OPTION...]   an empty image: options of "create"
#   rw_create NAME IMAGE [FEATURE...] a device that can be written; $DEV is it
#   on_store file|block SIZE [OPTION...]   an empty image on either store; sets
#                    $IMAGE; "block" is a loop device with half as much again,
#                    over a file in $BLOCK_DIR
#   store_gone       and away with it
#   stat_of NAME KEY a number of the message "stats"
#   sum_of FILE      its SHA-256
#   in_background COMMAND...   its process is $pid
#   ended PID        the status of such a one, which is given 30 seconds
#   is_clean DESC IMAGE     a test: vhdxsetup and qemu-img find nothing
#   reads_as DESC IMAGE SUM a test: opened anew, read-only, the disk has that
#                    sum; and so says qemu-img, if it can read it at all
#   model OPTION...  runs model.py on $DEV
#   write_setup [SIZE [TYPE]]   a file system at $STORE; of the type that the
#                    environment's STORE_FS names (ext4), if none is given
#   write_done       and away with it
#   has_fs TYPE      whether the kernel has that file system

VHDXSETUP=$(realpath -- "$GUEST/../../tools/vhdxsetup")
STORE=/run/store
BLOCK_DIR=$SCRATCH
DEV=

sum_of() { sha256sum <"$1" | cut -d' ' -f1; }

new_image() {
	local file=$1 size=$2

	shift 2
	"$VHDXSETUP" create --quiet --size "$size" "$@" "$file"
}

# Sectors of an image's disk.
disk_sectors() {
	"$VHDXSETUP" info --quiet --json "$1" | python3 -c '
import json, sys
def find(tree):
    for key, value in tree.items():
        if key in ("virtual_size", "size") and isinstance(value, int):
            return value
        if isinstance(value, dict) and find(value):
            return find(value)
print(find(json.load(sys.stdin)) // 512)'
}

rw_create() {
	local name=$1 image=$2

	shift 2
	DEV=/dev/mapper/$name
	VHDX_RW=1 dm_create "$name" \
		"0 $(disk_sectors "$image") vhdx $image$(features "$@")"
}

on_store() {
	local kind=$1 size=$2

	shift 2
	if [ "$kind" = file ]; then
		IMAGE=$STORE/image.vhdx
		rm -f "$IMAGE"
	else
		truncate -s "$(($(numfmt --from=iec "$size") * 3 / 2 + (16 << 20)))" \
			"$BLOCK_DIR/block.img"
		IMAGE=$(loop_from "$BLOCK_DIR/block.img")
		set -- --force "$@"
	fi
	new_image "$IMAGE" "$size" "$@"
}

store_gone() {
	case $IMAGE in
	/dev/loop*) losetup -d "$IMAGE"; rm "$BLOCK_DIR/block.img" ;;
	*) rm -f "$IMAGE" ;;
	esac
}

stat_of() {
	dmsetup message "$1" 0 stats | tr ' ' '\n' | sed -n "s/^$2=//p"
}

in_background() {
	(
		status=0
		"$@" 2>/dev/null || status=$?
		printf '%s\n' "$status" >"$SCRATCH/ended.$BASHPID"
	) &
	# shellcheck disable=SC2034 # for the tests
	pid=$!
}

ended() {
	wait_for 30 test -s "$SCRATCH/ended.$1" || true
	cat "$SCRATCH/ended.$1" 2>/dev/null || echo never
}

is_clean() {
	tap_run "$1: vhdxsetup finds nothing" "$VHDXSETUP" check --quiet "$2"
	if [ "${SECTOR-512}" = 512 ] && [ "${2#/dev/}" = "$2" ]; then
		tap_run "$1: nor does qemu-img" qemu-img check -q -f vhdx "$2"
	fi
}

reads_as() {
	local desc=$1 image=$2 sum=$3

	dm_create reread "0 $(disk_sectors "$image") vhdx $image" || true
	tap_is "$desc: reads the same when it is opened anew" \
		"$(sum_of /dev/mapper/reread)" "$sum"
	dm_remove reread
	if [ "${SECTOR-512}" = 512 ] && [ "${image#/dev/}" = "$image" ]; then
		qemu-img convert -f vhdx -O raw "$image" "$SCRATCH/qemu.raw"
		tap_is "$desc: and to qemu-img" \
			"$(sum_of "$SCRATCH/qemu.raw")" "$sum"
		rm "$SCRATCH/qemu.raw"
	fi
}

model() { "$GUEST/write/model.py" "$DEV" "$@"; }

has_fs() {
	grep -qw "$1" /proc/filesystems || modprobe -q "$1"
}

write_setup() {
	local size=${1:-1G} type=${2:-${STORE_FS:-ext4}}

	if [ ! -x "$VHDXSETUP" ]; then
		tap_not_ok "vhdxsetup is built" "make -C tools"
		tap_done
		exit 1
	fi
	if [ "$type" = tmpfs ]; then
		mkdir -p "$STORE"
		mount -t tmpfs -o "size=$size" tmpfs "$STORE"
	else
		scratch_fs "$STORE" "$size" "$type"
	fi
}

write_done() {
	umount "$STORE"
	rm -f "$SCRATCH/fs-store.img"
}
