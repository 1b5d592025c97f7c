#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The largest disk that the format allows, in its smallest blocks: 64 TiB in
# blocks of 1 MiB, with a BAT of 513 MiB.  It is opened at once and in little
# memory; reads all over it stay within the limit on the BAT's pages, and read
# right while pages come and go; the shrinker gives pages back.
#
# Figures are printed as comments.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"

BIG=good/huge-64t
CHILD=good/huge-child
OPEN_MS=50
OPEN_KIB=4096
dev=/dev/mapper/big

# milliseconds COMMAND...: how long it takes.
milliseconds() {
	local start=${EPOCHREALTIME/./}

	"$@"
	printf '%d.%03d\n' $(((${EPOCHREALTIME/./} - start) / 1000)) \
		$(((${EPOCHREALTIME/./} - start) % 1000))
}

smallest() { sort -n | head -n 1; }

# The time is that of the whole command.  Where merely starting dmsetup takes much
# of the limit, in emulation or on a busy host, what the "error" target takes is
# not counted.  What else the host does can only make it longer, so that the best
# of several turns counts, and there are more of them where it is not good enough.
test_open_time() {
	local i empty opened took

	for i in {1..20}; do
		milliseconds dmsetup create --noudevsync big \
			--table "0 $(image_sectors $BIG) error" >>"$SCRATCH/empty"
		dmsetup remove --noudevsync big
		drop_caches
		# So that what is measured is not the loading of the program.
		dmsetup version >/dev/null
		milliseconds dmsetup create --noudevsync big \
			--table "$TABLE" >>"$SCRATCH/opened"
		dmsetup remove --noudevsync big
		empty=$(smallest <"$SCRATCH/empty")
		opened=$(smallest <"$SCRATCH/opened")
		took=$opened
		[ "$(bc <<<"$empty > $OPEN_MS / 2")" != 1 ] ||
			took=$(bc <<<"$opened - $empty")
		[ "$i" -lt 5 ] || [ "$(bc <<<"$took < $OPEN_MS")" != 1 ] || break
	done
	tap_note "opened in $opened ms; dmsetup with the error target: $empty ms; $i turns"
	tap_is "is open in less than $OPEN_MS ms" \
		"$(bc <<<"$took < $OPEN_MS") ($took)" "1 ($took)"
}

# What the kernel holds with an image open: the middle of several turns.
test_open_memory() {
	local before i

	for i in 1 2 3 4 5; do
		settle
		before=$(memory_kib)
		dm_create big "$TABLE"
		settle
		printf '%s\n' $(($(memory_kib) - before)) >>"$SCRATCH/kib"
		dm_remove big
	done
	i=$(sort -n "$SCRATCH/kib" | sed -n 3p)
	tap_note "memory for an open image, KiB: $(sort -n "$SCRATCH/kib" |
		paste -sd ' ')"
	tap_is "is open in less than $OPEN_KIB KiB" \
		"$((i < OPEN_KIB)) ($i)" "1 ($i)"
	dm_create big "$TABLE"
	tap_is "no page of the BAT is read to open it" \
		"$(vhdx_status big loads)" 0
	dm_remove big
}

# reads_all_over COUNT: single sectors, each likely in a page of its own.
reads_all_over() {
	fio --name=all-over --filename=$dev --rw=randread --bs=4k --direct=1 \
		--ioengine=libaio --iodepth=16 --number_ios="$1" \
		--norandommap --randrepeat=0 --output="$SCRATCH/fio" 2>&1
}

# Looks at the resident pages until told, and leaves the most that it saw.
watch_resident() {
	local most=0 now

	while [ ! -e "$SCRATCH/enough" ]; do
		now=$(vhdx_status big resident)
		[ "$now" -le "$most" ] || most=$now
		sleep 0.05
	done
	printf '%s\n' "$most" >"$SCRATCH/most"
}

# Every mapping that the image has is read again and again, and compared.
reread() {
	until [ -e "$SCRATCH/enough" ]; do
		"$GUEST/readback.py" whole <<<"$dev"$'\t'"$1"$'\t'x
	done >"$SCRATCH/reread"
}

# test_limit NAME LIMIT READS FEATURE...: the limit holds for each layer, and
# pages have to make room for others.
test_limit() {
	local name=$1 limit=$2 reads=$3 watchers=() most what

	shift 3
	what="$name${1+ $*}"
	dm_create big "$(image_table "$name" "$IMAGES" "$@")"
	tap_is "$what: the limit" "$(vhdx_status big limit)" "$limit"
	rm -f "$SCRATCH/enough"
	watch_resident &
	watchers+=("$!")
	reread "$name" &
	watchers+=("$!")
	tap_run "$what: $reads reads all over it" reads_all_over "$reads"
	: >"$SCRATCH/enough"
	wait "${watchers[@]}"
	most=$(<"$SCRATCH/most")
	tap_note "$what: $(dmsetup status big)"
	tap_is "$what: reads meanwhile are right" \
		"$(sort -u "$SCRATCH/reread")" $'ok\tx'
	tap_is "$what: resident pages stay within $limit" \
		"$((most <= limit && most > limit / 2)) ($most)" "1 ($most)"
	tap_run "$what: and some were evicted" \
		test "$(vhdx_status big evictions)" -gt "$limit"
}

test_shrinker() {
	local before after full

	before=$(vhdx_status big resident)
	full=$(memory_kib)
	echo 2 >/proc/sys/vm/drop_caches
	sleep 0.3
	after=$(vhdx_status big resident)
	full=$((full - $(memory_kib)))
	# That the meter used above sees pages of the BAT.
	[ "$before" -lt 500 ] || tap_run \
		"$full KiB of memory come back with $before pages" \
		test "$full" -ge $((before * 3))
	tap_is "the shrinker frees pages" \
		"$((after * 4 < before)) ($before to $after)" \
		"1 ($before to $after)"
	readback whole <<<"$dev"$'\t'"$1"$'\tand they come back: '"$1"
}

# Default: 4096 pages, more than an emulated guest can fill in good time.
READS=12000
TABLE=$(image_table $BIG)
slow_guest && READS=600
test_open_time
test_open_memory
if ! slow_guest; then
	test_limit $BIG 4096 $READS
	test_shrinker $BIG
	dm_remove big
fi
test_limit $BIG 16 $((READS / 4)) bat_cache 64
test_shrinker $BIG
dm_remove big
test_limit $CHILD 512 $READS bat_cache 1024
test_shrinker $CHILD
dm_remove big
tap_done
