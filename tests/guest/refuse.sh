#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Bad input gives a clear error, and nothing else happens.
#   - every malformed image: refused with just the sentence that is expected of
#     it; or open, with EIO where it is faulty and good data elsewhere; or
#     tolerated, with the right bytes and the expected warning or none;
#   - every way to get the table line wrong, and what is no image at all;
#   - images that someone writes to; and that nobody can write to one in use.
# The files are as they were afterwards.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"

EVIL=$IMAGES/evil
GOOD=$IMAGES/good
# So many cases at once; the kernel's log has room for what they say.
BATCH=60

# said LABEL FILE...: what was said of these images, without their names.
said() {
	local label=$1 line file

	shift
	while IFS= read -r line; do
		for file in "$@"; do
			line=${line#"$EVIL/$file: "}
		done
		line=${line#chain: }
		[ -z "$line" ] || printf '%s\n' "${line% (-E*)}"
	done <<<"${SAID[$label]-}"
}

# shown TEXT: as the kernel writes it, which escapes what is not printable ASCII.
shown() {
	perl -e 'for ($ARGV[0]) { s/([^ -~])/sprintf "\\%03o", ord $1/ge; print }' \
		-- "$1"
}

# judge KIND NAME FOUND EXPECTED FILE...
judge() {
	local kind=$1 name=$2 found=$3 expected=$4 got

	shift 4
	got=$(said "$name" "$@"; said "evil/$name" "$@")
	[ "$expected" != - ] || expected=
	[ "$found" != check ] || expected=
	expected=$(shown "$expected")
	if [ "$kind" = refuse ]; then
		if [ "${STATUS[$name]}" = 0 ]; then
			tap_not_ok "$name: is refused" "it was opened"
		elif grep -qxF -- "$expected" <<<"$got"; then
			tap_ok "$name: $expected"
		else
			tap_is "$name: is refused with the right words" \
				"$got" "$expected"
		fi
	elif [ "${STATUS[$name]}" != 0 ]; then
		tap_not_ok "$name: can be opened" "$got"
	elif [ "$kind" = io-error ]; then
		# Entries of blocks that were not read may be faulty too.
		if grep -qxF -- "$expected" <<<"$got"; then
			tap_ok "$name: $expected"
		else
			tap_is "$name: the fault is named" "$got" "$expected"
		fi
	else
		tap_is "$name: tolerated ${expected:+with a warning}" \
			"$(sort -u <<<"$got")" "$expected"
	fi
}

# lines_of KIND REGEX: what readback is to read of this batch.
lines_of() {
	awk -F '\t' -v kind="^($1)\$" '$1 ~ kind {
		printf "/dev/mapper/e-%s\tevil/%s\t%s: reads as it should\n",
			$2, $2, $2 }' "$SCRATCH/batch"
}

# Bytes that a name of a file may have are left to the names' own tests.
run_batch() {
	local kind name sectors found expected files open=()

	while IFS=$'\t' read -r kind name sectors found expected files; do
		IFS=$'\t' read -ra files <<<"$files"
		attempt "$name" "e-$name" "0 $sectors vhdx ${files[*]/#/$EVIL/}"
		[ "${STATUS[$name]}" != 0 ] || open+=("e-$name")
	done <"$SCRATCH/batch"
	dmsetup mknodes
	lines_of 'tolerate|check-only' >"$SCRATCH/lines"
	readback whole --mark <"$SCRATCH/lines"
	lines_of io-error >"$SCRATCH/lines"
	readback faults --mark --pace 6 <"$SCRATCH/lines"
	[ "${#open[@]}" = 0 ] || dmsetup remove --noudevsync "${open[@]}"
	dmsetup mknodes
	collect
	while IFS=$'\t' read -r kind name sectors found expected files; do
		IFS=$'\t' read -ra files <<<"$files"
		judge "$kind" "$name" "$found" "$expected" "${files[@]}"
	done <"$SCRATCH/batch"
}

test_malformed() {
	local step=1 first total before

	# Emulation takes a third of a second for each table.
	[ "${RIG_KIND-}" != vm ] || step=4
	awk -F '\t' -v step="$step" '$1 != "refuse" || NR % step == 0' \
		"$VHDX_INPUTS/evil.tsv" >"$SCRATCH/cases"
	total=$(wc -l <"$SCRATCH/cases")
	tap_run "there are cases" test "$total" -gt 100
	before=$("$GUEST/filesums.py" "$EVIL")
	for ((first = 1; first <= total; first += BATCH)); do
		sed -n "$first,$((first + BATCH - 1))p" "$SCRATCH/cases" \
			>"$SCRATCH/batch"
		run_batch
	done
	tap_is "none of $total malformed images has changed" \
		"$("$GUEST/filesums.py" "$EVIL")" "$before"
}

# table TABLE SENTENCE: the table is refused with it.
WANTED=()
table() {
	attempt "line ${#WANTED[@]}" refused "$1" "${@:3}"
	WANTED+=("$2")
}

judge_tables() {
	local i

	collect
	for i in "${!WANTED[@]}"; do
		refused "table: ${WANTED[$i]}" "line $i" "${WANTED[$i]}"
	done
	WANTED=() STATUS=() SAID=()
}

test_table() {
	local sectors image=$GOOD/dynamic.vhdx many i
	local number='is not a number of KiB from 64 to 67108864'
	local neither='is neither a regular file nor a block device'

	sectors=$(image_sectors good/dynamic)
	local line="0 $sectors vhdx"
	table "$line" 'no image is named; write <image> [<parent>...] [<#features> <feature>...]'
	table "$line 0" 'no image is named; write <image> [<parent>...] [<#features> <feature>...]'
	table "$line $image 1" '1 feature arguments are announced, but 0 follow'
	table "$line $image 3 buffered read_only" \
		'3 feature arguments are announced, but 2 follow'
	table "$line $image 99999999999 buffered" \
		'99999999999 feature arguments are announced, but 1 follow'
	table "$line $image 1 buffered read_only" \
		'junk after 1 feature arguments: read_only'
	table "$line $image 0 $image" "junk after 0 feature arguments: $image"
	table "$line $image 1 swift" 'unknown feature swift'
	table "$line $image 1 Buffered" 'unknown feature Buffered'
	table "$line $image 2 buffered buffered" 'feature buffered is given twice'
	table "$line $image 2 read_only read_only" \
		'feature read_only is given twice'
	table "$line $image 2 ignore_id_mismatch ignore_id_mismatch" \
		'feature ignore_id_mismatch is given twice'
	table "$line $image 4 bat_cache 64 bat_cache 64" \
		'feature bat_cache is given twice'
	table "$line $image 1 bat_cache" 'feature bat_cache lacks its KiB'
	for i in 63 0 -1 67108865 4294967296 64k 0x80 read_only; do
		table "$line $image 2 bat_cache $i" "bat_cache $i $number"
	done
	table "$line $image 2 discard_granularity 2048" \
		'discard_granularity 2048 is not a number of bytes from 4096 to 268435456'
	table "$line $image 2 discard_granularity 12288" \
		'discard_granularity 12288 is no power of two'
	table "$line $image 1 discard_granularity" \
		'feature discard_granularity lacks its bytes'
	table "$line $image 3 no_discard discard_granularity 4096" \
		'features no_discard and discard_granularity exclude each other'
	table "$line $image 2 no_space_timeout 86401" \
		'no_space_timeout 86401 is not a number of seconds from 0 to 86400'
	table "0 $((sectors - 8)) vhdx $image" "$image: the table says $((sectors - 8)) sectors, but the virtual disk has $sectors (of 512 bytes)"
	table "0 $((sectors + 8)) vhdx $image" "$image: the table says $((sectors + 8)) sectors, but the virtual disk has $sectors (of 512 bytes)"
	many=$(printf " $image%.0s" {1..257})
	table "$line$many" '257 images are named, but a chain has at most 256'
	table "$line $GOOD" "$GOOD: is a directory, not an image"
	mkfifo "$SCRATCH/fifo"
	table "$line $SCRATCH/fifo" "$SCRATCH/fifo: $neither"
	table "$line /dev/null" "/dev/null: $neither"
	table "$line $SCRATCH/absent" "$SCRATCH/absent: cannot be found: no such file or directory (-2)"
	table "$line $image/x" "$image/x: cannot be found: a part of the path is not a directory (-20)"
	ln -sf itself "$SCRATCH/itself"
	table "$line $SCRATCH/itself" "$SCRATCH/itself: cannot be found: too many symbolic links (-40)"
	table "$line 250:1048575" "250:1048575: block device cannot be opened: no such device (-6)"
	judge_tables
}

# Root sees all; without two of its capabilities it is as anybody.
test_permission() {
	local sectors file=$GOOD/private.vhdx

	sectors=$(image_sectors good/dynamic)
	cp "$GOOD/dynamic.vhdx" "$file"
	chown 65534:65534 "$file"
	chmod 600 "$file"
	printf 'vhdx-test: permission\n' >/dev/kmsg
	tap_fails "a file that the caller may not read" setpriv \
		--bounding-set=-dac_override,-dac_read_search \
		dmsetup create --noudevsync --readonly private \
		--table "0 $sectors vhdx $file"
	STATUS[permission]=$TAP_STATUS
	collect
	refused "is refused as such" permission \
		"$file: cannot be opened: permission denied (-13)"
	chmod 644 "$file"
	tap_run "one that it may read but does not own is taken" setpriv \
		--bounding-set=-dac_override,-dac_read_search,-fowner \
		dmsetup create --noudevsync --readonly private \
		--table "0 $sectors vhdx $file"
	dm_remove private
	rm "$file"
}

# Files that someone else holds.
test_held_elsewhere() {
	local line fd image=$GOOD/dynamic.vhdx

	line="0 $(image_sectors good/dynamic) vhdx $image"
	exec {fd}<>"$image"
	table "$line" "$image: is open for writing elsewhere; nothing may write to an image in use"
	exec {fd}<&-
	exec {fd}<"$image"
	flock --exclusive --nonblock "$fd"
	table "$line" "$image: is locked exclusively (flock) by another program"
	exec {fd}<&-
	# As QEMU does that writes, on a host from where we see only its locks.
	python3 -c '
import fcntl, sys, time
with open(sys.argv[1], "rb") as image:
    fcntl.lockf(image, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, 101)
    open(sys.argv[2], "w").close()
    time.sleep(60)' "$image" "$SCRATCH/locked" &
	wait_for 30 test -e "$SCRATCH/locked"
	table "$line" "$image: is locked by QEMU or another program that writes to it"
	kill "$!"
	wait "$!" || true
	exec {fd}<"$image"
	flock --shared --nonblock "$fd"
	tap_run "other readers are no hindrance" dm_create held "$line"
	exec {fd}<&-
	dm_remove held
	judge_tables
}

# holds FILE: nobody can write to it, QEMU neither.
holds() {
	local file=$1 what

	what=$(basename "$file")
	tap_fails "$what: cannot be opened for writing" \
		dd if=/dev/null of="$file" conv=notrunc
	tap_like "$what: and the reason is ETXTBSY" "$TAP_OUTPUT" 'Text file busy'
	tap_fails "$what: cannot be truncated" truncate -s 0 "$file"
	tap_fails "$what: cannot be locked exclusively" \
		flock --exclusive --nonblock "$file" true
	tap_run "$what: can be locked shared" \
		flock --shared --nonblock "$file" true
	tap_fails "$what: qemu-io cannot write" \
		qemu-io -f vhdx -c 'write 0 512' "$file"
	tap_fails "$what: qemu-img cannot resize" \
		qemu-img resize -f vhdx "$file" +1M
	# What holds where there is no ETXTBSY, such as on another host.
	tap_run "$what: QEMU's bytes are locked" python3 -c '
import fcntl, struct, sys
F_OFD_GETLK = 36
with open(sys.argv[1], "rb") as image:
    for byte in (100, 201, 203):
        lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, byte, 1, 0)
        lock = fcntl.fcntl(image, F_OFD_GETLK, lock)
        kind = struct.unpack("hhqqi4x", lock)[0]
        assert kind == fcntl.F_RDLCK, (byte, kind)' "$file"
}

test_held_by_us() {
	local name=good/child-of-fixed

	dm_create held "$(image_table $name)"
	holds "$GOOD/child-of-fixed.vhdx"
	holds "$GOOD/child-of-fixed-base.vhdx"
	tap_run "qemu-img can look" qemu-img info -f vhdx \
		"$GOOD/child-of-fixed-base.vhdx"
	readback whole <<<"/dev/mapper/held"$'\t'$name$'\tand nothing was written'
	dm_remove held
	tap_run "when the device is gone, it can be written to" \
		dd if=/dev/null of="$GOOD/child-of-fixed.vhdx" conv=notrunc

	block_images good/dynamic loop
	dm_create held "$(block_table good/dynamic)"
	tap_fails "a block device in use cannot be claimed" python3 -c '
import os, sys
os.open(sys.argv[1], os.O_RDONLY | os.O_EXCL)' "${BLOCK[0]}"
	tap_like "it is busy" "$TAP_OUTPUT" 'Device or resource busy'
	dm_remove held
	block_gone
}

collect
test_malformed
test_table
test_permission
test_held_elsewhere
test_held_by_us
tap_done
