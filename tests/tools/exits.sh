# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Tests of what $VHDXSETUP does, on the host and in guests. Sourced after
# rig/tap.sh.
#
#   exits DESC CODE ARG...  a test: vhdxsetup ARG... exits with CODE, a number
#                           or a pattern of them; what it printed, both streams,
#                           is in $TAP_OUTPUT
#   says DESC REGEX         a test: $TAP_OUTPUT matches
#   field EXPRESSION        prints a field of the JSON on standard input, as in
#                           field '["disk"]["block_size"]'; nothing may follow
#                           the JSON

exits() {
	local desc=$1 code=$2

	shift 2
	tap_capture "$VHDXSETUP" "$@"
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
