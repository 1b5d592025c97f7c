/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parent locator of an existing child.
 *
 * relink.c APIs:
 *   relink()	replace the locator, completely or not at all
 */
#ifndef RELINK_H
#define RELINK_H

#include "open.h"

int relink(struct layer *child, const struct vhdx_locator *locator,
	   bool same_disk);

#endif /* RELINK_H */
