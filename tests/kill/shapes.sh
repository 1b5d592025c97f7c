# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # what the sourcing script sets
#
# A closed image that gets another size or a shorter file, again and again, until the
# guest is killed.  What its disk has in its first part stays.  Sourced by guest.
#
#   shapes_look    that part is as it was noted; at first it is made, and noted
#   shapes_always  change the image; fails if something goes wrong

# Of the disk: what stays, and what is written and discarded behind it.
SHAPES_KEPT=48
SHAPES_LEAST=64
# The BAT of 1 MiB is enough for some 128 GiB; then it moves.
SHAPES_MOST=$((300 << 10))

shapes_sum() {
	dd if="$DEV" bs=1M count=$SHAPES_KEPT iflag=direct status=none |
		sha256sum
}

shapes_look() {
	local at

	if [ ! -e "$EXCHANGE/known" ]; then
		for ((at = 0; at < SHAPES_KEPT; at += 2)); do
			dd if=/dev/urandom of="$DEV" bs=1M count=1 seek=$at \
				oflag=direct conv=notrunc status=none
		done
		sync "$DEV"
		shapes_sum >"$EXCHANGE/known"
	fi
	[ "$(shapes_sum)" = "$(<"$EXCHANGE/known")" ] ||
		fail "the disk reads otherwise"
}

shapes_mib() {
	"$HELPER" info --json "$KILL_IMAGE" | tr -d ' \n' |
		sed 's/.*"virtual_size":\([0-9]*\).*/\1/' |
		awk '{ print int($1 / 1048576) }'
}

shapes_grow() {
	local more=$((1 + RANDOM % 64))

	[ $((RANDOM % 3)) != 0 ] || more=$((30 << 10))
	"$HELPER" resize --quiet "$KILL_IMAGE" "+${more}M"
}

shapes_shrink() {
	"$HELPER" resize --quiet --shrink "$KILL_IMAGE" "${SHAPES_LEAST}M"
}

# Blocks that are used and given up leave holes in the file.
shapes_churn() {
	local count=$((1 + RANDOM % (SHAPES_LEAST - SHAPES_KEPT)))

	open_device
	dd if=/dev/urandom of="$DEV" bs=1M count="$count" seek=$SHAPES_KEPT \
		oflag=direct conv=notrunc,fsync status=none
	shapes_look
	blkdiscard --offset $((SHAPES_KEPT << 20)) \
		--length $(((SHAPES_LEAST - SHAPES_KEPT) << 20)) "$DEV"
	dm_remove kill
}

# A size that is as small, or as large, as it gets, is followed by the other change.
shapes_change() {
	local mib

	mib=$(shapes_mib)
	case $((RANDOM % 4)) in
	0) [ "$mib" -gt $SHAPES_MOST ] || shapes_grow ;;
	1) [ "$mib" -le $SHAPES_LEAST ] || shapes_shrink ;;
	2) "$HELPER" compact --quiet "$KILL_IMAGE" ;;
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
