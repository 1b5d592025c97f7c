/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Change the metadata of an image that nobody uses, completely or not at all.
 *
 * edit-image.c APIs:
 *   edit_image()	change the metadata through the log
 */
#ifndef EDIT_IMAGE_H
#define EDIT_IMAGE_H

#include "edit.h"
#include "open.h"

int edit_image(struct layer *layer, bool same_disk,
	       int (*change)(struct vhdx_edit *edit, const void *context),
	       const void *context);

#endif /* EDIT_IMAGE_H */
