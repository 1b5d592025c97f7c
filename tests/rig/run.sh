# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# How uml-run and vm-run run a script in a guest: the options they share, the
# control directory that guest-init reads, the time limit, and the judgement.
# Sourced after lib.sh.  A run passes if all of these hold:
#   - the guest left the script's exit status, and it is 0;
#   - it powered off within the time limit;
#   - its kernel log has nothing that klog_bad finds.
# With --cut a run ends in a power cut instead, and cannot pass: 137 says that the
# guest was at work until then.

# shellcheck disable=SC2034 # for the scripts that source this
RUN_MEM=
RUN_TIMEOUT=
RUN_CUT=
RUN_PID_FILE=
RUN_ENV=()
RUN_EXCHANGE=
RUN_DMESG=
RUN_APPEND=()
RUN_SHELL=
RUN_VERBOSE=
RUN_CMD=()
# The kernel's own watchdogs go by the clock: a guest that the machine does not let
# run must not look like one that hangs.
# shellcheck disable=SC2034
RUN_PATIENT=(watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=300
	sysctl.kernel.hung_task_timeout_secs=600)

# run_option ARGS...: takes one option both runners know; sets RUN_TAKEN to
# the number of words it used, 0 if it is none of them.
# shellcheck disable=SC2034
run_option() {
	RUN_TAKEN=2
	case $1 in
	--mem) RUN_MEM=${2:?} ;;
	--timeout) RUN_TIMEOUT=${2:?} ;;
	--cut) RUN_CUT=${2:?} ;;
	--pid) RUN_PID_FILE=$(realpath -m -- "${2:?}") ;;
	--env) RUN_ENV+=("${2:?}") ;;
	--exchange) RUN_EXCHANGE=$(realpath -- "${2:?}") ;;
	--append) RUN_APPEND+=("${2:?}") ;;
	--dmesg) RUN_DMESG=$(realpath -m -- "${2:?}") ;;
	--shell) RUN_SHELL=1; RUN_TAKEN=1 ;;
	-v|--verbose) RUN_VERBOSE=1; RUN_TAKEN=1 ;;
	-h|--help) usage; exit ;;
	*) RUN_TAKEN=0 ;;
	esac
}

# run_command WORD...: what to run in the guest; its path is made absolute.
run_command() {
	local path

	if [ $# = 0 ]; then
		[ -n "$RUN_SHELL" ] || die "no script given (see --help)"
		set -- bash -i
	fi
	if [ -f "$1" ]; then
		path=$(realpath -- "$1")
	else
		path=$(command -v -- "$1") || die "no such script: $1"
	fi
	shift
	RUN_CMD=("$path" "$@")
}

# run_prepare KIND: makes the control directory $RUN_DIR.
run_prepare() {
	local name

	mkdir -p -- "$CACHE/runs"
	find "$CACHE/runs" -mindepth 1 -maxdepth 1 -mtime +3 -exec rm -rf {} +
	RUN_DIR=$(mktemp -d "$CACHE/runs/$1-$(date +%H%M%S)-XXXXXX")
	mkdir -- "$RUN_DIR/exchange"
	printf '%s\0' "${RUN_CMD[@]}" >"$RUN_DIR/argv"
	pwd >"$RUN_DIR/cwd"
	{
		printf 'export EXCHANGE=%q\n' "${RUN_EXCHANGE:-$RUN_DIR/exchange}"
		printf 'export TERM=%q\n' "${TERM:-dumb}"
		for name in "${RUN_ENV[@]}"; do
			[ -z "${!name+set}" ] ||
				printf 'export %s=%q\n' "$name" "${!name}"
		done
	} >"$RUN_DIR/env"
	[ -z "$RUN_EXCHANGE" ] || : >"$RUN_DIR/mount-exchange"
	if [ -n "$RUN_SHELL" ]; then
		stty size <&0 >"$RUN_DIR/shell" 2>/dev/null || : >"$RUN_DIR/shell"
	fi
	: >"$RUN_DIR/dmesg"
}

# Only what this script started, and all of it: the guest leads a session, in
# which UML keeps a process for each of its guest's.
run_kill() {
	[ -z "${RUN_PID-}" ] || kill -KILL -- "-$RUN_PID" 2>/dev/null || true
}

run_ended() {
	! kill -0 "$RUN_PID" 2>/dev/null
}

# The power cut of --cut, if the guest gets there in time.
run_cut() {
	local file=${RUN_EXCHANGE:-$RUN_DIR/exchange}/${RUN_CUT%%:*}

	until [ -e "$file" ]; do
		if run_ended; then
			return
		fi
		sleep 0.05
	done
	sleep "${RUN_CUT#*:}"
	if ! run_ended; then
		: >"$RUN_DIR/cut"
		run_kill
	fi
}

# In the background: kills the guest at the time limit, ends when it ends.
run_watch() {
	local cutter=

	if [ -n "$RUN_CUT" ]; then
		run_cut &
		cutter=$!
	fi
	if ! timeout "$RUN_TIMEOUT" tail -s 0.2 --pid="$RUN_PID" -f /dev/null; then
		: >"$RUN_DIR/late"
		run_kill
	fi
	# Else it might find another process by that number.
	[ -z "$cutter" ] || kill "$cutter" 2>/dev/null || true
}

# A new session is scheduled as a group of its own, and without the priority that
# the caller's has: beside others that have one, a guest would starve.
# shellcheck disable=SC2016 # for the shell in that session
RUN_AS_CALLER='{ echo "${1##* }" >/proc/self/autogroup; } 2>/dev/null
shift; exec "$@"'

# run_boot COMMAND...: runs the guest to its end or to the time limit, with its
# standard error to $RUN_DIR/dmesg.  Through pipes of our own, since UML makes
# its outputs non-blocking, whoever else has them open, and cannot poll files.
run_boot() {
	local saved out log outs logs

	trap 'run_kill; exit 130' INT TERM HUP
	exec {log}> >(cat >"$RUN_DIR/dmesg")
	logs=$!
	if [ -n "$RUN_SHELL" ]; then
		saved=$(stty -g <&0 2>/dev/null) || saved=
		"$@" 2>&"$log" {log}>&- || true
		[ -z "$saved" ] || stty "$saved" <&0
	else
		exec {out}> >(exec {log}>&-; cat)
		outs=$!
		setsid sh -c "$RUN_AS_CALLER" sh \
			"$(cat /proc/self/autogroup 2>/dev/null)" "$@" </dev/null \
			>&"$out" 2>&"$log" {out}>&- {log}>&- &
		RUN_PID=$!
		[ -z "$RUN_PID_FILE" ] || echo "$RUN_PID" >"$RUN_PID_FILE"
		run_watch </dev/null >/dev/null 2>&1 {out}>&- {log}>&- &
		wait "$RUN_PID" 2>/dev/null || true
		RUN_PID=
		exec {out}>&-
		wait "$outs" || true
	fi
	exec {log}>&-
	wait "$logs" || true
}

run_seconds() {
	local from to

	from=$(stat -c %.2Y -- "$1")
	to=$(stat -c %.2Y -- "$2")
	printf '%.1f\n' "$(bc <<<"$to - $from")"
}

# run_judge: exits with the script's status if all is well, else with 1, 124
# if the time limit passed, 125 if the guest died, 126 for a bad kernel log, 137
# after a power cut.
run_judge() {
	local status bad races

	sed -i 's/\r$//' "$RUN_DIR/dmesg"
	[ -z "$RUN_DMESG" ] || cp -- "$RUN_DIR/dmesg" "$RUN_DMESG"
	bad=$(klog_bad <"$RUN_DIR/dmesg")
	status=$(cat -- "$RUN_DIR/status" 2>/dev/null) || status=
	races=$(klog_races others <"$RUN_DIR/dmesg" | grep -cF "$KLOG_RACE") || true
	[ "$races" = 0 ] || say "KCSAN told of $races races elsewhere in the kernel"
	if [ -n "$RUN_VERBOSE" ] && [ -e "$RUN_DIR/started" ]; then
		say "booted in $(run_seconds "$RUN_DIR/argv" "$RUN_DIR/started") s," \
			"dmesg: $RUN_DIR/dmesg"
	fi
	if [ -n "$bad" ]; then
		run_complain "the kernel complained:" "$bad"
		exit 126
	elif [ -e "$RUN_DIR/late" ]; then
		run_complain "stopped after $RUN_TIMEOUT s"
		exit 124
	elif [ -e "$RUN_DIR/cut" ] && [ -z "$status" ]; then
		[ -n "$RUN_VERBOSE" ] || rm -rf -- "$RUN_DIR"
		exit 137
	elif [ -z "$status" ]; then
		run_complain "the guest died without an exit status"
		exit 125
	fi
	[ "$status" = 0 ] || say "exit status $status, dmesg: $RUN_DIR/dmesg"
	[ "$status" != 0 ] || [ -n "$RUN_VERBOSE" ] || rm -rf -- "$RUN_DIR"
	exit "$status"
}

run_complain() {
	local line

	for line; do
		say "$line"
	done
	tail -n 40 -- "$RUN_DIR/dmesg" | sed 's/^/  | /' >&2
	say "the whole log: $RUN_DIR/dmesg"
}
