/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Give back what the file systems inside an image do not use, as fstrim(8) does.
 *
 * trim-inside.c APIs:
 *   trim_inside()	do so of all of them
 */
#ifndef TRIM_INSIDE_H
#define TRIM_INSIDE_H

#include "vhdxsetup.h"

int trim_inside(const struct options *options, const char *image);

#endif /* TRIM_INSIDE_H */
