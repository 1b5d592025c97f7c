# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# How uml-kernel and kcsan-kernel build a kernel from Debian's source package:
# once per source, configuration and edit, outside the checkout.  Callers that
# want the same kernel wait for one build.  Sourced after lib.sh.
#
#   kernel_needs         what a build takes is there, and $version's source
#   kernel_source        prints the source tree, extracted and edited
#   kernel_build NAME [CONFIG_ONLY]   configures with what fragments prints,
#                        builds, and prints the build directory; if CONFIG_ONLY
#                        is not empty, configures alone, and prints the
#                        .config's name
# The script that sources this has $version, $arch, $CACHE/$arch_dir for the
# builds, more arguments for make in the array $make_args, and the function
# fragments.

# Before 6.13 UML reserves 2696 bytes for a process's floating point state.
# A host with AMX has more, and ptrace then refuses to set it, which kills the
# first user process ("ptrace set fp regs failed").  12288 bytes hold the state
# of any present processor.  It is saved on kernel stacks too: hence
# CONFIG_KERNEL_STACK_ORDER=4 in uml.config.
fp_file=arch/x86/um/user-offsets.c
fp_edit='s/DEFINE_LONGS(HOST_FP_SIZE, 2696)/DEFINE_LONGS(HOST_FP_SIZE, 12288)/'
fp_check='HOST_FP_SIZE, 12288'

# shellcheck disable=SC2154 # see above
kernel_needs() {
	tarball=/usr/src/linux-source-$version.tar.xz
	[ -r "$tarball" ] ||
		die "$tarball is missing: apt install linux-source-$version"
	need gcc gcc
	need flex flex
	need bison bison
	need bc bc
	need depmod kmod
}

# Shared by all kernels of a version.
kernel_source() {
	local dir tmp
	dir=$CACHE/src/linux-$version-$(key "$(file_id "$tarball")" "$fp_edit")
	if [ ! -d "$dir" ]; then
		say "extracting $tarball"
		tmp=$dir.tmp
		rm -rf -- "$tmp"
		mkdir -p -- "$tmp"
		tar -xf "$tarball" -C "$tmp" --strip-components=1
		sed -i "$fp_edit" "$tmp/$fp_file"
		grep -q "$fp_check" "$tmp/$fp_file" ||
			die "the edit of $fp_file no longer applies to $version"
		mv -- "$tmp" "$dir"
	fi
	printf '%s\n' "$dir"
}

# Kconfig drops what a kernel does not offer without a word; a rig that has
# quietly lost a checker proves less than it says.  Of two lines for the same
# symbol the later one counts.
check_config() {
	local symbol value lost=0
	local -A wanted=()

	while IFS='=' read -r symbol value; do
		wanted[$symbol]=$value
	done < <(grep '^CONFIG_' "$2")
	for symbol in "${!wanted[@]}"; do
		value=${wanted[$symbol]}
		if [ "$value" = n ]; then
			! grep -q "^$symbol=" "$1" || lost=$symbol=n
		else
			grep -qxF -- "$symbol=$value" "$1" || lost=$symbol=$value
		fi
		[ "$lost" = 0 ] || die "the kernel did not take $lost ($1)"
	done
}

# shellcheck disable=SC2154 # see above
kmake() {
	nice make -C "$src" ARCH="$arch" O="$build" -j"$JOBS" "${make_args[@]}" "$@"
}

configure() {
	mkdir -p -- "$build"
	fragments >"$build/fragment"
	: >"$log"
	logged "$log" kmake KCONFIG_ALLCONFIG="$build/fragment" allnoconfig
	check_config "$build/.config" "$build/fragment"
}

# shellcheck disable=SC2154 # see above
kernel_build() {
	local name=$1 config_only=${2-} src build log start

	# The source is shared by all that build of it.
	lock "$CACHE/uml/$version.lock"
	src=$(kernel_source)
	build=$CACHE/$arch_dir/$name-$(key "$src" "$(fragments)" \
		"$(gcc --version)" "${make_args[@]}")
	log=$build/build.log
	if [ -n "$config_only" ]; then
		[ -e "$build/built" ] || configure
		printf '%s\n' "$build/.config"
		return
	fi
	# The kernels of a version are built side by side, each under its own
	# lock.
	flock -u "$LOCK_FD"
	lock "$build.lock"
	if [ ! -e "$build/built" ]; then
		say "building $name in $build"
		start=$SECONDS
		configure
		logged "$log" kmake
		# For modprobe in the guest, where it is bound over /lib/modules.
		logged "$log" kmake INSTALL_MOD_PATH="$build/root" modules_install
		logged "$log" kmake modules_prepare
		printf '%s\n' "$((SECONDS - start)) s" >"$build/built"
		say "built in $((SECONDS - start)) s"
	fi
	printf '%s\n' "$build"
}
