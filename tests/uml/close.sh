#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vhdxsetup close, while others open or close the device, too: it is not left
# suspended, and one of them removes it.
#
# The image is on a device that takes no write until a test lets it, so that all
# happens in the order that is wanted, however slow the guest is.

set -euo pipefail
# shellcheck source=tests/uml/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/guest/write/below.sh
. "$GUEST/write/below.sh"

IMAGE=/dev/mapper/below

# The device has something to commit, which nothing below takes until let_below.
hold_below() {
	tap_run "  write" dd if=/dev/urandom of=$dev bs=4k count=1 \
		oflag=direct status=none
	dmsetup suspend --noudevsync --noflush --nolockfs below
	# The write may have been committed already.
	tap_run "  discard" timeout "$PATIENCE" blkdiscard -f -o 0 -l 1M "$dev"
}

let_below() { dmsetup resume --noudevsync below; }

is_suspended() {
	[ "$(dmsetup info -c --noheadings -o suspended v0)" = Suspended ]
}

is_gone() { ! dmsetup info v0 >/dev/null 2>&1; }

# waits STATE NAME: it does so in the kernel, with that letter in ps.
waits() { [[ $(ps -o stat= -p "${PID[$2]}") == "$1"* ]]; }

# begin NAME COMMAND...: its process is ${PID[NAME]}; it has not the device open.
declare -A PID CODE SAID
begin() {
	local name=$1

	shift
	env "$@" >"$SCRATCH/said.$name" 2>&1 3<&- &
	PID[$name]=$!
}

# end NAME: what became of it is in ${CODE[NAME]}, what it said in ${SAID[NAME]}.
end() {
	CODE[$1]=0
	wait "${PID[$1]}" || CODE[$1]=$?
	SAID[$1]=$(<"$SCRATCH/said.$1")
}

# It has suspended the device, and waits for the end of what is written.
close_begins() {
	begin first "$VHDXSETUP" close "$@" v0
	tap_run "  a close begins" wait_for "$PATIENCE" is_suspended
}

# Through descriptor 3: a device that is to go has no node any more.
usable() {
	tap_is "$1: it is not left suspended" \
		"$(status_field v0 '["suspended"]')" False
	# If it is, the read would never end, nor this.
	! is_suspended || dmsetup resume --noudevsync v0
	tap_run "$1: it can be read" timeout "$PATIENCE" dd of=/dev/null \
		bs=4k count=1 iflag=direct status=none <&3
}

# is_refused WHAT: the close is, and the user of 3 goes on until another succeeds.
is_refused() {
	tap_is "$1: is refused" "${CODE[first]}" 7
	usable "$1"
	exec 3<&-
	exits "$1: another succeeds" 0 close v0
	gone "$1: nothing is left"
}

# close_meets_user OPTION...: what is suspended already is opened, as 3, and goes on.
close_meets_user() {
	exits "open" 0 open -q "$IMAGE" v0
	hold_below
	close_begins "$@"
	exec 3<"$dev"
	let_below
	end first
}

test_opened() {
	local what="close of a device that comes into use"

	close_meets_user
	tap_like "$what: says why" "${SAID[first]}" "v0: is in use"
	is_refused "$what"
}

test_opened_deferred() {
	local what="close --deferred of a device that comes into use"

	close_meets_user --deferred
	tap_is "$what: is not refused" "${CODE[first]}" 0
	tap_like "$what: says when it will go" "${SAID[first]}" \
		"v0 is in use; its last close removes it"
	usable "$what"
	exec 3<&-
	tap_run "$what: it goes" wait_for "$PATIENCE" is_gone
	dmsetup mknodes
	gone "$what: nothing is left"
}

has_suspended() { is_suspended || ! kill -0 "${PID[first]}" 2>/dev/null; }

# It waits for who looks at the device, and what was so before may have changed
# then. If the guest is too slow for that, it has given up, which is as good.
test_resumed() {
	local what="close of a device that was suspended when it began"

	exits "open" 0 open -q "$IMAGE" v0
	exec 3<"$dev"
	dmsetup suspend --noudevsync v0
	begin first "$VHDXSETUP" close v0
	sleep 1
	dmsetup resume --noudevsync v0
	hold_below
	exec 3<&-
	tap_run "  a close waits, then begins" \
		wait_for "$PATIENCE" has_suspended
	exec 3<"$dev"
	let_below
	end first
	is_refused "$what"
}

test_removed() {
	local what="close of a device that another one removes"

	exits "open" 0 open -q "$IMAGE" v0
	hold_below
	close_begins
	begin second "$VHDXSETUP" close v0
	tap_run "  so does another" wait_for "$PATIENCE" is_gone
	let_below
	end first
	end second
	tap_is "$what: fails" "${CODE[first]}" 6
	tap_is "$what: says that it is gone, and no more" "${SAID[first]}" \
		"vhdxsetup close: v0: not removed: No such device or address"
	tap_is "$what: the other succeeds" "${CODE[second]}" 0
	gone "$what: nothing is left"
}

# A message that waits for the committer lets none suspend the device. One of
# them waits for that, and the other one for the first.
test_at_once() {
	local what="two that suspend a device at once"

	exits "open" 0 open -q "$IMAGE" v0
	hold_below
	begin message dmsetup message v0 0 commit
	tap_run "  a message waits" wait_for "$PATIENCE" waits I message
	begin first "$VHDXSETUP" close v0
	tap_run "  a close waits" wait_for "$PATIENCE" waits D first
	begin second "$VHDXSETUP" close v0
	tap_run "  so does another" wait_for "$PATIENCE" waits D second
	tap_fails "  it is not suspended yet" is_suspended
	let_below
	end message
	end first
	end second
	tap_is "$what: the message ends well" "${CODE[message]}" 0
	tap_like "$what: one of them removes it" \
		"${CODE[first]} ${CODE[second]}" "^(0 6|6 0)$"
	tap_note "${SAID[first]}${SAID[second]}"
	gone "$what: nothing is left"
}

# Whoever waits is told nothing until the time is over.
test_waited() {
	local what="close --wait"

	exits "open" 0 open -q "$IMAGE" v0
	exec 3<"$dev"
	tap_capture "$VHDXSETUP" close --wait 1 v0
	tap_is "$what: is refused when the time is over" "$TAP_STATUS" 7
	says "$what: says why" "v0: is in use"
	begin first "$VHDXSETUP" close --wait "$PATIENCE" v0
	# Longer than it would wait without the option.
	sleep 7
	tap_run "$what: the device is there" dmsetup info v0
	exec 3<&-
	end first
	tap_is "$what: succeeds when nobody uses it" "${CODE[first]}" 0
	tap_is "$what: and says nothing" "${SAID[first]}" ""
	gone "$what: nothing is left"
}

below_setup 80M
exits "an image" 0 create -q --force --size 64M \
	--block-size 1M "$IMAGE"
test_opened
test_opened_deferred
test_resumed
test_removed
test_at_once
test_waited
exits "at the end, the image is clean" 0 check "$IMAGE"
below_gone
tap_done
