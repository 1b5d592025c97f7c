/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Grow the virtual disk of an image that nobody uses, or whose device is suspended
 * ([MS-VHDX] 2.5, 2.6.2.2).
 *
 * Until the new size is published, no reader looks at BAT entries behind the old
 * end, nor at the rest of the last block. So these are made ready in place:
 *
 *	zero the rest of the last block
 *	-> clear the new entries, or copy the BAT to a larger region
 *	-> flush
 *	-> one entry of the log: the size, and both copies of the region table if
 *	   the BAT has moved
 *	-> write in place, flush, empty the log
 *
 * A crash leaves the disk with its old size or with its new one. No page of the
 * BAT passes through the log, so no replay can write one over the space that the
 * old region occupied; the next session finds that space free.
 *
 * resize.c APIs:
 *   vhdx_resize_fault()	why a disk cannot get that size
 *   vhdx_resize_moves()	test whether the BAT must move
 *   vhdx_resize()		grow the disk, and end the session
 *   vhdx_resize_live()		likewise, and the image that is open goes on
 */
#ifndef VHDX_RESIZE_H
#define VHDX_RESIZE_H

#include "check.h"
#include "edit.h"

const char *vhdx_resize_fault(const struct vhdx_image *image, u64 size,
			      u64 parent_size);
bool vhdx_resize_moves(const struct vhdx_image *image, u64 size);
int vhdx_resize(struct vhdx_session *session, u64 size,
		struct vhdx_progress *progress, struct vhdx_report *report);
int vhdx_resize_live(struct vhdx_session *session, u64 size,
		     struct vhdx_report *report);

#endif /* VHDX_RESIZE_H */
