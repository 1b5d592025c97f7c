/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Formats of disk images, VHDX and others.
 *
 * image-format.c APIs:
 *   format_name()	its name, as QEMU has it
 *   format_arg()	a format from the argument of an option
 *   format_by_name()	by the extension of a file name
 *   format_by_content()	by the signature of a file
 *   format_strays()	what has an image read files of its own choice?
 */
#ifndef IMAGE_FORMAT_H
#define IMAGE_FORMAT_H

#include "env.h"

/**
 * enum image_format - a format
 * @FORMAT_UNKNOWN: none that is known
 * @FORMAT_RAW: the disk's bytes, and nothing else
 * @FORMAT_VHDX: ours
 * @FORMAT_VPC: VHD
 * @FORMAT_QCOW2: QEMU's
 * @FORMAT_VMDK: VMware's
 * @FORMAT_VDI: VirtualBox's
 */
enum image_format {
	FORMAT_UNKNOWN,
	FORMAT_RAW,
	FORMAT_VHDX,
	FORMAT_VPC,
	FORMAT_QCOW2,
	FORMAT_VMDK,
	FORMAT_VDI,
};

const char *format_name(enum image_format format);
int format_arg(const char *option, const char *text,
	       enum image_format *format);
enum image_format format_by_name(const char *path);
enum image_format format_by_content(int fd);
const char *format_strays(int fd, enum image_format format);

#endif /* IMAGE_FORMAT_H */
