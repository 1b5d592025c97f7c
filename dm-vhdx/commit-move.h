/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The committer: the block that moves to a hole, see engine/move.h.
 *
 * A message asks for a block and sleeps. The space worker does the rest, a step a
 * pass, between the blocks that it prepares and the space that it gives back: so
 * no flush waits for a copy. If a step needs a page of metadata or a commit, it
 * answers, and the task of the message sees to that, since the space worker must
 * not wait for the committer.
 *
 *	idle --asked--> looks --> fenced --> drains --> copies --> idle
 *	                a block    epoch is   all I/O   published
 *	                is fenced  switched   of it ended
 *
 * Bios that met the fence wait in a list until it has fallen.
 *
 * commit-move.c APIs:
 *   vhdx_mover_init()		nothing moves
 *   vhdx_mover_begin()		claim the mover, and ask for a block
 *   vhdx_mover_wait()		wait for an answer
 *   vhdx_mover_go_on()		what the last answer asked for is done
 *   vhdx_mover_finish()	let go of the mover
 *   vhdx_mover_step()		do a step
 *   vhdx_mover_drains()	does the switch of the epoch count for a fence?
 *   vhdx_mover_drained()	all I/O has ended that could pass the fence
 *   vhdx_mover_stop()		give up what moves
 *   vhdx_mover_release()	resubmit the bios that met the fence
 * commit-move.h APIs:
 *   vhdx_mover_is_over()	was that the last answer?
 *   vhdx_mover_works()	is there a step that needs no event?
 */
#ifndef VHDX_COMMIT_MOVE_H
#define VHDX_COMMIT_MOVE_H

#include "commit.h"

/**
 * vhdx_mover_is_over() - was that the last answer?
 * @c: the committer, whose mover the caller has claimed, with an answer
 *
 * Context: any.
 * Return: false if the move waits for vhdx_mover_go_on().
 */
static inline bool vhdx_mover_is_over(const struct vhdx_committer *c)
{
	return READ_ONCE(c->space.mover.stage) == VHDX_MOVER_IDLE;
}

/**
 * vhdx_mover_works() - is there a step that needs no event?
 * @c: the committer
 *
 * Context: with the lock of the space worker held.
 * Return: true if so.
 */
static inline bool vhdx_mover_works(const struct vhdx_committer *c)
{
	const struct vhdx_mover *mover = &c->space.mover;

	return !mover->answered && (mover->stage == VHDX_MOVER_LOOKS ||
				    mover->stage == VHDX_MOVER_COPIES);
}

void vhdx_mover_init(struct vhdx_committer *c);
int vhdx_mover_begin(struct vhdx_committer *c, u64 index, u64 end);
int vhdx_mover_wait(struct vhdx_committer *c, struct vhdx_miss *miss);
void vhdx_mover_go_on(struct vhdx_committer *c);
u64 vhdx_mover_finish(struct vhdx_committer *c);
void vhdx_mover_step(struct vhdx_committer *c);
bool vhdx_mover_drains(struct vhdx_committer *c);
void vhdx_mover_drained(struct vhdx_committer *c);
void vhdx_mover_stop(struct vhdx_committer *c, int err);
void vhdx_mover_release(struct vhdx_committer *c);

#endif /* VHDX_COMMIT_MOVE_H */
