# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # what the sourcing script sets
#
# A closed image that gets another size or a shorter file, again and again, until the
# guest is killed.  What its disk has stays.  Sourced by guest.
#
#   shapes_look    the disk has what it should; a new image gets it first
#   shapes_always  change the image; fails if something goes wrong
#   shapes_done    fails if some kind of change never came to its end
#
# $EXCHANGE/kept is there if the disk has all of it; $EXCHANGE/flux has the blocks that
# are being written anew, which may be zeros; $EXCHANGE/most is the largest size of the
# image so far, in MiB; each change that has ended is a line of $EXCHANGE/did.

# Of the disk, in MiB: what stays; what is written and discarded behind it; and where
# there are zeros, if it is as large.
SHAPES_KEPT=40
SHAPES_LEAST=64
SHAPES_ZEROS=128
# A BAT of 1 MiB has room for the entries of so many blocks of 1 MiB.  The region stays
# as long as it ever was: an image that has been as large as that many of them is
# replaced by a new one.
SHAPES_BAT=$((127 << 10))
SHAPES_BATS=8

# shapes_block NUMBER: 1 MiB, which each block has for itself.
shapes_block() { yes "block $1 of the disk" | head -c 1M || true; }

shapes_put() {
	shapes_block "$1" >"$SCRATCH/block" &&
		dd if="$SCRATCH/block" of="$DEV" bs=1M count=1 seek="$1" \
			oflag=direct conv=notrunc status=none
}

shapes_flux() { grep -qx "$1" "$EXCHANGE/flux" 2>/dev/null; }

# Of one that is in flux, any byte may be zero.
shapes_block_is() {
	local at="0:$(($1 << 20))"

	if shapes_flux "$1"; then
		shapes_block "$1" | { cmp -l -n 1048576 -i "$at" - "$DEV" || true; } |
			awk '$3 != 0 { exit 1 }'
	else
		shapes_block "$1" | cmp -n 1048576 -i "$at" - "$DEV"
	fi
}

shapes_fill() {
	local at

	for ((at = SHAPES_KEPT - 1; at >= 0; at--)); do
		shapes_put $at || return
	done
	sync "$DEV" && : >"$EXCHANGE/kept"
}

shapes_look() {
	local at mib

	[ -e "$EXCHANGE/kept" ] || shapes_fill || fail "the disk cannot be filled"
	for ((at = 0; at < SHAPES_KEPT; at++)); do
		shapes_block_is $at || fail "block $at of the disk is another"
	done
	mib=$(($(blockdev --getsize64 "$DEV") >> 20))
	[ $mib -le $SHAPES_ZEROS ] || mib=$SHAPES_ZEROS
	cmp -n $(((mib - SHAPES_LEAST) << 20)) -i $((SHAPES_LEAST << 20)):0 "$DEV" \
		/dev/zero || fail "behind what was written, the disk is not zeros"
	for at in $(cat "$EXCHANGE/flux" 2>/dev/null); do
		shapes_put "$at" || fail "block $at cannot be written"
	done
	sync "$DEV"
	rm -f "$EXCHANGE/flux"
}

shapes_mib() { echo $(($(disk_bytes) >> 20)); }

shapes_did() { echo "$1" >>"$EXCHANGE/did"; }

# Nothing stays of the old one, if the guest is killed meanwhile.
shapes_renew() {
	rm -f "$EXCHANGE"/{kept,flux,most} || return
	sync "$EXCHANGE"
	"$HELPER" create --quiet --size ${SHAPES_LEAST}M --block-size 1M \
		"$KILL_IMAGE.new" && mv "$KILL_IMAGE.new" "$KILL_IMAGE" &&
		sync /run/disk
}

# Now and then by so much that the BAT has to move.
shapes_grow() {
	local more=$((1 + RANDOM % 64)) most new

	[ $((RANDOM % 2)) = 0 ] || more=$((SHAPES_BAT + 1))
	"$HELPER" resize --quiet "$KILL_IMAGE" "+${more}M" || return
	most=$(cat "$EXCHANGE/most" 2>/dev/null || echo $SHAPES_LEAST)
	new=$(shapes_mib) || return
	shapes_did grown
	[ "$new" -gt "$most" ] || return 0
	echo "$new" >"$EXCHANGE/most"
	[ $((new / SHAPES_BAT)) = $((most / SHAPES_BAT)) ] || shapes_did moved-bat
	[ "$new" -lt $((SHAPES_BAT * SHAPES_BATS)) ] || shapes_renew
}

shapes_shrink() {
	[ "$(shapes_mib)" -gt $SHAPES_LEAST ] || return 0
	"$HELPER" resize --quiet --shrink "$KILL_IMAGE" ${SHAPES_LEAST}M || return
	shapes_did shrunk
}

shapes_compact() {
	local before

	before=$(stat -c %s "$KILL_IMAGE")
	"$HELPER" compact --quiet "$KILL_IMAGE" || return
	[ "$(stat -c %s "$KILL_IMAGE")" -ge "$before" ] || shapes_did compacted
}

# Some of what stays is written anew, at the end of the file; what is behind it then
# becomes a hole.
shapes_churn() {
	local first=$((RANDOM % (SHAPES_KEPT - 8))) at

	open_device || return
	seq $first $((first + 7)) >"$EXCHANGE/flux" && sync "$EXCHANGE" || return
	dd if=/dev/urandom of="$DEV" bs=1M count=$((SHAPES_LEAST - SHAPES_KEPT)) \
		seek=$SHAPES_KEPT oflag=direct conv=notrunc,fsync \
		status=none || return
	blkdiscard --offset $((first << 20)) --length $((8 << 20)) "$DEV" || return
	sync "$DEV"
	for ((at = first; at < first + 8; at++)); do
		shapes_put $at || return
	done
	sync "$DEV" && rm "$EXCHANGE/flux" || return
	blkdiscard --offset $((SHAPES_KEPT << 20)) \
		--length $(((SHAPES_LEAST - SHAPES_KEPT) << 20)) "$DEV" || return
	dm_remove kill && shapes_did churned
}

shapes_change() {
	case $((RANDOM % 4)) in
	0) shapes_grow ;;
	1) shapes_shrink ;;
	2) shapes_compact ;;
	3) shapes_churn ;;
	esac
}

shapes_always() {
	: >"$EXCHANGE/writing"
	while shapes_change; do
		echo safe >>"$EXCHANGE/steps.0"
	done
	fail "the image cannot be changed"
}

shapes_done() {
	local kind

	for kind in grown moved-bat shrunk compacted churned; do
		printf '%s: %s\n' $kind "$(grep -cx $kind "$EXCHANGE/did" || true)"
	done
	# Few changes may well be of one kind.
	[ "$(wc -l <"$EXCHANGE/did")" -ge 40 ] || return 0
	for kind in grown moved-bat shrunk compacted churned; do
		grep -qx $kind "$EXCHANGE/did" || fail "nothing was $kind"
	done
}
