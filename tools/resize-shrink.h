/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `resize --shrink`: make the disk of an image smaller, down to what is on it.
 *
 * resize-shrink.c APIs:
 *   resize_shrink()	make the disk smaller
 */
#ifndef RESIZE_SHRINK_H
#define RESIZE_SHRINK_H

#include "open.h"
#include "resize-live.h"

int resize_shrink(struct disk *disk, const struct options *options,
		  const char *size, struct resized *r);

#endif /* RESIZE_SHRINK_H */
