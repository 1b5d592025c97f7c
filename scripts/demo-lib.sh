# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the guests of the demo and of the recording share.  Sourced there.
#
#   step TEXT...     a heading
#   show COMMAND...  a command, as if typed, and what it prints
#   vhdxsetup        the one that was built
#   load_module      loads $MODULE, with what it depends on

step() { printf '\n== %s\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }

vhdxsetup() { "$VHDXSETUP" "$@"; }

load_module() {
	local dep

	for dep in $(modinfo -F depends -- "$MODULE" | tr ',' ' '); do
		modprobe -- "$dep"
	done
	insmod "$MODULE"
}
