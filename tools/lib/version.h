/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The version of libvhdx and of what is released with it: vhdxsetup and the
 * module's source. scripts/version prints it.
 */
#ifndef VERSION_H
#define VERSION_H

#define LIBVHDX_VERSION	"0.1.0"

#endif /* VERSION_H */
