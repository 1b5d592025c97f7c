// SPDX-License-Identifier: GPL-2.0-only
#include "edit.h"
#include "message.h"
#include "recover.h"
#include "relink.h"

static int edit_locator(struct vhdx_edit *edit,
			const struct vhdx_locator *locator)
{
	static const guid_t id = VHDX_GUID_PARENT_LOCATOR;
	u8 *item = calloc(1, VHDX_LOCATOR_SIZE_MAX);
	u32 length;
	int err;

	if (!item)
		return -ENOMEM;
	err = vhdx_locator_encode(locator, item, &length, edit->report);
	if (!err)
		err = vhdx_edit_item(edit, &id, VHDX_ITEM_IS_REQUIRED, item,
				     length);
	free(item);
	return err;
}

static int no_room(const struct layer *child)
{
	msg_err("%s: there is no room to begin writing", child->path);
	return -ENOSPC;
}

static int write_locator(struct layer *child, struct vhdx_session *session,
			 struct vhdx_edit *edit,
			 const struct vhdx_locator *locator)
{
	int err = edit_locator(edit, locator);

	if (err)
		return err;
	err = vhdx_edit_commit(edit);
	if (err == -ENOSPC)
		return no_room(child);
	return err ? err : vhdx_session_end(session);
}

/**
 * relink() - replace the locator of a child, whole or not at all
 * @child: the child, open for writing; its log may be dirty. What is known of it
 *	in memory is stale afterwards
 * @locator: how it names its parent from now on
 * @same_disk: the disk reads as before, so it keeps its identity, and children
 *	of the child remain its children
 *
 * Return: 0, and the new locator is durable; or a negative errno after a
 * message, and the image has the old locator or the new one.
 */
int relink(struct layer *child, const struct vhdx_locator *locator,
	   bool same_disk)
{
	struct vhdx_session *session;
	struct vhdx_edit *edit;
	int err = vhdx_image_recover(child->image);

	if (err)
		return err;
	session = vhdx_session_new(child->image, &child->report);
	if (IS_ERR(session))
		return (int)PTR_ERR(session);
	if (same_disk)
		vhdx_session_begin_under(session,
					 vhdx_image_identity(child->image));
	edit = vhdx_edit_new(session, &child->report);
	if (IS_ERR(edit)) {
		vhdx_session_free(session);
		return (int)PTR_ERR(edit);
	}
	err = write_locator(child, session, edit, locator);
	vhdx_session_free(session);
	vhdx_edit_free(edit);
	return err;
}
