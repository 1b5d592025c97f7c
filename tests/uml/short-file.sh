#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A file that was cut short, as a device: what is there can be read, what is
# lost is an error, that it is read-only is said as it is opened, and nothing is
# said to be lost that nobody wrote.

set -euo pipefail
# shellcheck source=tests/uml/lib.sh
. "$(dirname -- "$0")/lib.sh"

cut=$SCRATCH/cut.vhdx
"$VHDXSETUP" create -q -s 64M --preallocate --block-size 1M "$cut"
whole=$(stat -c %s "$cut")
exits "a whole image" 0 open "$cut" v0
tap_run "  is filled" dd if=/dev/urandom of="$dev" bs=1M count=64 oflag=direct status=none
dd if="$dev" of="$SCRATCH/flat" bs=1M iflag=direct status=none
exits "  and closed" 0 close v0
# Block 60 keeps its first 700 KiB.
truncate -s $((whole - (4 << 20) + 700 * 1024)) "$cut"
sum=$(sha256sum "$cut")

exits "open of a file that was cut short" 0 open "$cut" v0
says "  says what it is" "warning: .*file .* was cut short: .*payload blocks 60 to 63"
says "  and that the device is read-only" "so the device is read-only"
tap_is "  which it is" "$(blockdev --getro "$dev")" 1
tap_run "  what is there can be read" cmp -n $((60 << 20)) "$dev" "$SCRATCH/flat"
tap_fails "  what is lost cannot" \
	dd if="$dev" of=/dev/null bs=4k skip=$((61 << 8)) count=1 iflag=direct
exits "close" 0 close v0
tap_fails "  speaks of no failure" grep -e failed -e lost <<<"$TAP_OUTPUT"
tap_is "the file is as it was" "$(sha256sum "$cut")" "$sum"

gone "no device is left"
tap_done
