# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For scripts that uml-run and vm-run run in a guest: TAP (see tap.sh), the
# module under test, devices, and the kernel's log.  Sourced.
#
#   load_module FILE [PARAM=VALUE]...  insmod, with what it depends on
#   unload_module NAME                 rmmod; fails if something holds it
#   $PATIENCE                          seconds: no machine is so slow that what has
#                                      not come by then still does
#   wait_for SECONDS COMMAND...        until the command succeeds; it should in
#                                      SECONDS, and fails after $PATIENCE more
#   klog_mark, klog_since              the kernel's log since the mark
#   klog_clean DESC                    a test: nothing bad since the mark
#   scratch_fs DIR SIZE [TYPE]         a new file system (ext4), mounted at DIR,
#                                      whose files can be read with direct I/O
#   brd_from FILE                      prints a RAM disk of 16 GiB that starts
#                                      with FILE
#   loop_from FILE [OPTION]...         prints a loop device over FILE
#   dm_create NAME TABLE               /dev/mapper/NAME, without udev
#   dm_remove NAME                     and away with it
#   kunit_results [SUITE]...           each case of the KUnit suites (of all
#                                      that are loaded) as a test

GUEST_LIB=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/rig/tap.sh
. "$GUEST_LIB/tap.sh"
# shellcheck source=tests/rig/klog.sh
. "$GUEST_LIB/klog.sh"

PATIENCE=600

# A name may be built in, in a kernel that has it so, or be a module.
load_module() {
	local file=$1 dep
	local -a deps

	shift
	IFS=, read -ra deps <<<"$(modinfo -F depends -- "$file")"
	for dep in "${deps[@]}"; do
		modprobe -- "$dep" || return
	done
	insmod "$file" "$@"
}

unload_module() {
	rmmod -- "$1"
}

wait_for() {
	local end=$((SECONDS + PATIENCE + $1))

	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

KLOG_FROM=0

klog_mark() {
	KLOG_FROM=$(dmesg | wc -l)
}

klog_since() {
	dmesg | tail -n "+$((KLOG_FROM + 1))"
}

klog_clean() {
	tap_is "$1" "$(klog_since | klog_bad)" ""
}

scratch_fs() {
	local dir=$1 size=$2 type=${3:-ext4} image=$SCRATCH/fs-${1##*/}.img
	local -a quiet=(-q)

	[ "$type" != vfat ] || quiet=()
	truncate -s "$size" -- "$image"
	"mkfs.$type" "${quiet[@]}" "$image" || return
	mkdir -p -- "$dir"
	modprobe -q loop || true
	mount -o loop -- "$image" "$dir"
}

# Each call takes the next RAM disk: brd is loaded once, with room for several.
# What is not written takes no memory, and reads as zeros.
brd_from() {
	local file=$1 i

	[ -e /dev/ram0 ] || modprobe brd rd_nr=16 rd_size=$((16 << 20)) || return
	for i in {0..15}; do
		[ ! -e "/run/brd-$i" ] || continue
		: >"/run/brd-$i"
		dd if="$file" of="/dev/ram$i" bs=1M conv=sparse,nocreat \
			status=none || return
		printf '%s\n' "/dev/ram$i"
		return
	done
	echo "brd_from: all RAM disks are taken" >&2
	return 1
}

loop_from() {
	local file=$1

	shift
	modprobe -q loop || true
	losetup --find --show "$@" -- "$file"
}

dm_create() {
	modprobe -q dm-mod || true
	dmsetup create --noudevsync "$1" --table "$2" &&
		dmsetup mknodes "$1"
}

dm_remove() {
	dmsetup remove --noudevsync "$1" && dmsetup mknodes
}

kunit_results() {
	local root=/sys/kernel/debug/kunit suite

	[ $# != 0 ] || set -- "$root"/*/
	for suite; do
		suite=$(basename -- "$suite")
		if [ -e "$root/$suite/results" ]; then
			tap_kunit "$suite" <"$root/$suite/results"
		else
			tap_not_ok "$suite: the kernel knows no such KUnit suite"
		fi
	done
}
