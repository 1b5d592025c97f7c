// SPDX-License-Identifier: GPL-2.0-only
#include "make-image.h"
#include "message.h"
#include "progress.h"
#include "wipe.h"

/**
 * new_image_make() - make an image
 * @new: the image to make, without progress; vhdx_layout_fault() has found no
 *	fault
 *
 * Return: as new_image_write(); -EINTR after a signal.
 */
int new_image_make(const struct new_image *new)
{
	struct new_image shown = *new;
	struct progress progress;
	int err;

	progress_begin(&progress, "create");
	shown.progress = &progress.engine;
	shown.wipe = wipe_signatures;
	err = new_image_write(&shown);
	progress_end(&progress);
	if (err == -EINTR)
		msg_err("interrupted: %s is not made",
			new->name ? new->name : new->path);
	return err;
}
