#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# --json of the verbs that need the module: documents as the schema has them,
# for what succeeds, for what fails, and for a list that a signal ends.

set -euo pipefail
# shellcheck source=tests/uml/lib.sh
. "$(dirname -- "$0")/lib.sh"

image=$SCRATCH/json.vhdx
"$VHDXSETUP" create -q -s 64M "$image"

# is DESC EXPRESSION VALUE: of the last document.
is() {
	tap_is "$1" "$(field "$2" <<<"$TAP_OUTPUT" 2>&1 || true)" "$3"
}

documents "list of none" 0 list --json
is "  is empty" '["devices"]' "[]"
documents "open" 0 open --json "$image" v0
is "  has the image" '["image"]' "$image"
is "  the path" '["path"]' "$dev"
is "  what status has" '["virtual_size"]' \
	$((64 << 20))
is "  and no partitions" '["partitions"]' "[]"
documents "open again" 7 open --json "$image" v0
is "  says why not" '["error"]["code"]' in-use
documents "open of a file that is missing" 6 \
	open --json --readonly "$SCRATCH/nosuch" v0
documents "status" 0 status --json v0
is "  has counters" '["target"]["commits"] >= 0' True
documents "list" 0 list --json
is "  has it" '["devices"][0]["mode"]' rw
documents "list of columns" 0 list --json -o name,size,parents
is "  has them alone" '["devices"]' \
	"[{'name': 'v0', 'virtual_size': 67108864, 'parents': []}]"
documents "an unknown column" 1 list --json -o nosuch
is "  says so" '["error"]["code"]' usage

if strace -qqq -o /dev/null true 2>/dev/null; then
	status=0
	list=$(strace -qqq -o /dev/null -e trace=ioctl \
		-e inject=ioctl:signal=INT:when=1 \
		"$VHDXSETUP" list --json 2>/dev/null) || status=$?
	tap_is "a list that a signal ends" "$status" 130
	tap_run "  is a document" "$GUEST/../tools/schema.py" document 130 \
		<<<"$list"
	TAP_OUTPUT=$list
	is "  that says that it is incomplete" '["incomplete"]' True
	is "  and why" '["error"]["code"]' interrupted
else
	tap_skip "a list that a signal ends" "no strace here"
fi

exec 3<"$dev"
documents "close while it is in use" 7 close --json v0
is "  says why" '["error"]["code"]' in-use
is "  and that it stays" '["removed"]' False
documents "close --deferred" 0 close --json --deferred v0
is "  does not remove it yet" '["removed"]' False
exec 3<&-
# Its node is for udev to remove, which is not there.
is_gone() { ! dmsetup info v0 >/dev/null 2>&1; }
tap_run "  but when its user is gone" wait_for "$PATIENCE" is_gone
documents "open, read-only" 0 open --json --readonly "$image" v0
is "  is said" '["read_only"]' True
documents "close" 0 close --json v0
is "  removes it" '["removed"]' True
for verb in close status; do
	documents "$verb of what is not there" 6 $verb --json v0
	is "  says so" '["error"]["code"]' not-found
done
gone "no device is left"
tap_done
