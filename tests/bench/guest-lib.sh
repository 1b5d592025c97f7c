# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # what the sourcing script sets
#
# What the benchmarks of writes have in common in the guest. Sourced, by a script
# that sets $round, $only, $ios, $disk, $ram_mib and $fs.
#
#   fail WORD...     ends the benchmark
#   note WORD...     a line beneath the table
#   run_fio PATH DEVICE JOB IOS OPTION...   4 KiB, at random; the report is
#                    $EXCHANGE/ROUND.PATH.JOB.json
#   overwrite PATH DEVICE   in the three ways that are judged
#   used_disk        a RAM disk all of which was written before
#   file_system      on such a disk, at $fs
#   stats_of NAME    the counters of a device
#   $data            what fio writes, if not its own random bytes

data=()

fail() {
	printf 'bench: %s\n' "$*" >&2
	exit 1
}

note() {
	printf '%s\n' "$*" >>"$EXCHANGE/notes"
}

run_fio() {
	[[ $1 =~ $only ]] || return 0
	fio --name="$1" --filename="$2" --direct=1 --ioengine=io_uring \
		--rw=randwrite --bs=4k --randrepeat=1 \
		--gtod_reduce=1 --thread --eta=never "${data[@]}" \
		--output-format=json --output="$EXCHANGE/$round.$1.$3.json" \
		--io_size=$(($4 * 4))k "${@:5}" || fail "fio: $1, $3"
}

overwrite() {
	local count=$ios

	[ "$1" != nbd ] || count=$((ios / 5))
	set -- "$1" "$2" "$count" --size="$disk" --norandommap
	run_fio "$1" "$2" write-qd1 "${@:3}" --iodepth=1
	run_fio "$1" "$2" write "${@:3}" --iodepth=32
	run_fio "$1" "$2" write-batch "${@:3}" --iodepth=32 \
		--iodepth_batch_submit=16 --iodepth_batch_complete_min=1 \
		--iodepth_batch_complete_max=16
}

# A RAM disk all of which was written before: brd makes a page when it is first
# written to, which no disk does.
used_disk() {
	local ram bytes=$SCRATCH/old-bytes i

	ram=$(brd_from /dev/null)
	[ -e "$bytes" ] ||
		head -c 16M /dev/zero | tr '\0' '\377' >"$bytes"
	for ((i = 0; i < ram_mib; i += 16)); do
		dd if="$bytes" of="$ram" bs=1M seek=$i oflag=direct status=none
	done
	printf '%s\n' "$ram"
}

file_system() {
	local ram

	ram=$(used_disk)
	mkfs.ext4 -q -E nodiscard "$ram" ${ram_mib}m
	mkdir -p "$fs"
	mount -o noatime "$ram" "$fs"
}

stats_of() { dmsetup message "$1" 0 stats; }
