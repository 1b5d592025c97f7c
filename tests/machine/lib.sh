# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the hosts of machine/run's machine share.  Sourced after guest-lib.sh.
#
#   await COUNT REGEX      until the machine has said so often on its line of notes,
#                          or is gone; the last such line is $TOLD
#   told DESC COUNT REGEX  a test: it says so
#   trims SECTOR           tests of its first boot, until it is at work: it finds
#                          sectors of that size, and trims
#   said                   prints the end of what there is of this boot
#   freed                  prints how many blocks of the image were freed since it
#                          was opened
# Theirs are: $NOTES, the file of that line; is_up, which fails when the machine is
# gone; and the files $SAID, for said.

NOTES=
SAID=()

# notes REGEX: how many lines of the machine match is $NOTED, the last one $TOLD.
notes() {
	local line

	NOTED=0 TOLD=
	while IFS= read -r line; do
		# A terminal ends lines so.
		line=${line%$'\r'}
		[[ $line =~ $1 ]] || continue
		NOTED=$((NOTED + 1)) TOLD=$line
	done <"$NOTES"
}

# wait_for would take half of UML's time for itself.
await() {
	local end=$((SECONDS + PATIENCE * 2))

	until notes "$2" && [ "$NOTED" -ge "$1" ]; do
		if ! is_up; then
			# It may have said so, and ended, in the meantime.
			notes "$2"
			[ "$NOTED" -ge "$1" ]
			return
		fi
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 1
	done
}

said() { tail -n 30 "$NOTES" "${SAID[@]}"; }

told() {
	if await "$2" "$3"; then
		tap_ok "$1"
	else
		tap_not_ok "$1" "$(said)"
	fi
}

# See vhdx.rst.
freed() {
	local words

	read -ra words <<<"$(dmsetup status --noflush vhdx0)"
	echo "${words[11]}"
}

# It writes 48 MiB, removes them, and trims.
trims() {
	told "it boots from it" 1 '^sector .* \.$'
	tap_is "  the sectors are the image's" "$TOLD" "sector $1 ."
	told "it trims its disk" 1 '^trimmed .* \.$'
	tap_run "  which gives blocks back" test "$(freed)" -ge 40
	told "it goes on writing" 5 '^safe '
}
