# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# TAP for every test script, on the host and in guests.  Sourced.
#
#   tap_ok DESC                    a test passed
#   tap_not_ok DESC [DETAIL]       a test failed; DETAIL is shown beneath it
#   tap_skip DESC REASON           a test could not be run here, and why
#   tap_lacks DESC REASON          the same, for want of what scripts/deps
#                                  installs; fails if $TAP_DEPS is set: it is
#                                  there
#   tap_todo REASON COMMAND...     while it runs, here and not in what prints TAP
#                                  itself, tests that fail are told with REASON
#                                  and counted as skipped; of a tap_suite too
#   tap_is DESC GOT WANTED         the two strings are equal
#   tap_like DESC TEXT REGEX       the extended regular expression matches
#   tap_run DESC COMMAND...        the command succeeds
#   tap_fails DESC COMMAND...      the command fails, and not by the time limit of
#                                  timeout(1) or a guest, 124; its output, both streams,
#                                  is left in $TAP_OUTPUT, its status in
#                                  $TAP_STATUS (as tap_run leaves them too)
#   tap_suite NAME COMMAND...      the command prints TAP itself: it is shown
#                                  as a subtest, and its counts are added
#   tap_kunit NAME < KTAP          each case of a KUnit report becomes a test
#   tap_done                       the plan and "N passed, N failed, N skipped";
#                                  returns 1 if anything failed or nothing ran
#   tap_leave STATUS               ends a script that was asked for something
#                                  else than tests, such as its help
#
# A script that ends in no other way has died half-way: the trap set here
# says so and makes it fail.

# shellcheck source=scripts/errors.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../../scripts/errors.sh"

TAP_PASSED=0
TAP_FAILED=0
TAP_SKIPPED=0
TAP_POINTS=0
TAP_FINISHED=
TAP_TODO=
TAP_OUTPUT=
TAP_STATUS=0

tap_point() {
	TAP_POINTS=$((TAP_POINTS + 1))
	printf '%s %d - %s\n' "$1" "$TAP_POINTS" "$2"
}

tap_note() {
	[ -z "$1" ] || printf '%s\n' "$1" | sed 's/^/# /'
}

tap_ok() {
	TAP_PASSED=$((TAP_PASSED + 1))
	tap_point ok "$1"
}

tap_not_ok() {
	if [ -n "$TAP_TODO" ]; then
		TAP_SKIPPED=$((TAP_SKIPPED + 1))
	else
		TAP_FAILED=$((TAP_FAILED + 1))
	fi
	tap_point 'not ok' "$1${TAP_TODO:+ # TODO $TAP_TODO}"
	tap_note "${2-}"
}

tap_todo() {
	local saved=$TAP_TODO

	TAP_TODO=$1
	shift
	"$@"
	TAP_TODO=$saved
}

tap_skip() {
	TAP_SKIPPED=$((TAP_SKIPPED + 1))
	tap_point ok "$1 # SKIP $2"
}

tap_lacks() {
	if [ -n "${TAP_DEPS-}" ]; then
		tap_not_ok "$1" "$2 (scripts/deps installs it)"
	else
		tap_skip "$@"
	fi
}

tap_is() {
	if [ "$2" = "$3" ]; then
		tap_ok "$1"
	else
		tap_not_ok "$1" "got:    $2"$'\n'"wanted: $3"
	fi
}

tap_like() {
	if [[ $2 =~ $3 ]]; then
		tap_ok "$1"
	else
		tap_not_ok "$1" "got: $2"$'\n'"wanted a match of: $3"
	fi
}

tap_capture() {
	TAP_STATUS=0
	TAP_OUTPUT=$("$@" 2>&1) || TAP_STATUS=$?
}

tap_run() {
	local desc=$1
	shift
	tap_capture "$@"
	if [ "$TAP_STATUS" = 0 ]; then
		tap_ok "$desc"
	else
		tap_not_ok "$desc" "$* (status $TAP_STATUS)"$'\n'"$TAP_OUTPUT"
	fi
}

tap_fails() {
	local desc=$1
	shift
	tap_capture "$@"
	if [ "$TAP_STATUS" = 0 ]; then
		tap_not_ok "$desc" "succeeded: $*"$'\n'"$TAP_OUTPUT"
	elif [ "$TAP_STATUS" = 124 ]; then
		tap_not_ok "$desc" "ran into its time limit: $*"$'\n'"$TAP_OUTPUT"
	else
		tap_ok "$desc"
	fi
}

# Indents what a subtest prints, but for its counts, which go to the file.  No
# awk: it may read ahead, and what a guest said before it died must be seen.
tap_indent() {
	local counts=$1 last=$2 line

	while IFS= read -r line || [ -n "$line" ]; do
		if [[ ${line%$'\r'} =~ $last ]]; then
			printf '%s\n' "${line%$'\r'}" >>"$counts"
		else
			printf '    %s\n' "$line"
		fi
	done
}

# Points of subtests are counted one by one, but the plan of the outer level
# has one point for the whole subtest.
tap_suite() {
	local name=$1 counts status=0 p f s
	local last='^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$'

	shift
	counts=$(mktemp)
	printf '    # Subtest: %s\n' "$name"
	{ "$@" || printf '%s\n' "$?" >"$counts.status"; } |
		tap_indent "$counts" "$last"
	p=0 f=0 s=0
	if [[ $(<"$counts") =~ $last ]]; then
		p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[3]}
	else
		tap_note "$name ended without its counts"
		status=1
	fi
	if [ -e "$counts.status" ]; then
		tap_note "$name ended with status $(<"$counts.status")"
		status=1
	fi
	rm -f -- "$counts" "$counts.status"
	[ "$f" = 0 ] || status=1
	[ "$status" = 0 ] || [ "$f" != 0 ] || f=1
	if [ -n "$TAP_TODO" ]; then
		s=$((s + f)) f=0
	fi
	TAP_PASSED=$((TAP_PASSED + p))
	TAP_FAILED=$((TAP_FAILED + f))
	TAP_SKIPPED=$((TAP_SKIPPED + s))
	if [ "$status" != 0 ]; then
		tap_point 'not ok' "$name${TAP_TODO:+ # TODO $TAP_TODO}"
	elif [ "$p" = 0 ]; then
		tap_point ok "$name # SKIP nothing ran"
	else
		tap_point ok "$name"
	fi
}

# KUnit indents the cases of a suite by four columns, parameters by more; the
# suite's own line, without indent, only sums them up.
tap_kunit() {
	local name=$1 line cases=0 note="" point='^    (ok|not ok) [0-9]+ (.*)$'

	while IFS= read -r line; do
		if [[ $line =~ $point ]]; then
			cases=$((cases + 1))
			case "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}" in
			ok*'# SKIP'*)
				tap_skip "$name: ${BASH_REMATCH[2]%% # SKIP*}" \
					"${BASH_REMATCH[2]#*# SKIP }" ;;
			ok*) tap_ok "$name: ${BASH_REMATCH[2]}" ;;
			*) tap_not_ok "$name: ${BASH_REMATCH[2]}" "$note" ;;
			esac
			note=
		else
			note+=$line$'\n'
		fi
	done
	[ "$cases" != 0 ] || tap_not_ok "$name: ran no case"
}

tap_done() {
	TAP_FINISHED=1
	printf '1..%d\n' "$TAP_POINTS"
	printf '%d passed, %d failed, %d skipped\n' \
		"$TAP_PASSED" "$TAP_FAILED" "$TAP_SKIPPED"
	if [ "$TAP_FAILED" != 0 ] || [ "$TAP_POINTS" = 0 ]; then
		# The points have said what failed.
		trap - ERR
		return 1
	fi
}

tap_leave() {
	TAP_FINISHED=1
	trap - ERR
	exit "$1"
}

tap_exit() {
	local status=$?

	[ -z "$TAP_FINISHED" ] || return "$status"
	tap_not_ok "ran to its end" "left early with status $status"
	tap_done || exit 1
}

trap tap_exit EXIT
