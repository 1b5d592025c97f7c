# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# No script ends without a word: under set -e, the command that ends one is
# named on standard error, with its place, its status and the calls that led to
# it.  Every script sources this, by itself or with what it sources (tests/style
# checks it).  Sourced, never run.

# In a command substitution bash goes on after a failure, and it is not the end
# of anything; the flag e is not set there.
errors_tell() {
	local status=$1 command=$2 i

	[[ $- == *e* ]] || return 0
	# Of a program in another language, its first line will do.
	printf '%s: %s:%s: status %s: %s\n' "${0##*/}" "${BASH_SOURCE[1]}" \
		"${BASH_LINENO[0]}" "$status" "${command%%$'\n'*}"
	for ((i = 1; i < ${#BASH_LINENO[@]} - 1; i++)); do
		printf '%s:   %s, called at %s:%s\n' "${0##*/}" \
			"${FUNCNAME[i]}" "${BASH_SOURCE[i + 1]}" \
			"${BASH_LINENO[i]}"
	done
} >&2

# Functions and subshells inherit it.
set -E
trap 'errors_tell "$?" "$BASH_COMMAND"' ERR
