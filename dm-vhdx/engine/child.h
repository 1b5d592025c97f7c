/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a write into a differencing image adds to one into a plain image: the
 * sector bitmaps ([MS-VHDX] 2.4.2).
 *
 * An absent block of a child shows the parent. It gets space as a partially
 * present block with all of its bits clear, which changes nothing that anybody
 * reads, so that it may be committed before its data is there. A bit is set
 * when the data of its sector has been written, and before the write is
 * acknowledged: a commit that comes earlier must not show what the space held
 * before, and a read that comes later must not show the parent.
 *
 * A bitmap block, once it is there, stays where it is. The log has no record
 * that revokes an entry, so that a replay could write a page of a bitmap over
 * whatever got its space.
 *
 * The call that sets bits, vhdx_session_wrote(), is in session.h.
 *
 * child.c APIs:
 *   vhdx_child_allocate()	give a block that shows the parent space
 *   vhdx_child_lacks()		test whether part of a block is the parent's
 * child.h APIs:
 *   vhdx_child_shows_parent()	test whether a block is the parent's
 */
#ifndef VHDX_CHILD_H
#define VHDX_CHILD_H

#include "spot.h"

int vhdx_child_allocate(struct vhdx_session *session, struct vhdx_spot *spot,
			u64 pos, struct vhdx_miss *miss);
bool vhdx_child_lacks(const struct vhdx_session *session,
		      const struct vhdx_spot *spot, u64 pos);

/**
 * vhdx_child_shows_parent() - test whether a block is the parent's
 * @session: the session
 * @entry: the block's entry
 *
 * Return: true if the image has a parent, and the block nothing of its own.
 */
static inline bool vhdx_child_shows_parent(const struct vhdx_session *session,
					   u64 entry)
{
	return session->image->bat.differencing &&
	       vhdx_entry_state(entry) == VHDX_BLOCK_NOT_PRESENT;
}

#endif /* VHDX_CHILD_H */
