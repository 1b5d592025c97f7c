# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What uml/kill and vm/kill share: guests that are killed while they write to a
# device, again and again on the same image.  Sourced on the host, after
# rig/lib.sh and rig/tap.sh.
#
#   kill_option ARGS...  takes one option that both know; sets KILL_TAKEN to the
#                        number of words it used, 0 if it is none of them
#   kill_disk DEVICE     makes a disk in the file $KILL_WORK/disk, DEVICE in the
#                        guest: it has an empty image, at its start or, if the
#                        store is to be "file", in an ext4
#   kill_rounds RUNNER...  the test, to the end of the script; RUNNER takes the
#                        options of rig/run.sh
#   kill_copies RUNNER...  the other one, with one boot: the guest is stopped
#                        again and again, and copies of its disk are looked at
#
# Not in a file of the host: what a guest writes to that by hostfs or 9p is there
# at once, so that a flush that was forgotten would go unnoticed.

# shellcheck disable=SC2034 # for the scripts that source this
KILL_ROUNDS=5
KILL_COPIES=
KILL_RUN=
KILL_STORE="file"
KILL_WITH=ext4
KILL_GROW=
# The device is written to for one second, and less than so many more.
KILL_SPAN=3
KILL_TAKEN=0
# Steps of a round, on average.
KILL_LEAST=10
# Of the guest; see kill/guest.
KILL_IMAGE=
KILL_DISK=
KILL_SPLIT=
KILL_END=
KILL_ENV=(--env VHDX_KO --env KILL_IMAGE --env KILL_DISK --env KILL_SPLIT
	--env KILL_WITH --env KILL_GROW --env KILL_END)
KILL_WORK=$(mktemp -d "${TMPDIR:-/tmp}/kill-XXXXXX")
mkdir -- "$KILL_WORK/exchange"

# What is there may be the evidence.
kill_exit() {
	local status=$?

	[ -z "$KILL_RUN" ] || kill "$KILL_RUN" 2>/dev/null || true
	if [ "$TAP_FAILED" = 0 ] && [ -n "$TAP_FINISHED" ]; then
		rm -rf -- "$KILL_WORK"
	else
		say "the image, what was noted and the last output: $KILL_WORK"
	fi
	set +e
	(exit "$status")
	tap_exit
}
trap kill_exit EXIT

kill_option() {
	KILL_TAKEN=2
	case $1 in
	--rounds) KILL_ROUNDS=${2:?} ;;
	--copies) KILL_COPIES=${2:?} ;;
	--store) KILL_STORE=${2:?} ;;
	--with) KILL_WITH=${2:?} ;;
	--grow) KILL_GROW=1 KILL_TAKEN=1 ;;
	*) KILL_TAKEN=0 ;;
	esac
	case $KILL_STORE in file | block) ;; *) die "no store $KILL_STORE" ;; esac
	case $KILL_WITH in
	slots | ext4 | xfs | compacts | merges) ;;
	shapes)
		[ "$KILL_STORE" = file ] || die "$KILL_WITH need files"
		KILL_LEAST=1 KILL_SPAN=9
		;;
	*) die "nothing called $KILL_WITH can be put on the device" ;;
	esac
}

# mkfs.xfs wants 300 MiB.
kill_size() {
	case $KILL_WITH in
	xfs) echo 320 ;;
	merges) echo 64 ;;
	*) echo 96 ;;
	esac
}

# How many files of that size there may be: each merge that is killed before its end
# leaves one more.
kill_files() {
	case $KILL_WITH in
	merges) echo 48 ;;
	shapes) echo 4 ;;
	*) echo 2 ;;
	esac
}

kill_disk() {
	local disk=$KILL_WORK/disk dir=$KILL_WORK/files

	make -s -C "$TOP/tools" >&2
	truncate -s "$(($(kill_size) * $(kill_files)))M" "$disk"
	mkdir -- "$dir"
	"$TOP/tools/vhdxsetup" create --quiet --size "$(kill_size)M" \
		--block-size 1M "$dir/image.vhdx"
	if [ "$KILL_STORE" = block ]; then
		dd if="$dir/image.vhdx" of="$disk" conv=notrunc,sparse bs=1M \
			status=none
		KILL_IMAGE=$1
		[ "$KILL_WITH" != merges ] || kill_split "$1"
	else
		mkfs.ext4 -q -m 0 -d "$dir" "$disk"
		KILL_DISK=$1
		KILL_IMAGE=/run/disk/image.vhdx
	fi
	rm -r -- "$dir"
}

# The image has the start of the disk, and its children, in files, have the rest.
kill_split() {
	local disk=$KILL_WORK/disk

	KILL_SPLIT=$(($(kill_size) * 2))
	KILL_DISK=$1
	mkfs.ext4 -q -F -m 0 -E "offset=$((KILL_SPLIT << 20))" "$disk" \
		"$(($(kill_size) * $(kill_files) - KILL_SPLIT))M"
}

# One boot; the guest is killed while it writes, unless this is the end.  137 if
# it was killed, and had nothing to complain of.
kill_round() {
	local status=0

	rm -f -- "$KILL_WORK/exchange/writing"
	if [ -z "$KILL_END" ]; then
		set -- "$@" --cut \
			"writing:$((1 + RANDOM % KILL_SPAN)).$((RANDOM % 900 + 100))"
	fi
	"$@" "$TOP/tests/kill/guest" >"$KILL_WORK/out" 2>&1 || status=$?
	! grep -q '^kill: ' "$KILL_WORK/out" || status=1
	return "$status"
}

kill_steps() {
	cat -- "$KILL_WORK/exchange/steps".* 2>/dev/null | grep -c ^safe || true
}

# A guest that is stopped has its disk as one that is killed would leave it.
kill_copy() {
	local dir=$KILL_WORK/copy

	mkdir -p -- "$dir"
	kill -STOP -- "-$1"
	cp --sparse=always -- "$KILL_WORK/disk" "$dir/disk"
	cp -r -- "$KILL_WORK/exchange" "$dir/"
	kill -CONT -- "-$1"
}

# UML looks at the copy.
kill_look() (
	local kdir dir=$KILL_WORK/copy

	kdir=$("$RIG/uml-kernel")
	VHDX_KO=$("$RIG/module" "$kdir" plain)
	KILL_END=1
	KILL_DISK=${KILL_DISK:+/dev/ubda}
	[ "$KILL_STORE" != block ] || KILL_IMAGE=/dev/ubda
	"$RIG/uml-run" --exchange "$dir/exchange" "${KILL_ENV[@]}" \
		--append "ubd0=$dir/disk" "$TOP/tests/kill/guest"
)

kill_copies() {
	local round steps=0 now group status=0 least

	export KILL_IMAGE KILL_DISK KILL_SPLIT KILL_WITH KILL_GROW KILL_END
	"$@" --exchange "$KILL_WORK/exchange" "${KILL_ENV[@]}" \
		--pid "$KILL_WORK/pid" --timeout $((600 + KILL_COPIES * 60)) \
		"$TOP/tests/kill/guest" >"$KILL_WORK/out" 2>&1 &
	KILL_RUN=$!
	until [ -e "$KILL_WORK/exchange/writing" ]; do
		kill -0 "$KILL_RUN" || die "the guest did not get to work"
		sleep 1
	done
	group=$(<"$KILL_WORK/pid")
	for ((round = 1; round <= KILL_COPIES; round++)); do
		sleep "$((RANDOM % 3)).$((RANDOM % 900 + 100))"
		# A guest that has ended has its complaint in its output.
		kill -0 -- "-$group" 2>/dev/null || break
		now=$(kill_steps)
		kill_copy "$group"
		! grep '^kill: ' "$KILL_WORK/out" || break
		tap_run "copy $round: all is there, and no fault" kill_look
		tap_note "$((now - steps)) steps were flushed"
		steps=$now
		[ "$TAP_STATUS" = 0 ] || break
		rm -r -- "$KILL_WORK/copy"
	done
	kill -KILL -- "-$group" 2>/dev/null || true
	wait "$KILL_RUN" || status=$?
	KILL_RUN=
	[ "$status" = 125 ] || tap_note "$(tail -n 40 "$KILL_WORK/out")"
	tap_is "until then the guest was at work" "$status" 125
	tap_like "and had no complaints" "$(<"$KILL_WORK/out")" \
		"died without an exit status"
	least=$((KILL_COPIES * 5))
	tap_run "$steps steps were flushed, at least $least" \
		test "$steps" -ge "$least"
	tap_done
}

kill_rounds() {
	local round steps=0 now least

	export KILL_IMAGE KILL_DISK KILL_SPLIT KILL_WITH KILL_GROW KILL_END
	set -- "$@" --exchange "$KILL_WORK/exchange" "${KILL_ENV[@]}"
	for ((round = 1; round <= KILL_ROUNDS; round++)); do
		tap_capture kill_round "$@"
		now=$(kill_steps)
		tap_is "round $round: all is there, and the next kill hits" \
			"$TAP_STATUS" 137
		tap_note "$((now - steps)) steps were flushed"
		steps=$now
		if [ "$TAP_STATUS" != 137 ]; then
			tap_note "$(tail -n 40 "$KILL_WORK/out")"
			break
		fi
	done
	KILL_END=1
	tap_run "in the end all is there, and the image is clean" kill_round "$@"
	[ "$TAP_STATUS" = 0 ] || tap_note "$(tail -n 40 "$KILL_WORK/out")"
	least=$((KILL_ROUNDS * KILL_LEAST))
	tap_run "$steps steps were flushed, at least $least" \
		test "$steps" -ge "$least"
	tap_done
}
