/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Move the blocks of an image down into holes while others read and write it, one
 * block at a time.
 *
 *	begin	  a hole is taken, and a fence rises: from now on no lookup lets
 *		  anybody write the block
 *	  (all I/O ends whose lookup came before the fence)
 *	copy	  the block, to the hole; reads go on from the old place
 *	publish	  the entry in memory gets the new place, and the fence falls
 *	  (a commit: flush -> entry of the log -> flush)
 *	  (the old place becomes free like that of a block which is discarded)
 *
 * The flush that begins the commit makes the copy durable before the entry that
 * names it. The old place keeps its contents until that entry is durable, and
 * until no read of it is under way. So a crash at any instant leaves the block at
 * one of two places that hold the same, and writes to the new place are as
 * durable as writes to a new block.
 *
 * A discard of the whole block need not wait for the fence: it makes the move
 * void. Everybody else who was turned away tries again when the fence has fallen.
 * Its state stays, so a partially present block keeps its bits, which may even be
 * set while it moves.
 *
 * Payload blocks move. Sector bitmap blocks do not, because the log has no record
 * that revokes an entry; nor do regions. The file gets shorter when the session
 * ends, see vhdx_session_trim().
 *
 * move.c APIs:
 *   vhdx_move_goal()		find out what there is to gain
 *   vhdx_move_begin()		choose the next block, and fence it
 *   vhdx_move_copy()		copy a part of it
 *   vhdx_move_publish()	it is at its new place
 * move.h APIs:
 *   vhdx_move_fences()		test whether a block may not be written
 *   vhdx_move_forget()		a block gives up its space
 */
#ifndef VHDX_MOVE_H
#define VHDX_MOVE_H

#include "spot.h"

/**
 * struct vhdx_move_goal - what moving blocks down would gain
 * @chunk: sector bitmap blocks that have been looked at
 * @fixed: byte offset behind all of them, and of the regions
 * @end: byte offset from which on payload blocks have to move, and below which
 *	there are holes for all of them
 * @length: bytes of the file that are in use then
 * @moves: bytes that have to move
 */
struct vhdx_move_goal {
	u64 chunk;
	u64 fixed;
	u64 end;
	u64 length;
	u64 moves;
};

/**
 * vhdx_move_fences() - test whether a block may not be written
 * @session: the session
 * @spot: the block
 *
 * Context: under the pool's lock.
 * Return: true if the block moves.
 */
static inline bool vhdx_move_fences(const struct vhdx_session *session,
				    const struct vhdx_spot *spot)
{
	const struct vhdx_move *move = &session->move;

	return unlikely(move->fenced) && !move->lost &&
	       move->index == spot->index;
}

/**
 * vhdx_move_forget() - note that a block gives up its space
 * @session: the session
 * @spot: the block
 *
 * The block may get other space before the move finds that out, and even the
 * same: so it is not enough to compare entries.
 *
 * Context: under the pool's lock.
 */
static inline void vhdx_move_forget(struct vhdx_session *session,
				    const struct vhdx_spot *spot)
{
	if (vhdx_move_fences(session, spot))
		session->move.lost = true;
}

int vhdx_move_goal(struct vhdx_session *session, struct vhdx_move_goal *goal,
		   struct vhdx_miss *miss);
int vhdx_move_begin(struct vhdx_session *session, u64 *index, u64 end,
		    struct vhdx_miss *miss);
int vhdx_move_copy(struct vhdx_session *session, void *data, u32 len);
int vhdx_move_publish(struct vhdx_session *session, struct vhdx_miss *miss);

#endif /* VHDX_MOVE_H */
