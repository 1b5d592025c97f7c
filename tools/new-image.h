/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Make a new image, of which nothing stays if it is not made whole.
 *
 * new-image.c APIs:
 *   new_image_make()	make it, in a new file or on a block device
 */
#ifndef NEW_IMAGE_H
#define NEW_IMAGE_H

#include "layout.h"
#include "open.h"

/**
 * struct new_image - an image that is wanted
 * @path: of a file that is not there yet, or of a block device
 * @create: properties of the image
 * @parent: the parent and its ancestors, open; NULL for an image without one
 * @force: a block device may be overwritten
 * @no_sparse: the file is to have no holes
 */
struct new_image {
	const char *path;
	struct vhdx_create create;
	const struct disk *parent;
	bool force;
	bool no_sparse;
};

int new_image_make(const struct new_image *new);

#endif /* NEW_IMAGE_H */
