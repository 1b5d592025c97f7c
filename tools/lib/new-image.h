/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Make a new image, or leave nothing behind.
 *
 * new-image.c APIs:
 *   new_image_write()	make an image, in a new file or on a block device
 */
#ifndef NEW_IMAGE_H
#define NEW_IMAGE_H

#include "check.h"
#include "layout.h"
#include "open.h"

/**
 * struct new_image - an image to make
 * @path: path of a file that must not exist, or of a block device
 * @name: what messages call it, or NULL to use @path
 * @create: properties of the image
 * @parent: the parent and its ancestors, open; NULL for an image without one
 * @force: overwrite a block device
 * @no_sparse: make a file without holes
 * @progress: told of the work, and may stop it; NULL for none
 * @wipe: wipes what is on a block device; NULL for nothing
 */
struct new_image {
	const char *path;
	const char *name;
	struct vhdx_create create;
	const struct disk *parent;
	bool force;
	bool no_sparse;
	struct vhdx_progress *progress;
	int (*wipe)(int fd);
};

int new_image_write(const struct new_image *new);

#endif /* NEW_IMAGE_H */
