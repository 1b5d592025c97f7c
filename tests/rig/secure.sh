# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Machines with UEFI Secure Boot, in QEMU: OVMF with Microsoft's keys, which boots
# Debian's shim, which boots Debian's GRUB, which boots one of Debian's kernels.
# Sourced after lib.sh.
#
#   $SECURE_PACKAGES      what the root that is given to secure_make has of these
#   secure_make DIR ROOT  makes DIR, a machine that has never run: its firmware and
#                         boot loaders are those of ROOT
#   secure_boots DIR KERNEL INITRD WORD...   what it boots
#   secure_qemu DIR       sets $SECURE_QEMU: the machine, but for processors and
#                         memory; its serial line is the firmware's console
# In DIR:
#   firmware   OVMF, with the check of signatures
#   variables  the firmware's: what it keeps while it is off
#   esp        the EFI system partition

# shellcheck disable=SC2034 # for the scripts that source this
SECURE_PACKAGES=(ovmf shim-signed grub-efi-amd64-signed)

# shim loads what lies beside it: GRUB, and MokManager if there is a request.  A
# disk with nothing but EFI/BOOT is booted as a removable one is.
secure_make() {
	local dir=$1 ovmf=$2/usr/share/OVMF shim=$2/usr/lib/shim
	local grub=$2/usr/lib/grub/x86_64-efi-signed esp=$1/esp/EFI

	mkdir -p -- "$esp/BOOT" "$esp/debian" &&
		cp -L -- "$ovmf/OVMF_CODE_4M.ms.fd" "$dir/firmware" &&
		cp -- "$ovmf/OVMF_VARS_4M.ms.fd" "$dir/variables" &&
		cp -- "$shim/shimx64.efi.signed" "$esp/BOOT/BOOTX64.EFI" &&
		cp -- "$shim/mmx64.efi.signed" "$esp/BOOT/mmx64.efi" &&
		cp -- "$grub/grubx64.efi.signed" "$esp/BOOT/grubx64.efi"
}

# The directory where Debian's GRUB looks for its commands is built into it.
secure_boots() {
	local esp=$1/esp

	cp -L -- "$2" "$esp/vmlinuz"
	cp -- "$3" "$esp/initrd"
	{
		printf 'linux /vmlinuz'
		printf " '%s'" "${@:4}"
		printf '\ninitrd /initrd\nboot\n'
	} >"$esp/EFI/debian/grub.cfg"
}

# Only in system management mode can the variables be written, so that no system
# that runs changes the keys.  The disk's address is behind those that QEMU gives:
# others have the names vda and so on.
# shellcheck disable=SC2034,SC2054 # for the scripts that source this; QEMU's commas
secure_qemu() {
	SECURE_QEMU=(-M q35,smm=on -global driver=cfi.pflash01,property=secure,value=on
		-global ICH9-LPC.disable_s3=1
		-drive "if=pflash,unit=0,format=raw,readonly=on,file=$1/firmware"
		-drive "if=pflash,unit=1,format=raw,file=$1/variables"
		-drive "if=none,id=esp,format=raw,readonly=on,file=fat:$1/esp"
		-device virtio-blk-pci,drive=esp,addr=1e)
}
