// SPDX-License-Identifier: GPL-2.0-only
#include "edit-image.h"
#include "message.h"
#include "recover.h"

static int commit_edit(const struct layer *layer, struct vhdx_edit *edit)
{
	int err = vhdx_edit_commit(edit);

	if (err == -ENOSPC)
		msg_err("%s: there is no room to begin writing", layer->path);
	return err ? err : vhdx_session_end(edit->session);
}

/**
 * edit_image() - change the metadata of an image through its log
 * @layer: the image, open for writing; its log may be dirty. Its metadata in
 *	memory is stale afterwards.
 * @same_disk: keep the DataWriteGuid: the disk reads as before, and its
 *	children remain valid
 * @change: makes the changes, by the functions of edit.h
 * @context: for @change
 *
 * Return: 0, and the changes are durable; or a negative errno after a message,
 * and the image has all of the old metadata or all of the new.
 */
int edit_image(struct layer *layer, bool same_disk,
	       int (*change)(struct vhdx_edit *edit, const void *context),
	       const void *context)
{
	struct vhdx_session *session;
	struct vhdx_edit *edit;
	int err = vhdx_image_recover(layer->image);

	if (err)
		return err;
	session = vhdx_session_new(layer->image, &layer->report);
	if (IS_ERR(session))
		return (int)PTR_ERR(session);
	if (same_disk)
		vhdx_session_begin_under(session,
					 vhdx_image_identity(layer->image));
	edit = vhdx_edit_new(session, &layer->report);
	if (IS_ERR(edit)) {
		vhdx_session_free(session);
		return (int)PTR_ERR(edit);
	}
	msg_debug("%s: metadata are changed through the log, and the DataWriteGuid %s",
		  layer->path, same_disk ? "stays" : "changes");
	err = change(edit, context);
	if (!err)
		err = commit_edit(layer, edit);
	vhdx_session_free(session);
	vhdx_edit_free(edit);
	return err;
}
