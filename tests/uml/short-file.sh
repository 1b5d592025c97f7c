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
tap_run "  what is there can be read, of block 60 as well" \
	cmp -n $(((60 << 20) + (700 << 10))) "$dev" "$SCRATCH/flat"
tap_fails "  what is lost cannot" \
	dd if="$dev" of=/dev/null bs=4k skip=$((61 << 8)) count=1 iflag=direct
exits "close" 0 close v0
tap_fails "  speaks of no failure" grep -e failed -e lost <<<"$TAP_OUTPUT"
tap_is "the file is as it was" "$(sha256sum "$cut")" "$sum"

# Without the helper's look at it, the kernel finds it before the first write.
VHDX_RW=1 dm_create v0 "0 $((64 << 11)) vhdx $cut"
tap_fails "a write that the kernel refuses" \
	dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct
tap_is "  makes the mode ro" "$(status_field v0 '["target"]["mode"]')" ro
tap_like "  from the start" "$(status_field v0 '["target"]["flags"]')" "'unwritten'"
exits "close" 0 close v0
says "  says so" "warning: .*read-only, and nothing was written"
tap_fails "  and of no failure" grep -e failed -e "may be lost" \
	<<<"$TAP_OUTPUT"
tap_is "the file is as it was" "$(sha256sum "$cut")" "$sum"
gone "no device is left"
tap_done
