# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For the tests of vhdxsetup with the module. Sourced. Beside what guest/lib.sh
# and tools/exits.sh offer:
#
#   $VHDXSETUP       the program, the plain one: sanitizers do not fit into UML's
#                    address space
#   $dev             the device v0, which most of it is about
#   status_field NAME EXPRESSION   a field of what "status" says, see field
#   gone DESC        a test: there is no device any more

# shellcheck source=tests/guest/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../guest/lib.sh"
# shellcheck source=tests/tools/exits.sh
. "$GUEST/../tools/exits.sh"

VHDXSETUP=$(realpath -- "$GUEST/../../tools/vhdxsetup")
dev=/dev/mapper/v0
if [ ! -x "$VHDXSETUP" ]; then
	tap_not_ok "vhdxsetup is built" "make -C tools"
	tap_done
	exit 1
fi

status_field() {
	"$VHDXSETUP" status --json "$1" | field "$2"
}

gone() {
	tap_is "$1" "$(dmsetup ls --target vhdx | grep -v "^No devices" || true
		shopt -s nullglob
		echo "$dev"*)" ""
}
