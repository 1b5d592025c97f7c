/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Make a new image as the user sees it: with its progress, and on a block device
 * without the signatures of what was there.
 *
 * make-image.c APIs:
 *   new_image_make()	make an image, in a new file or on a block device
 */
#ifndef MAKE_IMAGE_H
#define MAKE_IMAGE_H

#include "new-image.h"

int new_image_make(const struct new_image *new);

#endif /* MAKE_IMAGE_H */
