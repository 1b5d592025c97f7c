// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mutex.h>
#include <linux/sched/signal.h>

#include "commit-life.h"
#include "commit-move.h"
#include "defer.h"
#include "engine/move.h"
#include "moving.h"
#include "scope.h"

static int load(const struct vhdx_miss *miss)
{
	struct vhdx_scope scope = vhdx_scope_enter();
	int err = vhdx_defer_load(miss);

	vhdx_scope_leave(scope);
	return err;
}

static int find_gain(struct vhdx_committer *c, struct vhdx_move_goal *goal)
{
	struct vhdx_miss miss;
	int err;

	while ((err = vhdx_move_goal(c->session, goal, &miss)) == -EAGAIN) {
		err = fatal_signal_pending(current) ? -EINTR : load(&miss);
		if (err)
			break;
	}
	return err;
}

/**
 * vhdx_move_gain() - find out what there is to gain
 * @c: the committer
 * @goal: all zeros; filled in
 *
 * Reads the BAT if nobody has read it since the resume.
 *
 * Context: process context; sleeps. A fatal signal ends it.
 * Return: 0; -EAGAIN if a suspend has ended the reading of the BAT; or another
 * negative errno.
 */
int vhdx_move_gain(struct vhdx_committer *c, struct vhdx_move_goal *goal)
{
	int err;

	if (!vhdx_committer_session(c))
		return -EAGAIN;
	err = vhdx_committer_run(c, 0);
	if (err)
		return err == -EINTR ? -EAGAIN : err;
	/* As long as nobody may ask, nobody surveys the image anew. */
	mutex_lock(&c->asking);
	err = READ_ONCE(c->session->surveyed) ? find_gain(c, goal) : -EAGAIN;
	mutex_unlock(&c->asking);
	return err;
}

/* What the space worker cannot wait for. */
static int help(struct vhdx_committer *c, int err, const struct vhdx_miss *miss)
{
	return err == -EAGAIN ? load(miss) :
				vhdx_committer_run(c, VHDX_WORK_COMMIT);
}

static int move_block(struct vhdx_committer *c)
{
	struct vhdx_miss miss;
	int err;

	for (;;) {
		err = vhdx_mover_wait(c, &miss);
		if (vhdx_mover_is_over(c))
			return err;
		err = help(c, err, &miss);
		if (err)
			return err;
		vhdx_mover_go_on(c);
	}
}

/**
 * vhdx_move_one() - move the next block
 * @c: the committer
 * @index: entry of the BAT where the search starts; set to where it goes on
 * @end: byte offset in the file: blocks from there on move to holes below it
 *
 * Begins a session if there is none. Nothing keeps others from using the device.
 *
 * Context: process context; sleeps. A fatal signal ends it.
 * Return: 0 if a block has moved; -EINPROGRESS if none was found so far; -ENOENT
 * if none is left; -ENOSPC if there is no hole or no room; -EBUSY if another task
 * moves blocks, or if old I/O, a suspend or hibernation was in the way; -EAGAIN
 * before the session exists; or another negative errno.
 */
int vhdx_move_one(struct vhdx_committer *c, u64 *index, u64 end)
{
	int err;

	if (!vhdx_committer_session(c))
		return -EAGAIN;
	if (!READ_ONCE(c->session->live)) {
		err = vhdx_committer_run(c, VHDX_WORK_BEGIN);
		if (err)
			return err;
	}
	err = vhdx_mover_begin(c, *index, end);
	if (err)
		return err;
	err = move_block(c);
	*index = vhdx_mover_finish(c);
	/* The block has moved, or was faster and has given up its space. */
	if (!err || err == -ECANCELED)
		++*index;
	return err == -ECANCELED ? -EINPROGRESS : err;
}
