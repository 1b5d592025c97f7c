# SPDX-License-Identifier: GPL-2.0-only
#
# Everything a person or CI does with this tree.
#
#   make                  dm-vhdx/dm-vhdx.ko for this kernel, tools/vhdxsetup
#   make KDIR=DIR         the module for the kernel built or packaged in DIR
#   make ARCH=um KDIR=DIR the same for a UML kernel
#   make deps             install what these need, from Debian's packages
#   make compile_commands KDIR=DIR
#                         compile_commands.json for editors; DIR is a built
#                         kernel with its source, which headers packages lack:
#                         ARCH=um KDIR=$(tests/rig/uml-kernel)
#   make install          module, helper and man page, on this host
#   make uninstall        the same, away, from all kernels that had the module
#   make install-source   the module's source, for DKMS, in /usr/src
#   make pot              what translators translate, in tools/build/dm-vhdx.pot
#   make dist             the tree as a tarball, in dist/
#   make deb              Debian's packages, in dist/
#   make rpm              RPM packages, in dist/
#   make demo             try it in QEMU with a kernel of Debian's, without
#                         touching this one (IMAGE=FILE: your own image, which is
#                         only read; SHELL_IN=1: stay inside)
#   make check            the tests that need no special host and do not take
#                         long; installs what tests need first, as all below do
#   make ci               what .ci/run runs: the quick ones of check, and style
#   make full             all of them: also debug kernels, QEMU, and new inputs to the fuzzer
#   make bench            instructions per I/O, against the alternatives
#   make plots            the plots of the README, of what the benchmarks printed
#   make fuzz SECONDS=600 the fuzzer, for as long as you like
#   make torture          crashes, simulated for TORTURE=600 seconds
#   make style            checkpatch, sparse, shellcheck, man page
#   make clean
#
# Kernels for the demo and the tests are unpacked or built once, in
# ~/.cache/dm-vhdx ($VHDX_CACHE), and not installed.

top := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))

# The running kernel's headers, else the newest that are installed.
KDIR ?= $(shell $(top)scripts/kdir)

# In recipes with a "+", for make does not see the $(MAKE) inside.
kmake = $(MAKE) -C $(KDIR) M=$(patsubst %/,%,$(top)) $(if $(W),W=$(W),) \
	$(if $(ARCH),ARCH=$(ARCH),)

all: module tools

module:
	@test -n "$(KDIR)" || { \
		echo "no kernel headers: run 'make deps', or name KDIR" >&2; exit 2; }
	+$(kmake) modules

compile_commands:
	+$(kmake) modules compile_commands.json

tools:
	$(MAKE) -C $(top)tools

deps:
	$(top)scripts/deps --for build

install: all
	+$(kmake) INSTALL_MOD_DIR=updates modules_install
	$(MAKE) -C $(top)tools install
	@$(top)scripts/host-module installed $(top)dm-vhdx/dm-vhdx.ko

# A build beside it leaves more than sources there.
version = $(shell $(top)scripts/version)
dkms_source = $(DESTDIR)/usr/src/dm-vhdx-$(version)
install-source:
	cd $(top) && find Kbuild dm-vhdx -type f \
		'(' -name '*.[ch]' -o -name Kbuild ')' ! -name '*.mod.c' ! -name probed.h \
		-exec install -D -m 644 '{}' '$(dkms_source)/{}' ';'
	sed 's/#MODULE_VERSION#/$(version)/' $(top)packaging/dkms.conf \
		>'$(dkms_source)/dkms.conf'

uninstall:
	$(top)scripts/host-module remove
	$(MAKE) -C $(top)tools uninstall

pot:
	@$(MAKE) -C $(top)tools pot

dist:
	@$(top)scripts/dist

deb:
	@$(top)scripts/deps --for deb
	@$(top)scripts/deb

rpm:
	@$(top)scripts/rpm

demo:
	@$(top)scripts/deps --for demo
	@IMAGE='$(IMAGE)' SHELL_IN='$(SHELL_IN)' $(top)scripts/demo

check:
	@$(top)scripts/deps --for test
	@$(top)tests/run check

ci:
	@$(top)scripts/deps --for test
	@$(top)tests/run ci

full:
	@$(top)scripts/deps --for test
	@$(top)tests/run full

bench:
	@$(top)scripts/deps --for test
	@$(top)tests/bench/run
	@$(top)tests/bench/nbd
	@$(top)tests/bench/convert --nbd
	@$(top)tests/bench/compact
	@$(top)tests/bench/flush

plots:
	@$(top)scripts/deps --for test
	@$(top)tests/bench/plots

SECONDS ?= 600
fuzz:
	@$(top)scripts/deps --for test
	@$(top)tests/fuzz/run --seconds $(SECONDS)

TORTURE ?= 600
torture:
	@$(top)scripts/deps --for test
	@$(top)tests/sim/run torture $(TORTURE)

style:
	@$(top)scripts/deps --for test
	@$(top)tests/style/run

clean:
	+@test -z "$(KDIR)" || $(kmake) clean
	$(MAKE) -C $(top)tools clean
	rm -rf $(top)tests/kunit/build $(top)tests/fuzz/build \
		$(top)tests/sim/build

.PHONY: all module compile_commands tools deps install install-source \
	uninstall pot dist deb rpm demo check ci full bench plots fuzz torture style \
	clean
