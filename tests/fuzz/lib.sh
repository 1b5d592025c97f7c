# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the fuzzer's scripts share.  Sourced, never run.
#
#   FUZZ           this folder          WORK    where everything is kept
#   fuzz_build OUT [VARIABLE=...]       build the target, quietly
#   fuzz_seeds     print where the seeds are; make them if anything changed

# shellcheck source=scripts/errors.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../../scripts/errors.sh"

FUZZ=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
WORK=${VHDX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dm-vhdx}/fuzz
IMAGES=${VHDX_IMAGES:-$FUZZ/../../../shared/images}

# Nothing larger than this is worth mutating; a run takes milliseconds.
# shellcheck disable=SC2034 # for the scripts that source this
FUZZ_OPTIONS=(-max_len=65536 -timeout=25 -rss_limit_mb=2048
	"-dict=$FUZZ/vhdx.dict")

fuzz_build() {
	local out=$1

	shift
	mkdir -p -- "$out"
	make -s -C "$FUZZ" -j2 OUT="$out" "$@" >"$out/log" 2>&1 || {
		cat -- "$out/log" >&2
		return 1
	}
}

fuzz_seeds() {
	local key new seeds

	key=$(cat -- "$FUZZ"/*.py "$FUZZ"/../gen/*.py "$IMAGES"/*.xz 2>/dev/null |
		sha256sum | cut -c1-12)
	seeds=$WORK/seeds-$key
	if [ ! -e "$seeds" ]; then
		mkdir -p -- "$WORK"
		# What nobody has asked for in a day nobody is reading.
		find "$WORK" -mindepth 1 -maxdepth 1 -name 'seeds-*' \
			-mmin +1440 -exec rm -rf -- {} +
		new=$(mktemp -d -- "$WORK/seeds-new.XXXXXX")
		"$FUZZ/seeds.py" "$new" >"$WORK/seeds.log"
		# Somebody else may have been faster.
		mv -T -- "$new" "$seeds" 2>/dev/null || rm -rf -- "$new"
	fi
	touch -- "$seeds"
	printf '%s\n' "$seeds"
}
