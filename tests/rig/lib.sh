# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the rig's scripts on the host share: where things are, messages, locks,
# and the judgement of a finished guest.  Sourced, never run.

# shellcheck source=scripts/errors.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../../scripts/errors.sh"

# shellcheck disable=SC2034 # for the scripts that source this
RIG=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034
TOP=$(cd -- "$RIG/../.." && pwd)
# shellcheck disable=SC2034
CACHE=${VHDX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dm-vhdx}
# shellcheck disable=SC2034
JOBS=${VHDX_JOBS:-$(nproc)}

# depmod, modprobe and mkfs are not on the path of an ordinary Debian user.
PATH=$PATH:/usr/sbin:/sbin
export PATH

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 2; }

# Prints the comment at the head of the script as its help.
usage() {
	sed -n '2,/^$/{/SPDX/d;s/^# \{0,1\}//p}' "$0"
}

# need COMMAND PACKAGE...: the command, or the packages that would bring it.
need() {
	local cmd=$1
	shift
	command -v "$cmd" >/dev/null || die "$cmd is missing: apt install $*"
}

# Prints the host's release of Debian by its name, such as bookworm.
host_suite() {
	# shellcheck source=/dev/null
	(VERSION_CODENAME=; . /etc/os-release; printf '%s\n' "$VERSION_CODENAME")
}

# Prints the packages of the libraries that vhdxsetup was linked with.
helper_packages() {
	ldd "$TOP/tools/vhdxsetup" | awk '$3 ~ "^/" { print $3 }' |
		sed -E 's,.*/([^/]+/[^/]+)$,*/\1,' | xargs dpkg -S | sed 's/:.*//' | sort -u
}

# key TEXT...: a short name for exactly this text.
key() {
	printf '%s\n' "$@" | sha256sum | cut -c1-12
}

# file_id FILE: changes when the file does; cheaper than hashing 150 MB.
file_id() {
	stat -L -c '%n %s %Y' -- "$1"
}

# lock FILE: holds FILE until the script ends, so that callers who want the
# same thing built wait for the first one.
lock() {
	mkdir -p -- "$(dirname -- "$1")"
	exec {LOCK_FD}>"$1"
	flock "$LOCK_FD"
}

# logged LOG COMMAND...: runs it with output to LOG; shows the end if it fails.
logged() {
	local log=$1
	shift
	if ! "$@" >>"$log" 2>&1; then
		tail -n 40 -- "$log" >&2
		die "failed: $* (log: $log)"
	fi
}
