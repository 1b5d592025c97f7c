// SPDX-License-Identifier: GPL-2.0-only
#include "edit-image.h"
#include "relink.h"

static int edit_locator(struct vhdx_edit *edit, const void *context)
{
	return vhdx_edit_locator(edit, context);
}

/**
 * relink() - replace the locator of a child, completely or not at all
 * @child: the child, open for writing; its log may be dirty. Its metadata in
 *	memory is stale afterwards.
 * @locator: the new locator
 * @same_disk: keep the DataWriteGuid: the disk reads as before, and children of
 *	the child remain valid
 *
 * Return: 0, and the new locator is durable; or a negative errno after a
 * message, and the image has the old locator or the new one.
 */
int relink(struct layer *child, const struct vhdx_locator *locator,
	   bool same_disk)
{
	return edit_image(child, same_disk, edit_locator, locator);
}
