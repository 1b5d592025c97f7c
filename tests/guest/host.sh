# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What uml/run and vm/run share: the inputs, and the guest's way in.  Sourced on
# the host, after rig/lib.sh.
#
#   guest_tests KDIR RUNNER... [-- TEST...]   boots once and runs the tests; if
#                    VHDX_INPUTS is set, on these inputs; HOSTILE_IMAGES and
#                    HOSTILE_FIRST are passed on, see hostile.sh

# hostile_seeds TEST...: prints where they are, if one of the tests needs them.
hostile_seeds() {
	case " $* " in
	*' hostile '* | '  ') ;;
	*) return ;;
	esac
	make -s -C "$TOP/tests/hostile" >&2
	(
		# shellcheck source=tests/fuzz/lib.sh
		. "$TOP/tests/fuzz/lib.sh"
		fuzz_seeds
	)
}

guest_tests() {
	local kdir=$1 runner=()

	shift
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		runner+=("$1")
		shift
	done
	[ $# = 0 ] || shift
	: "${VHDX_INPUTS:=$("$TOP/tests/guest/inputs")}"
	VHDX_KO=$("$RIG/module" "$kdir" plain)
	# vhdxsetup is run in the guest, from the checkout.
	make -s -C "$TOP/tools" >&2
	HOSTILE_SEEDS=$(hostile_seeds "$@")
	export VHDX_INPUTS VHDX_KO HOSTILE_SEEDS
	export HOSTILE_IMAGES=${HOSTILE_IMAGES-} HOSTILE_FIRST=${HOSTILE_FIRST-}
	exec "${runner[@]}" --env VHDX_INPUTS --env VHDX_KO \
		--env HOSTILE_SEEDS --env HOSTILE_IMAGES --env HOSTILE_FIRST \
		"$TOP/tests/guest/all" "$@"
}
