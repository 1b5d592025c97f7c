# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the scripts that make packages share: the argument --out, and a directory
# to work in.  Sourced with the script's arguments, after errors.sh; sets $top,
# $out, and $work, which goes with the script.

top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
out=$top/dist
while [ $# -gt 0 ]; do
	case $1 in
	--out) out=${2:?}; shift 2 ;;
	-h | --help)
		sed -n '4,/^$/{s/^# \{0,1\}//p}' "$0"
		exit
		;;
	*) echo "${0##*/}: unknown argument $1 (see --help)" >&2; exit 2 ;;
	esac
done
mkdir -p -- "$out"
# shellcheck disable=SC2034 # for the scripts that source this
out=$(realpath -- "$out")
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
