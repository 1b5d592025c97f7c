# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of Debian's packages share.  Sourced after lib.sh.
#
#   in_builder SUITE COMMAND...  runs it where packages are built
#   build SUITE                  builds the packages of $WORK/tree, a copy of the
#                                checkout; they come to $WORK/SUITE
#   in_root COMMAND...           runs it in $root
#   apt COMMAND...               apt-get there, as a user has it, with what packages
#                                recommend
# $WORK is the caller's, and the same in there.

# shellcheck disable=SC2034 # for the scripts that source this
VERSION=$("$TOP/scripts/version")

# The packages that debian/control names for a build.
build_depends() {
	awk '/^[^ ]/ { on = 0 } /^Build-Depends:/ { on = 1; sub(/.*:/, "") }
		on { sub(/\(.*\)/, ""); gsub(/[ ,]/, ""); if ($0) print }' \
		"$TOP/debian/control"
}

in_builder() {
	local suite=$1 name root with=()

	shift
	for name in build-essential lintian $(build_depends); do
		with+=(--with "$name")
	done
	root=$("$RIG/bare-root" "${with[@]}" --shared "$suite") || return
	"$RIG/bare-root" --bind "$WORK" --run "$root" env TMPDIR="$WORK" "$@"
}

build() {
	logged "$WORK/log" in_builder "$1" \
		"$WORK/tree/scripts/deb" --out "$WORK/$1"
}

in_root() { "$RIG/bare-root" --bind "$WORK" --run "$root" "$@"; }

apt() { in_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q "$@"; }
