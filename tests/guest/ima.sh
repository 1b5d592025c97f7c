#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What IMA, the kernel's integrity measurement, is told of a device when its
# table is loaded: the images, their identities, and what was ignored.

set -euo pipefail
# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "$0")/lib.sh"

IMA=/sys/kernel/security/ima

# The kernel takes one policy for as long as it runs.
load_policy() {
	echo 'measure func=CRITICAL_DATA label=device-mapper' >"$IMA/policy"
}

start_measuring() {
	mountpoint -q /sys/kernel/security ||
		mount -t securityfs securityfs /sys/kernel/security \
			2>/dev/null || true
	if [ ! -e "$IMA/policy" ]; then
		tap_skip "measurements" "the kernel has no IMA"
		return 1
	fi
	tap_run "devices are measured" load_policy
	[ "$TAP_STATUS" = 0 ]
}

# measured NAME: the target's part of what was measured for this device.
measured() {
	python3 -c '
import sys
for line in sys.stdin:
    *_, event, data = line.split()
    text = bytes.fromhex(data).decode() if event == "dm_table_load" else ""
    if f"name={sys.argv[1]}," in text:
        print(text[text.index("target_name="):])' \
		"$1" <"$IMA/ascii_runtime_measurements"
}

# guid_of NAME: the data write GUID of an image in the corpus.
guid_of() {
	python3 - "$IMAGES/good/$1" <<-'EOF'
	import sys, uuid
	headers = []
	with open(sys.argv[1], "rb") as image:
	    for at in (1 << 16, 1 << 17):
	        image.seek(at)
	        headers.append(image.read(4096))
	newest = max((one for one in headers if one[:4] == b"head"),
	             key=lambda one: int.from_bytes(one[8:16], "little"))
	print(uuid.UUID(bytes_le=newest[32:48]))
	EOF
}

test_one() {
	local table size

	table=$(image_table good/dynamic)
	size=$(($(image_sectors good/dynamic) * 512))
	dm_create ima-one "$table"
	tap_is "one image" "$(measured ima-one)" "target_name=vhdx,target_version=$VERSION,layers=1,virtual_size=$size,image_0=$IMAGES/good/dynamic.vhdx,data_write_guid_0=$(guid_of dynamic.vhdx),ignore_id_mismatch=n;"
	dm_remove ima-one
}

# What separates fields must not come from a name.
test_name() {
	local name='a,b;c=d e'

	cp "$IMAGES/good/dynamic.vhdx" "$IMAGES/$name"
	dm_create ima-name "0 $(image_sectors good/dynamic) vhdx $IMAGES/${name// /\\040}"
	tap_like "separators in a name are escaped" "$(measured ima-name)" \
		",image_0=$IMAGES/a\\\\054b\\\\073c\\\\075d\\\\040e,data_write"
	dm_remove ima-name
	rm "$IMAGES/$name"
}

test_chain() {
	dm_create ima-chain "$(image_table good/chain-three "$IMAGES" \
		ignore_id_mismatch)"
	tap_like "a chain: all of its images" "$(measured ima-chain)" \
		",layers=3,.*,image_0=$IMAGES/good/chain-three.vhdx,.*,image_1=[^,]*,data_write_guid_1=[0-9a-f-]{36},image_2="
	tap_like "and that mismatches are ignored" "$(measured ima-chain)" \
		',ignore_id_mismatch=y;'
	dm_remove ima-chain
}

if ! start_measuring; then
	tap_done
	exit
fi
VERSION=$(dmsetup targets | sed -n 's/^vhdx *v//p')
test_one
test_name
test_chain
tap_done
