# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of vhdxsetup share. Sourced.
#
#   $WORK                   a directory that goes away with the script
#   vhdxsetup ARG...        the program under test
#   real NAME               unpacks a real image to $WORK/NAME.vhdx; fails if
#                           the real images are absent
#   LIB_AT_EXIT             a function that is called before that directory goes
#   may_trace DESC          whether strace can be used; if not, it skips DESC
#   exits, says, field      see exits.sh

TOP=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tests/rig/tap.sh
. "$TOP/tests/rig/tap.sh"
# shellcheck source=tests/tools/exits.sh
. "$TOP/tests/tools/exits.sh"

: "${VHDXSETUP:=$TOP/tools/vhdxsetup}"
: "${VHDX_IMAGES:=$(dirname -- "$TOP")/shared/images}"
WORK=$(mktemp -d)
# Messages are compared in the language that they are written in.
export LC_ALL=C.UTF-8
unset LANGUAGE
LIB_STATUS=0
LIB_AT_EXIT=true
lib_exit() {
	# First of all: it looks at $?.  It leaves, if the script has died half-way.
	(tap_exit) || LIB_STATUS=$?
	"$LIB_AT_EXIT"
	rm -rf -- "$WORK"
	exit "$LIB_STATUS"
}
trap lib_exit EXIT

vhdxsetup() { "$VHDXSETUP" "$@"; }

may_trace() {
	if ! command -v strace >/dev/null; then
		tap_lacks "$1" "strace is not installed"
		return 1
	elif ! strace -qqq -o "$WORK/trace" true 2>/dev/null; then
		tap_skip "$1" "nothing can be traced here"
		return 1
	fi
}

real() {
	[ -e "$VHDX_IMAGES/$1.vhdx.xz" ] || return 1
	[ ! -e "$WORK/$1.vhdx" ] || return 0
	# shellcheck disable=SC2216 # it reads it by name
	xz -dc "$VHDX_IMAGES/$1.vhdx.xz" |
		cp --sparse=always /dev/stdin "$WORK/$1.vhdx"
}
