#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Mutated images, chains and dirty logs among them, their checksums right: each is
# opened, read, written, discarded and closed, in a file and on a block device.  No
# splat, no hang, and no byte changes but the image's own.
# Environment:
#   HOSTILE_IMAGES  how many (60)
#   HOSTILE_FIRST   the number of the first (1); a number is all that it takes to
#                   make an image again
#   HOSTILE_SEEDS   the fuzzer's seeds

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"

: "${HOSTILE_SEEDS:?}" "${HOSTILE_FIRST:=1}" "${HOSTILE_IMAGES:=60}"
CHUNK=60
DIR=/run/hostile
DISK=$SCRATCH/hostile-disk
LAST=$((HOSTILE_FIRST + HOSTILE_IMAGES - 1))
declare -A SUM

# add COUNTS: drive.py's last line.
add() {
	local word

	for word in $1; do
		SUM[${word%%=*}]=$((${SUM[${word%%=*}]:-0} + ${word#*=}))
	done
}

# The image whose line in the log comes last before the first bad one.
splat_image() {
	local line image=none bad

	bad=$(klog_bad <<<"$1" | head -n 1)
	while IFS= read -r line; do
		[[ $line != *'vhdx-test: '* ]] || image=${line#*vhdx-test: }
		[ "$line" != "$bad" ] || break
	done <<<"$1"
	printf '%s\n' "$image"
}

# chunk FIRST COUNT file DIR|block LOOP BACKING
chunk() {
	local out log desc="images $1 to $(($1 + $2 - 1)), $3 store"

	dmesg --clear
	if out=$("$GUEST/../hostile/drive.py" "$HOSTILE_SEEDS" "$@" \
		2>"$SCRATCH/hostile.err"); then
		tap_ok "$desc"
		add "$out"
	else
		tap_not_ok "$desc" "$(tail -n 20 "$SCRATCH/hostile.err")"
	fi
	log=$(dmesg)
	[ -z "$(klog_bad <<<"$log")" ] ||
		tap_not_ok "$desc: no splat" "by $(splat_image "$log")
$(klog_bad <<<"$log")"
	drop_caches
}

canaries() {
	"$GUEST/filesums.py" "$DIR/canaries"
}

make_stores() {
	local i

	scratch_fs "$DIR" 512M
	mkdir "$DIR/canaries" "$DIR/images"
	for i in {1..32}; do
		head -c 300000 /dev/urandom >"$DIR/canaries/$i"
	done
	truncate -s 640M "$DISK"
}

remove_stores() {
	losetup -d "$LOOP"
	rm -- "$DISK"
	umount "$DIR"
	e2fsck -fn "$SCRATCH/fs-hostile.img" >"$SCRATCH/hostile.err" 2>&1 || {
		cat -- "$SCRATCH/hostile.err"
		return 1
	}
	rm -- "$SCRATCH/fs-hostile.img"
}

tap_run "there are stores" make_stores
LOOP=$(loop_from "$DISK")
before=$(canaries)
for ((first = HOSTILE_FIRST; first <= LAST && !TAP_FAILED; first += CHUNK)); do
	count=$((LAST - first + 1 < CHUNK ? LAST - first + 1 : CHUNK))
	chunk "$first" "$count" file "$DIR/images"
	chunk "$first" "$count" block "$LOOP" "$DISK"
done
drop_caches
tap_is "no file beside them has changed" "$(canaries)" "$before"
tap_run "the file system is sound" remove_stores
tap_note "$(for name in "${!SUM[@]}"; do printf '%s: %s\n' "$name" "${SUM[$name]}"; done | sort)"
# Images that all are refused would test little.
if [ "$HOSTILE_IMAGES" -ge 60 ] && [ "$TAP_FAILED" = 0 ]; then
	for name in read writable chains dirty; do
		tap_run "enough of them: $name" \
			test "${SUM[$name]:-0}" -ge $((HOSTILE_IMAGES / 6))
	done
	tap_run "enough was written" \
		test "${SUM[written]:-0}" -ge "$HOSTILE_IMAGES"
	tap_run "enough was discarded" \
		test "${SUM[discarded]:-0}" -ge $((HOSTILE_IMAGES / 2))
fi
tap_done
