/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The image that is the argument of a verb.
 *
 * open-image.c APIs:
 *   parents_suit()	check that the options about parents fit together
 *   open_image()	open the image, and explain what is no VHDX
 *   open_look()	the same by the library, to look at it
 */
#ifndef OPEN_IMAGE_H
#define OPEN_IMAGE_H

#include "handle.h"
#include "vhdxsetup.h"

enum open_mode {
	OPEN_IDLE,		/* refuse an image that is being written */
	OPEN_WHILE_WRITTEN,	/* warn of it */
	OPEN_WRITABLE,		/* refuse one that is in use; we write */
	OPEN_MERGED,		/* the same of its parent, too */
};

int parents_suit(const struct options *options, bool follows);
int open_image(const struct options *options, const char *path,
	       enum open_mode mode, struct disk_sink *sink,
	       struct disk **opened);
int open_look(const struct options *options, const char *path,
	      enum open_mode mode, vhdx_hear_t hear, void *context,
	      struct vhdx_disk **opened);

#endif /* OPEN_IMAGE_H */
