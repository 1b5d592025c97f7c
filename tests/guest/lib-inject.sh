# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Allocations that fail, where the kernel can choose which ones.  Sourced.
#
#   only_ours KIND REGEX  of KIND, failslab or fail_page_alloc, only what the
#                    module asks for, itself or through others, can fail, whether
#                    it could wait or not; but not through the kernel's functions
#                    of these names or what lies between them.  Fails if the
#                    kernel cannot do it.
#   fail_some KIND LIMIT   from now on one in five fails, LIMIT of them at most
#   fail_no_more KIND      prints how many more it might have been
#   $NOT_EXT4        a REGEX for only_ours: ext4 and its journal do not fail
#   $NOT_MUCH        and one if all may that can; SLUB forgets the name of a
#                    cache that it fails to show in sysfs: a leak, but not ours

# shellcheck disable=SC2034 # for the scripts that source this
NOT_EXT4='ext4_get_group_number|jbd2_journal_put_journal_head'
# shellcheck disable=SC2034
NOT_MUCH=sysfs_slab_add

# Where the module's code lies, for the kernel to tell its allocations by.
module_range() {
	awk '$1 == "dm_vhdx" { print $6, $2 }' /proc/modules
}

# functions_range REGEX: the same of the kernel's functions of these names, and
# of what lies between them.  To read them takes the kernel a minute.
functions_range() {
	local symbols=$SCRATCH/kallsyms

	[ -e "$symbols" ] || sort /proc/kallsyms >"$symbols"
	awk -v like="^($1)\$" '
		open { end = $1; open = 0 }
		$3 ~ like { first = first ? first : $1; open = 1 }
		END { print "0x" first, "0x" end }' "$symbols"
}

only_ours() {
	local knobs=/sys/kernel/debug/$1 start size end

	[ -e "$knobs/require-start" ] || return 1
	read -r start size < <(module_range)
	echo "$start" >"$knobs/require-start"
	printf '%d' "$((start + size))" >"$knobs/require-end"
	read -r start end < <(functions_range "$2")
	echo "$start" >"$knobs/reject-start"
	echo "$end" >"$knobs/reject-end"
	echo N >"$knobs/ignore-gfp-wait"
	[ ! -e "$knobs/min-order" ] || echo 0 >"$knobs/min-order"
	echo 0 >"$knobs/verbose"
}

fail_some() {
	echo "$2" >"/sys/kernel/debug/$1/times"
	echo 20 >"/sys/kernel/debug/$1/probability"
}

fail_no_more() {
	echo 0 >"/sys/kernel/debug/$1/probability"
	cat "/sys/kernel/debug/$1/times"
}
