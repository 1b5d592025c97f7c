# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What uml/run and vm/run share: the inputs, and the guest's way in.  Sourced on
# the host, after rig/lib.sh.
#
#   guest_tests KDIR RUNNER... [-- TEST...]   boots once and runs the tests; if
#                    VHDX_INPUTS is set, on these inputs

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
	export VHDX_INPUTS VHDX_KO
	exec "${runner[@]}" --env VHDX_INPUTS --env VHDX_KO \
		"$TOP/tests/guest/all" "$@"
}
