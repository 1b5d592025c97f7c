# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Debian's packages without installing them: apt with package lists and a cache
# of the tests' own, for suites that the host itself may not use.  Needs no
# root, and changes nothing of the host.  Sourced after lib.sh.
#
#   apt_mirror [security]   prints the mirror that the host's sources name
#   apt_sources SUITE...    prints sources for it: a file NAME.sources
#   apt_host_config         prints the host's proxies and time limits; not its
#                           hooks, which are for the host's own lists
#   apt_open NAME SUITE...  sets $APT_DIR and makes the lists of these suites, or
#                           renews them if they are a day old; returns 1 if that
#                           cannot be done and there are none from before; of
#                           source packages if APT_TYPES is deb-src
#   apt_do COMMAND...       apt-get or apt-cache with these lists
# The lists of NAME are locked until the script ends.

# Of package debian-archive-keyring, which every Debian has.
APT_KEYS=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$APT_KEYS" ] || APT_KEYS=
APT_DIR=

# shellcheck disable=SC2016 # these are apt's variables
apt_mirror() {
	local site suite kind=${1-}

	while read -r site suite; do
		case $kind/$site/$suite in
		security/*/debian-security/*-security | \
		/*/debian/bookworm | /*/debian/trixie | /*/debian/forky | \
		/*/debian/sid | /*/debian/unstable | /*/debian/testing | \
		/*/debian/stable | /*/debian/oldstable)
			printf '%s\n' "$site"
			return
			;;
		esac
	done < <(apt-get indextargets --format '$(SITE) $(RELEASE)' \
		'Created-By: Packages' 2>/dev/null || true)
	printf 'http://deb.debian.org/debian%s\n' "${kind:+-$kind}"
}

apt_source() {
	local mirror=$1

	shift
	[ $# != 0 ] || return 0
	printf 'Types: %s\nURIs: %s\nSuites: %s\nComponents: main\n' \
		"${APT_TYPES:-deb}" "$mirror" "$*"
	[ -z "$APT_KEYS" ] || printf 'Signed-By: %s\n' "$APT_KEYS"
	printf '\n'
}

apt_sources() {
	local suite main=() security=()

	for suite; do
		case $suite in
		*-security) security+=("$suite") ;;
		*) main+=("$suite") ;;
		esac
	done
	apt_source "$(apt_mirror)" "${main[@]}"
	apt_source "$(apt_mirror security)" "${security[@]}"
}

apt_host_config() {
	apt-config dump | grep -E '^Acquire::(https?::|Retries|Check-)' || true
	printf 'Acquire::Check-Valid-Until "false";\n'
}

apt_config() {
	apt_host_config
	cat <<-EOF
	APT::Sandbox::User "root";
	Acquire::Languages "none";
	Acquire::Retries "3";
	Dir::Cache "$APT_DIR/cache";
	Dir::Cache::pkgcache "pkgcache.bin";
	Dir::Cache::srcpkgcache "";
	Dir::Etc::main "/dev/null";
	Dir::Etc::parts "/dev/null";
	Dir::Etc::preferences "/dev/null";
	Dir::Etc::preferencesparts "/dev/null";
	Dir::Etc::sourcelist "$APT_DIR/list.sources";
	Dir::Etc::sourceparts "/dev/null";
	Dir::State::lists "$APT_DIR/lists";
	Dir::State::status "$APT_DIR/status";
	EOF
}

apt_do() {
	APT_CONFIG=$APT_DIR/apt.conf "$@"
}

apt_renew() {
	apt_do apt-get update -q -o APT::Update::Error-Mode=any \
		>"$APT_DIR/log" 2>&1 && : >"$APT_DIR/renewed"
}

apt_open() {
	need apt-get apt
	APT_DIR=$CACHE/apt/$1
	shift
	lock "$APT_DIR.lock"
	mkdir -p -- "$APT_DIR/lists/partial" "$APT_DIR/cache/archives/partial"
	: >"$APT_DIR/status"
	apt_sources "$@" >"$APT_DIR/list.sources"
	apt_config >"$APT_DIR/apt.conf"
	if [ -z "$(find "$APT_DIR" -name renewed -mmin -1440)" ]; then
		apt_renew || say "the package lists of $* could not be fetched:" \
			"$(grep '^[EW]:' "$APT_DIR/log" | head -n 3)"
	fi
	[ -e "$APT_DIR/renewed" ]
}
