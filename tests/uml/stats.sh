#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What devices tell those who watch a host: their counters, as JSON and for a
# collector of Prometheus, and what happens to them.

set -euo pipefail
# shellcheck source=tests/uml/lib.sh
. "$(dirname -- "$0")/lib.sh"

small=$SCRATCH/small
mkdir "$small"
mount -t tmpfs -o size=24M tmpfs "$small"
image=$small/a\"b.vhdx
events=$SCRATCH/events
one=$SCRATCH/one

# is DESC EXPRESSION VALUE: of the last document.
is() {
	tap_is "$1" "$(field "$2" <<<"$TAP_OUTPUT" 2>&1 || true)" "$3"
}

has() { grep -Eq -- "$2" "$1"; }

# comes DESC FILE REGEX
comes() {
	local desc=$1 file=$2

	tap_run "$desc" wait_for "$PATIENCE" has "$file" "$3"
}

# metric NAME: what the last listing has of it, of the device v0.
metric() {
	sed -nE "s/^vhdx_$1\{name=\"v0\",.*\} ([0-9]+)\$/\1/p" <<<"$TAP_OUTPUT"
}

documents "stats of no device" 0 stats --json
is "  is an empty list" '["devices"]' "[]"
documents "stats of a device that is not there" 6 stats --json v0

"$VHDXSETUP" events -v >"$events" 2>&1 &
watch=$!
comes "events watches" "$events" watched
"$VHDXSETUP" create -q -s 256M --block-size 1M "$image"
"$VHDXSETUP" open -q --no-space-timeout 3 "$image" v0
comes "an open is told" "$events" ' v0 opened: '
dd if=/dev/zero of="$dev" bs=1M count=3 oflag=direct conv=fsync status=none
documents "stats of a device that was written" 0 stats --json v0
is "  counts blocks" '["devices"][0]["blocks_allocated"]' 3
is "  the session" '["devices"][0]["sessions"]' 1
is "  commits" '["devices"][0]["commits"] > 0' True
is "  and flushes of the store, two a commit" \
	'["devices"][0]["store_flushes"] >= 2' True
is "  and has the image's size" '["devices"][0]["image_size"]' \
	"$(stat -c %s "$image")"
exits "stats without --json" 0 stats
says "  is the same as text" "blocks allocated: +3"

exits "stats --prometheus" 0 stats --prometheus
tap_is "  counts blocks" "$(metric blocks_allocated_total)" 3
tap_is "  has the size of the disk" "$(metric disk_size_bytes)" $((256 << 20))
tap_is "  has no fault" "$(metric fault)" 0
tap_is "  and there is room" "$(metric no_space)" 0
says "  a quotation mark in a name is escaped" 'image="[^"]*/a\\"b\.vhdx"'
tap_is "  each line is a comment or a sample" "$(grep -vE \
	'^(# (HELP|TYPE) vhdx_[a-z_]+ .+|vhdx_[a-z_]+\{name="v0",image=".*"\} [0-9]+)$' \
	<<<"$TAP_OUTPUT" || true)" ""
tap_is "  each metric is told of once" \
	"$(grep '^# TYPE' <<<"$TAP_OUTPUT" | sort | uniq -d)" ""
if command -v promtool >/dev/null; then
	tap_run "  promtool takes it" promtool check metrics <<<"$TAP_OUTPUT"
else
	tap_skip "  promtool takes it" "no promtool here"
fi

"$VHDXSETUP" events -v v0 >"$one" 2>&1 &
watch_one=$!
comes "events of one device watches" "$one" watched
dd if=/dev/zero of="$dev" bs=1M oflag=direct conv=fsync status=none 2>/dev/null &
writer=$!
comes "want of room is told" "$events" ' v0 no-space: '
comes "that writes fail for it, too" "$events" ' v0 no-space-failing: '
exits "stats --prometheus" 0 stats --prometheus v0
tap_is "  says so" "$(metric no_space_failing)" 1
wait "$writer" || true
mount -o remount,size=64M "$small"
comes "room is told" "$events" ' v0 space: '

truncate -s 4M "$image"
dd if="$dev" of=/dev/null bs=1M skip=20 count=1 iflag=direct status=none 2>/dev/null ||
	true
comes "a fault is told, with its sentence" "$events" ' v0 fault: .*cut'
exits "stats --prometheus" 0 stats --prometheus v0
tap_is "  counts it" "$(metric fault)" 1
"$VHDXSETUP" events >"$SCRATCH/late" 2>&1 &
late=$!
comes "who begins to watch hears of a fault that is there" "$SCRATCH/late" \
	' v0 fault: '
kill "$late"
wait "$late" || true
tap_fails "  but not that the device was opened" has "$SCRATCH/late" opened

exits "close says what is wrong" '*' close v0
comes "a close is told" "$events" ' v0 closed: '
tap_run "events of one device ends with it" wait "$watch_one"
tap_like "  having said so" "$(tail -n 1 "$one")" ' v0 closed: '
kill "$watch"
wait "$watch" || true
tap_is "nothing was told twice" \
	"$(sed 's/^[^ ]* //' "$events" | sort | uniq -d)" ""
umount "$small"
gone "nothing is left"
tap_done
