#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Names of files that would forge a line of the kernel's log, or steer a terminal:
# whatever is said of an image, and shown of a device, is printable ASCII.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

FORGED='forged: all is well'
NAME=$'x\n[    1.0] device-mapper: vhdx: '"$FORGED"$'\e[31m\xc2\x9b\x9b.vhdx'
SHOWN='x\012[    1.0] device-mapper: vhdx: forged: all is well'
SHOWN+='\033[31m\302\233\233.vhdx'

# As the table line has it.
in_table() {
	printf %s "$1" | LC_ALL=C sed -z 's/ /\\040/g; s/\n/\\012/g'
}

# said WHAT: tests: what was said since klog_mark names the file, on one line.
said() {
	local log

	log=$(klog_since)
	tap_run "$1: the log names it" grep -qF -- "$SHOWN" <<<"$log"
	tap_fails "$1: on no line of its own" \
		grep -F -- "$FORGED" <(grep -vF -- "$SHOWN" <<<"$log" || true)
}

test_refused() {
	printf 'no image' >"$STORE/$NAME"
	klog_mark
	tap_fails "refused: it is" dm_create n \
		"0 2048 vhdx $(in_table "$STORE/$NAME")"
	said refused
	klog_mark
	tap_fails "missing: it is refused" dm_create n \
		"0 2048 vhdx $(in_table "$STORE/no $NAME")"
	SHOWN="no $SHOWN" said missing
	rm -- "$STORE/$NAME"
}

# One that is used: by its committer, its findings and its status.
test_used() {
	local table

	IMAGE=$STORE/plain.vhdx
	new_image "$IMAGE" 16M --block-size 1M
	mv "$IMAGE" "$STORE/$NAME"
	klog_mark
	VHDX_RW=1 dm_create n "0 32768 vhdx $(in_table "$STORE/$NAME")"
	dd if=/dev/urandom of=/dev/mapper/n bs=1M count=4 oflag=direct \
		conv=notrunc status=none
	table=$(dmsetup table n)
	tap_fails "used: the table is printable" grep -qP '[^\x20-\x7e]' \
		<<<"$table"
	truncate -s 1M "$STORE/$NAME"
	tap_fails "used: a read of what was cut fails" dd if=/dev/mapper/n \
		of=/dev/null bs=4k count=1 skip=512 iflag=direct status=none
	dm_remove n
	said used
	rm -- "$STORE/$NAME"
	new_image "$IMAGE" 16M --block-size 1M
	mv "$IMAGE" "$STORE/$NAME"
	dm_create n "$table"
	tap_is "used: the table can be used again, and stays the same" \
		"$(dmsetup table n)" "$table"
	dm_remove n
	rm -- "$STORE/$NAME"
}


write_setup
test_refused
test_used
write_done
tap_done
