# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of vhdxsetup share. Sourced.
#
#   $WORK                   a directory that goes away with the script
#   vhdxsetup ARG...        the program under test
#   real NAME               unpacks a real image to $WORK/NAME.vhdx; fails if
#                           the real images are absent
#   exits DESC CODE ARG...  a test: vhdxsetup ARG... exits with CODE, a number
#                           or a pattern of them; what it printed, both streams,
#                           is in $TAP_OUTPUT
#   says DESC REGEX         a test: $TAP_OUTPUT matches
#   field EXPRESSION        prints a field of the JSON on standard input, as in
#                           field '["disk"]["block_size"]'; nothing may follow
#                           the JSON

TOP=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tests/rig/tap.sh
. "$TOP/tests/rig/tap.sh"

: "${VHDXSETUP:=$TOP/tools/vhdxsetup}"
: "${VHDX_IMAGES:=$(dirname -- "$TOP")/shared/images}"
WORK=$(mktemp -d)
LIB_STATUS=0
lib_exit() {
	# First of all: it looks at $?.
	tap_exit || LIB_STATUS=$?
	rm -rf -- "$WORK"
	exit "$LIB_STATUS"
}
trap lib_exit EXIT

vhdxsetup() { "$VHDXSETUP" "$@"; }

real() {
	[ -e "$VHDX_IMAGES/$1.vhdx.xz" ] || return 1
	[ ! -e "$WORK/$1.vhdx" ] || return 0
	# shellcheck disable=SC2216 # it reads it by name
	xz -dc "$VHDX_IMAGES/$1.vhdx.xz" |
		cp --sparse=always /dev/stdin "$WORK/$1.vhdx"
}

exits() {
	local desc=$1 code=$2

	shift 2
	tap_capture vhdxsetup "$@"
	# shellcheck disable=SC2053 # a pattern
	if [[ $TAP_STATUS == $code ]]; then
		tap_ok "$desc"
	else
		tap_not_ok "$desc" "vhdxsetup $*: exit code $TAP_STATUS, wanted $code"$'\n'"$TAP_OUTPUT"
	fi
}

says() {
	tap_like "$1" "$TAP_OUTPUT" "$2"
}

field() {
	/usr/bin/python3 -c '
import json, sys
print(eval("json.load(sys.stdin)" + sys.argv[1]))' "$1"
}
