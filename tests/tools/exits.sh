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
#   documents DESC CODE ARG...
#                           a test: vhdxsetup ARG... exits with CODE, as above,
#                           and prints one document that the schema of JSON
#                           allows; it is in $TAP_OUTPUT
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

documents() {
	local desc=$1 code=$2 schema=${BASH_SOURCE[0]%/*}/schema.py why status=0

	shift 2
	TAP_STATUS=0
	TAP_OUTPUT=$("$VHDXSETUP" "$@" 2>/dev/null) || TAP_STATUS=$?
	# shellcheck disable=SC2053 # a pattern
	if [[ $TAP_STATUS != $code ]]; then
		tap_not_ok "$desc" "vhdxsetup $*: exit code $TAP_STATUS, wanted $code"$'\n'"$TAP_OUTPUT"
		return
	fi
	why=$("$schema" document "$TAP_STATUS" <<<"$TAP_OUTPUT" 2>&1) ||
		status=$?
	case $status in
	0) tap_ok "$desc" ;;
	77) tap_lacks "$desc" "$why" ;;
	*) tap_not_ok "$desc" "vhdxsetup $*"$'\n'"$why" ;;
	esac
}

field() {
	/usr/bin/python3 -c '
import json, sys
print(eval("json.load(sys.stdin)" + sys.argv[1]))' "$1"
}
