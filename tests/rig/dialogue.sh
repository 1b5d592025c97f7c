# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A program that asks: what it shows is waited for, and answered.  On the host and
# in guests; sourced.
#
#   dialogue_begin COMMAND...  starts it in the background, one at a time
#   dialogue_await REGEX       until it has shown what matches, after the last that
#                              did; fails if it ends first, or shows nothing of the
#                              kind in $DIALOGUE_LIMIT seconds
#   dialogue_type KEYS         types them; backslashes are as printf's %b has them
#   dialogue_end               until it has ended by itself; its status
#   dialogue_kill              ends it, if it is there
# $DIALOGUE_SAID is what it has shown since the last match.

# Only a hang takes that long.
DIALOGUE_LIMIT=1800
DIALOGUE_SAID=
DIALOGUE_PID=

# No coprocess: bash forgets what one has shown when that ends.
dialogue_begin() {
	local fifo

	fifo=$(mktemp -u "${TMPDIR:-/var/tmp}/dialogue-XXXXXX")
	mkfifo -m 600 -- "$fifo"
	DIALOGUE_SAID=
	exec {DIALOGUE_OUT}< <(exec "$@" <"$fifo" 2>&1)
	DIALOGUE_PID=$!
	exec {DIALOGUE_IN}>"$fifo"
	rm -- "$fifo"
}

# Reads what there is.  Fails if there will be no more.
dialogue_read() {
	local more status=0 LC_ALL=C

	IFS= read -r -t 0.2 -N 4096 -u "$DIALOGUE_OUT" more || status=$?
	DIALOGUE_SAID+=$more
	# More than 128: the time is up.
	[ "$status" = 0 ] || [ "$status" -gt 128 ]
}

dialogue_await() {
	local end=$((SECONDS + DIALOGUE_LIMIT)) open=1 LC_ALL=C

	until [[ $DIALOGUE_SAID =~ $1 ]]; do
		[ -n "$open" ] && [ "$SECONDS" -lt "$end" ] || return 1
		dialogue_read || open=
	done
	DIALOGUE_SAID=${DIALOGUE_SAID#*"${BASH_REMATCH[0]}"}
}

# It may have ended, which must not end this script.
dialogue_type() {
	(trap '' PIPE; printf '%b' "$1" >&"$DIALOGUE_IN") 2>/dev/null
}

dialogue_end() {
	local end=$((SECONDS + DIALOGUE_LIMIT)) status=0

	while dialogue_read; do
		[ "$SECONDS" -lt "$end" ] || dialogue_kill
	done
	exec {DIALOGUE_IN}>&- {DIALOGUE_OUT}<&-
	wait "$DIALOGUE_PID" || status=$?
	DIALOGUE_PID=
	return "$status"
}

dialogue_kill() {
	[ -z "$DIALOGUE_PID" ] || kill -KILL "$DIALOGUE_PID" 2>/dev/null || true
}
