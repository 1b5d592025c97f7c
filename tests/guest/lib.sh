# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For the tests in this directory, which "all" runs in a guest.  Sourced.
# Beside what rig/guest-lib.sh offers:
#
#   $IMAGES          the file system with real/, good/ and evil/; it may be
#                    written to, and takes direct I/O
#   $VHDX_INPUTS     see the script "inputs"; its tree/ has the images too
#   slow_guest       whether to choose less: a checking kernel, or emulation
#   image_names CORPUS [REGEX]     names from images.tsv, one a line
#   image_table NAME [DIR [FEATURE...]]   the table of "good/dynamic" or so,
#                    its files below DIR ($IMAGES)
#   image_sectors NAME, image_lss NAME, image_files NAME   its columns
#   dmsetup          loads the tables of images read-only, since most of these
#                    tests read; VHDX_RW=1 before it, or before what calls it,
#                    loads them as they are
#   vhdx_create NAME TABLE [OPTION...]   like dm_create, for any target
#   vhdx_remove NAME...            and away with them, if they exist
#   attempt LABEL NAME TABLE [OPTION...]   vhdx_create, whose status goes to
#                    ${STATUS[LABEL]}
#   collect          what the target has said since goes to ${SAID[LABEL]},
#                    but for what is merely worth knowing
#   refused DESC LABEL SENTENCE    a test: the attempt failed, with just this as
#                    the target's error
#   vhdx_status NAME FIELD         one of: layers resident limit loads
#                    evictions deferred flags
#   readback MODE [OPTION]... < LINES     readback.py; each line is a test
#   read_verifiable DEVICE OPTION...   fio reads good/verifiable and looks whether
#                    each 4 KiB is right
#   drop_caches, settle            free what can be freed; the latter waits too
#   memory_kib       what the kernel holds for itself
#   block_images NAME brd|loop...  puts the files of an image on block devices:
#                    the next of the kinds for the next file; leaves the devices
#                    in $BLOCK
#   block_table NAME [FEATURE...]  the table of the image on $BLOCK
#   block_gone                     frees all such devices

GUEST=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/rig/guest-lib.sh
. "$GUEST/../rig/guest-lib.sh"

: "${VHDX_INPUTS:?run by tests/uml/run or tests/vm/run}" "${IMAGES:?}"
shopt -s extglob
# A hang is a failure, not a test that never ends.
# shellcheck disable=SC2034 # for the scripts that source this
READ_LIMIT=$PATIENCE
# A kernel that looks for races takes some ten times as long.
[ ! -e /sys/kernel/debug/kcsan ] || READ_LIMIT=$((PATIENCE * 5))
BLOCK=()
declare -A STATUS SAID

dmsetup() {
	local word verb=$1

	if [[ $verb = create || $verb = reload ]] && [ -z "${VHDX_RW-}" ]; then
		for word; do
			[[ $word != *[0-9]" vhdx "* ]] || verb="$1 --readonly"
		done
	fi
	shift
	# shellcheck disable=SC2086 # two words
	command dmsetup $verb "$@"
}

slow_guest() {
	[ "${RIG_KIND-}" = vm ] || [ -e /sys/kernel/debug/kmemleak ]
}

image_names() {
	awk -F '\t' -v corpus="$1" -v like="${2-.}" \
		'$1 == corpus && $2 ~ like { print $1 "/" $2 }' \
		"$VHDX_INPUTS/images.tsv"
}

image_row() {
	awk -F '\t' -v name="$1" '$1 "/" $2 == name' "$VHDX_INPUTS/images.tsv"
}

image_sectors() { image_row "$1" | cut -f 3; }
image_lss() { image_row "$1" | cut -f 4; }
image_files() { image_row "$1" | cut -f 5-; }

# features WORD...: as the table line has them, with their count.
features() {
	[ $# = 0 ] || printf ' %d %s' "$#" "$*"
}

image_table() {
	local name=$1 dir=${2:-$IMAGES} corpus sectors files file

	shift "$(($# < 2 ? $# : 2))"
	IFS=$'\t' read -r corpus _ sectors _ files <<<"$(image_row "$name")"
	printf '0 %s vhdx' "$sectors"
	while IFS= read -r -d $'\t' file; do
		printf ' %s' "$dir/$corpus/$file"
	done <<<"$files"$'\t'
	features "$@"
}

vhdx_create() {
	local name=$1 table=$2

	shift 2
	dmsetup create --noudevsync "$@" "$name" --table "$table"
}

vhdx_remove() {
	local name

	for name; do
		[ ! -e "/dev/mapper/$name" ] || dm_remove "$name"
	done
}

attempt() {
	local label=$1 status=0

	shift
	printf 'vhdx-test: %s\n' "$label" >/dev/kmsg
	vhdx_create "$@" >/dev/null 2>&1 || status=$?
	STATUS[$label]=$status
}

# After dmesg has been told to forget what it has shown, only new lines come.
collect() {
	local line label=nothing

	STATUS[nothing]=0
	while IFS= read -r line; do
		case $line in
		*': vhdx-test: '*) label=${line#*vhdx-test: } ;;
		*:info*) ;;
		*'device-mapper: '*vhdx:*) SAID[$label]+=${line#*vhdx: }$'\n' ;;
		esac
	done < <(dmesg --notime --decode --read-clear)
}

refused() {
	local desc=$1 label=$2 wanted=$3 said

	said=$(sed -n 's/ (-E[A-Z0-9]*)$//p' <<<"${SAID[$label]-}")
	if [ "${STATUS[$label]}" = 0 ]; then
		tap_not_ok "$desc" "the table was accepted"
	else
		tap_is "$desc" "$said" "$wanted"
	fi
}

vhdx_status() {
	local -a words
	local -A field=([mode]=3 [layers]=4 [resident]=5 [limit]=6 [loads]=7
		[evictions]=8 [deferred]=9 [allocated]=10 [freed]=11
		[commits]=12)

	read -ra words <<<"$(dmsetup status --noflush "$1")"
	if [ "$2" = flags ]; then
		printf '%s\n' "${words[3]} ${words[*]:14}"
	else
		printf '%s\n' "${words[${field[$2]}]}"
	fi
}

readback() {
	local verdict desc detail lines said=0

	mapfile lines
	while IFS=$'\t' read -r verdict desc detail; do
		said=$((said + 1))
		case $verdict in
		ok) tap_ok "$desc" ;;
		*) tap_not_ok "${desc:-readback.py}" "${detail:-$verdict}" ;;
		esac
	done < <(printf %s "${lines[@]}" | "$GUEST/readback.py" "$@" ||
		echo "it failed")
	[ "$said" = "${#lines[@]}" ] ||
		tap_not_ok "readback $*" "$said of ${#lines[@]} were read"
}

# What fio wrote says of each 4 KiB whether it is right.  Unless it is told that
# this is fatal, fio merely mentions what is wrong.
read_verifiable() {
	local device=$1

	shift
	timeout -k 5 "$READ_LIMIT" fio --name=verify --filename="$device" \
		--direct=1 --verify=crc32c --verify_interval=4k \
		--verify_fatal=1 --verify_state_save=0 --randrepeat=0 "$@" \
		--output="$SCRATCH/fio.out"
}

drop_caches() { sync; echo 3 >/proc/sys/vm/drop_caches; }

# What was freed a moment ago may still be counted.
settle() {
	drop_caches
	sleep 0.3
	drop_caches
}

memory_kib() {
	awk '/^(Slab|Percpu|VmallocUsed|KernelStack|PageTables):/ { sum += $2 }
		END { print sum }' /proc/meminfo
}

block_images() {
	local name=$1 corpus=${1%%/*} file device kind
	local -a kinds

	shift
	kinds=("$@")
	while IFS= read -r -d $'\t' file; do
		kind=${kinds[0]}
		[ "${#kinds[@]}" = 1 ] || kinds=("${kinds[@]:1}")
		# The table's escapes, undone.
		file=$IMAGES/$corpus/$(printf %b "${file//\\/\\0}")
		case $kind in
		brd) device=$(brd_from "$file") || return ;;
		loop) device=$(loop_from "$file" --read-only) || return ;;
		loop4k) device=$(loop_from "$file" --read-only \
			--sector-size 4096) || return ;;
		esac
		BLOCK+=("$device")
	done <<<"$(image_files "$name")"$'\t'
}

block_table() {
	local name=$1

	shift
	printf '0 %s vhdx %s%s' "$(image_sectors "$name")" "${BLOCK[*]}" \
		"$(features "$@")"
}

block_gone() {
	local device

	for device in "${BLOCK[@]}"; do
		case $device in
		/dev/loop*) losetup -d "$device" ;;
		esac
	done
	# With the driver goes what the RAM disks held.
	[ ! -e /dev/ram0 ] || modprobe -r brd
	rm -f /run/brd-*
	BLOCK=()
}
