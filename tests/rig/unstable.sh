# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Debian's unstable suite moves, and what it brings overnight must not stop work
# on the tree: only a kernel that somebody has looked at can.  Sourced after
# lib.sh.
#
#   unstable_seen RELEASE   the file rig/kernels has it
#   unstable_todo KERNEL    prints why what fails with this kernel, newest or
#                           unseen, is not to be counted; nothing if it is

unstable_seen() {
	sed 's/[[:space:]#].*//' "$RIG/kernels" | grep -qxF -- "${1%-amd64}"
}

unstable_todo() {
	local dir

	if ! dir=$("$RIG/debian-kernel" --headers "$1"); then
		printf 'unstable serves no kernel that can be unpacked\n'
	elif [ -z "$dir" ]; then
		:
	elif ! unstable_seen "$(<"$dir/release")"; then
		printf 'nobody has looked at it yet: see tests/rig/kernels\n'
	elif [ "$(id -u)" != 0 ]; then
		printf 'a root of unstable to build in takes root\n'
	elif ! "$RIG/build-in" "$dir/build" true; then
		printf 'unstable cannot be installed: there is no compiler\n'
	fi
}
