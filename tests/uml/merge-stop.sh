#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vhdxsetup merge NAME that is stopped: by a signal, and by SIGKILL at the system
# calls that change something. The device goes on in the child's name or in its
# parent, its disk is what the model says, and another merge completes it.

set -euo pipefail
# shellcheck source=tests/uml/merge-lib.sh
. "$(dirname -- "$0")/merge-lib.sh"

if ! strace -qqq -o /dev/null true 2>/dev/null; then
	tap_skip "merges that are stopped" "no strace here"
	tap_done
	exit
fi

# Not at each in one run: that takes long, and other runs begin elsewhere.
STEP=4
! slow_guest || STEP=10

# killed CALL N: by SIGKILL as it makes its Nth CALL; false if it made fewer.
killed() {
	local status=0

	strace -f -qqq -o /dev/null -e trace="$1" \
		-e inject="$1:signal=KILL:when=$2" \
		"$VHDXSETUP" merge --quiet v0 >/dev/null 2>&1 || status=$?
	[ "$status" != 0 ] || return 1
	[ "$status" = 137 ] || tap_not_ok "killed at $1 $2" "status $status"
}

# What an administrator does about a device that a process has left.
let_go_on() {
	if [ "$(dmsetup info -c --noheadings -o suspended v0)" != Active ]; then
		dmsetup resume --noudevsync v0
	fi
	if [ "$(dmsetup info -c --noheadings -o tables_loaded v0)" != Live ]; then
		dmsetup clear v0
	fi
}

# The disk is at the name of the child until it is in the base.
reopened() {
	"$VHDXSETUP" close --quiet v0
	if [ -e "$CHILD" ] && "$VHDXSETUP" open --quiet "${ANYWHERE[@]}" \
		"$CHILD" v0 2>/dev/null; then
		return
	fi
	"$VHDXSETUP" open --quiet "$BASE" v0
}

# The device is in its base; what is left of the child is of no use.
child_anew() {
	rm -f "$CHILD" "$CHILD".merge-*
	child
}

# at_each CALL [reopen]: killed at one in $STEP of them; then, the disk is opened anew.
at_each() {
	local call=$1 how=${2-} wrong="" n

	for ((n = 1 + RANDOM % STEP; ; n += STEP)); do
		killed "$call" "$n" || break
		let_go_on
		is_guarded || wrong+=" $n:locks"
		model --check "$MODEL" >/dev/null 2>&1 || wrong+=" $n:content"
		[ -z "$how" ] || reopened || wrong+=" $n:open"
		model --check "$MODEL" >/dev/null 2>&1 || wrong+=" $n:again"
		[ "$(vhdx_status v0 layers)" != 1 ] || child_anew
		model --ops 3 --save "$MODEL" >/dev/null 2>&1 ||
			wrong+=" $n:write"
		[ -z "$wrong" ] || break
	done
	tap_is "killed at each of $n $call $how: the disk is right" "$wrong" ""
	tap_run "killed at each $call $how: it reads as the model says" \
		model --check "$MODEL"
	rm -f "$CHILD".merge-*
	tap_is "killed at each $call $how: the last one was whole" \
		"$(vhdx_status v0 layers)" 1
}

# failed CALL N: its Nth CALL is not made, for want of memory; false if it made
# fewer.
failed() {
	strace -f -qqq -o "$SCRATCH/trace" -e trace="$1" \
		-e inject="$1:error=ENOMEM:when=$2" \
		"$VHDXSETUP" merge --quiet v0 >"$SCRATCH/out" 2>&1 || :
	grep -q INJECTED "$SCRATCH/trace"
}

# without_each CALL: one in $STEP of them fails; the device goes on by itself.
without_each() {
	local call=$1 wrong="" state n

	for ((n = 1 + RANDOM % STEP; ; n += STEP)); do
		failed "$call" "$n" || break
		state=$(dmsetup info -c --noheadings \
			-o suspended,tables_loaded v0)
		[ "$state" = Active:Live ] || wrong+=" $n:$state"
		let_go_on
		model --check "$MODEL" >/dev/null 2>&1 || wrong+=" $n:content"
		if [ "$(vhdx_status v0 layers)" = 1 ]; then
			child_anew
		elif [ "$(status_field v0 '["image"]')" != "$CHILD" ]; then
			wrong+=" $n:name"
		fi
		model --ops 3 --save "$MODEL" >/dev/null 2>&1 ||
			wrong+=" $n:write"
		[ -z "$wrong" ] || break
	done
	tap_is "without each of $n $call: the device goes on, and is right" \
		"$wrong" ""
	[ -z "$wrong" ] || tap_note "$(cat "$SCRATCH/out" "$SCRATCH/trace")"
	tap_run "without each $call: it reads as the model says" \
		model --check "$MODEL"
	rm -f "$CHILD".merge-*
	tap_is "without each $call: the last one was whole" \
		"$(vhdx_status v0 layers)" 1
}

# signalled DELAY: a slow merge, and SIGTERM so much later.
signalled() {
	local status=0

	"$VHDXSETUP" merge --rate 2M v0 >"$SCRATCH/out" 2>&1 &
	pid=$!
	sleep "$1"
	kill -TERM "$pid"
	wait "$pid" || status=$?
	tap_is "SIGTERM after $1 s: ends it" "$status" 130
	tap_like "SIGTERM after $1 s: says so" "$(<"$SCRATCH/out")" "interrupted"
	tap_is "SIGTERM after $1 s: no table waits" \
		"$(dmsetup info -c --noheadings -o suspended,tables_loaded v0)" \
		Active:Live
	tap_is "SIGTERM after $1 s: it goes on in the child" \
		"$(status_field v0 '["image"]')" "$CHILD"
	tap_run "SIGTERM after $1 s: it reads as the model says" \
		model --check "$MODEL"
	tap_fails "SIGTERM after $1 s: nobody may write to the parent" \
		sh -c ": >>'$BASE'"
	tap_run "SIGTERM after $1 s: it is written" model --ops 10 \
		--save "$MODEL"
}

test_signals() {
	local delay

	opened 64M
	child
	dd if=/dev/urandom of="$dev" bs=1M count=16 oflag=direct status=none
	model --ops 10 --save "$MODEL" >/dev/null
	# So that the device only reads the base.
	"$VHDXSETUP" close --quiet v0
	"$VHDXSETUP" open --quiet "$CHILD" v0
	for delay in 0.3 1.5 3; do
		signalled "$delay"
	done
	exits "after signals: it is completed" 0 merge v0
	tap_note "$TAP_OUTPUT"
	is_base "after signals"
	closed signals
}

# writes: how many the device has done.
writes() {
	local number

	number=$(dmsetup info -c --noheadings -o major,minor --separator : v0)
	awk '{ print $5 }' "/sys/dev/block/$number/stat"
}

is_written() { [ "$(writes)" -gt "$1" ]; }

# Written faster than it may be merged.
test_fast() {
	opened 64M
	child
	fio --name=f --thread --filename="$dev" --direct=1 --rw=randwrite \
		--bs=64k --ioengine=libaio --iodepth=16 --time_based \
		--runtime=3600 --output=/dev/null &
	pid=$!
	wait_for "$PATIENCE" is_written "$(($(writes) + 50))"
	exits "written too fast" 7 merge --rate 4M --max-pause 21 v0
	says "written too fast: says so" "written faster than it can be merged"
	kill "$pid"
	wait "$pid" || true
	model --ops 10 --save "$MODEL" >/dev/null
	tap_is "written too fast: it goes on in the child" \
		"$(status_field v0 '["image"]')" "$CHILD"
	tap_is "written too fast: no table waits" \
		"$(dmsetup info -c --noheadings -o suspended,tables_loaded v0)" \
		Active:Live
	exits "written too fast: it is completed" 0 merge --max-pause 20000 v0
	is_base "written too fast"
	closed "too fast"
}

is_exchanged() { [ "$(stat -c %i "$CHILD")" != "$1" ]; }

# What a crash leaves when the new child has the name, and the device writes the
# old one still.
test_exchange() {
	local before

	opened 16M
	child
	before=$(stat -c %i "$CHILD")
	in_background strace -f -qqq -o /dev/null -e trace=renameat2 \
		-e inject=renameat2:delay_exit=5000000 \
		"$VHDXSETUP" merge --quiet v0
	wait_for "$PATIENCE" is_exchanged "$before"
	mkdir "$STORE/copy"
	cp "$STORE"/*.vhdx* "$STORE/copy"
	wait "$pid"
	tap_is "names are exchanged: the merge ends" \
		"$(cat "$SCRATCH/ended.$pid")" 0
	tap_is "names are exchanged: there were three files" \
		"$(cd "$STORE/copy" && echo *)" \
		"base.vhdx child.vhdx child.vhdx.merge-1"
	exits "names are exchanged: close" 0 close v0
	exits "names are exchanged: the chain opens" 0 open --quiet \
		"$STORE/copy/child.vhdx" v0
	tap_run "names are exchanged: it reads as the model says" \
		model --check "$MODEL"
	closed "names are exchanged"
	rm -r "$STORE/copy"
}

# A child that has something keeps its name, whatever its parent is called.
test_not_empty() {
	local before

	opened 16M
	child
	exits "a child with data: close" 0 close v0
	mv "$CHILD" "$CHILD.merge-1"
	exits "a child with data: it is made" 0 create --quiet \
		--parent "$CHILD.merge-1" "$CHILD"
	exits "a child with data: open" 0 open --quiet "$CHILD" v0
	dd if=/dev/urandom of="$dev" bs=64k count=1 oflag=direct status=none
	exits "a child with data: close" 0 close v0
	before=$(stat -c %i "$CHILD")
	exits "a child with data: open its parent" 0 open --quiet \
		"$CHILD.merge-1" v0
	fails "a child with data: its parent stays" 7 "has children" v0
	tap_is "a child with data: keeps its name" \
		"$(stat -c %i "$CHILD")" "$before"
	tap_run "a child with data: the device reads as the model says" \
		model --check "$MODEL"
	closed "a child with data"
}

write_setup 2G
test_exchange
test_not_empty
test_signals
test_fast
opened 16M
child
at_each ioctl
child
without_each ioctl
child
STEP=1 without_each fsync
child
without_each fdatasync
child
STEP=1 at_each renameat2 reopen
child
STEP=1 at_each unlink reopen
child
at_each fsync,fdatasync reopen
child
STEP=$((STEP * 10))
at_each pwrite64
closed "at each step"

# What writes the target, and how it is given back, is different on a device.
test_on_block() {
	opened 16M
	child
	STEP=10 at_each ioctl
	child
	STEP=4 at_each fsync,fdatasync reopen
	child
	STEP=40 at_each pwrite64
	child
	STEP=40 at_each pwrite64 reopen
	child
	STEP=10 without_each ioctl
	child
	without_each fdatasync
	closed "at each step"
}

low_made 64M
on_block test_on_block
rm "$SCRATCH/low.img"
gone "nothing is left"
write_done
tap_done
