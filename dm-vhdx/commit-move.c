// SPDX-License-Identifier: GPL-2.0-only
/*
 * The committer: the block that moves.
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/mm.h>

#include "commit-move.h"
#include "engine/move.h"

/* Bytes that are read and written at once. */
#define MOVE_STEP	VHDX_MIB

/* Steps of a pass: a write that needs a block waits for a pass. */
#define STEPS		4U

/*
 * Writes to the block wait as long as old I/O does not end. Give up after this
 * time: a store that has no room, or does not answer, may hold it up for long.
 */
#define DRAIN_PATIENCE	(10 * HZ)

/**
 * vhdx_mover_init() - nothing moves
 * @c: the committer
 */
void vhdx_mover_init(struct vhdx_committer *c)
{
	mutex_init(&c->space.mover.busy);
	init_waitqueue_head(&c->space.mover.wait);
}

/* With the last answer to a message, @stage is idle. */
static void answer(struct vhdx_mover *mover, int err)
{
	mover->err = err;
	/* Pairs with the acquire in vhdx_mover_wait(). */
	smp_store_release(&mover->answered, true);
	wake_up(&mover->wait);
}

/**
 * vhdx_mover_stop() - give up what moves
 * @c: the committer, with a session if anything moves
 * @err: the answer to the message
 *
 * Context: with the lock of the space worker held; does not sleep.
 */
void vhdx_mover_stop(struct vhdx_committer *c, int err)
{
	struct vhdx_mover *mover = &c->space.mover;

	lockdep_assert_held(&c->space.lock);
	if (mover->stage == VHDX_MOVER_IDLE)
		return;
	vhdx_session_stay(c->session);
	WRITE_ONCE(mover->stage, VHDX_MOVER_IDLE);
	answer(mover, err);
}

/* Answer; unless the task of the message can help, give up. */
static void fall_short(struct vhdx_committer *c, int err, bool helps)
{
	if (helps)
		answer(&c->space.mover, err);
	else
		vhdx_mover_stop(c, err);
}

static void look(struct vhdx_committer *c)
{
	struct vhdx_mover *mover = &c->space.mover;
	int err = vhdx_move_begin(c->session, &mover->index, mover->end,
				  &mover->miss);

	if (err)
		fall_short(c, err, err == -EAGAIN);
	else
		WRITE_ONCE(mover->stage, VHDX_MOVER_FENCED);
}

static void publish(struct vhdx_committer *c)
{
	struct vhdx_mover *mover = &c->space.mover;
	int err = vhdx_move_publish(c->session, &mover->miss);

	if (err) {
		fall_short(c, err, err == -EAGAIN ||
			   (err == -EBUSY && READ_ONCE(c->session->live)));
		return;
	}
	vhdx_committer_changed(c);
	WRITE_ONCE(mover->stage, VHDX_MOVER_IDLE);
	answer(mover, 0);
}

static void copy(struct vhdx_committer *c)
{
	unsigned int steps;
	int done = 1;

	for (steps = 0; steps < STEPS && done > 0; steps++) {
		done = vhdx_move_copy(c->session, c->space.mover.data,
				      MOVE_STEP);
		cond_resched();
	}
	if (done < 0)
		vhdx_mover_stop(c, done);
	else if (!done)
		publish(c);
}

/**
 * vhdx_mover_step() - do a step, if there is something to do
 * @c: the committer, with a session
 *
 * Context: the space worker, with its lock held; may sleep.
 */
void vhdx_mover_step(struct vhdx_committer *c)
{
	struct vhdx_mover *mover = &c->space.mover;

	lockdep_assert_held(&c->space.lock);
	if (mover->answered)
		return;
	if (mover->stage == VHDX_MOVER_LOOKS)
		look(c);
	else if (mover->stage == VHDX_MOVER_COPIES)
		copy(c);
}

/**
 * vhdx_mover_drains() - does a switch of the epoch now count for a fence?
 * @c: the committer, whose epoch the caller switches if so
 *
 * Context: with the lock of the space worker held.
 * Return: true if a fence has risen that no switch has counted for.
 */
bool vhdx_mover_drains(struct vhdx_committer *c)
{
	lockdep_assert_held(&c->space.lock);
	if (c->space.mover.stage != VHDX_MOVER_FENCED)
		return false;
	WRITE_ONCE(c->space.mover.stage, VHDX_MOVER_DRAINS);
	return true;
}

/**
 * vhdx_mover_drained() - all I/O has ended that could pass the fence
 * @c: the committer, whose old epoch has settled
 *
 * Context: with the lock of the space worker held.
 */
void vhdx_mover_drained(struct vhdx_committer *c)
{
	lockdep_assert_held(&c->space.lock);
	if (c->space.mover.stage == VHDX_MOVER_DRAINS)
		WRITE_ONCE(c->space.mover.stage, VHDX_MOVER_COPIES);
}

/**
 * vhdx_mover_release() - resubmit the bios that met the fence, if it has fallen
 * @c: the committer, with a session
 *
 * A bio that comes later wakes the space worker, which calls this once more.
 *
 * Context: the space worker, with no lock held; does not sleep.
 */
void vhdx_mover_release(struct vhdx_committer *c)
{
	struct bio_list bios;

	if (READ_ONCE(c->session->move.fenced))
		return;
	spin_lock_irq(&c->queue_lock);
	bios = c->space.fenced;
	bio_list_init(&c->space.fenced);
	spin_unlock_irq(&c->queue_lock);
	vhdx_committer_again(&bios);
}

/* The worker's lock is held in its passes, which are bounded. */
static void ask(struct vhdx_committer *c)
{
	WRITE_ONCE(c->space.mover.answered, false);
	vhdx_space_worker_wake(c);
}

/**
 * vhdx_mover_begin() - claim the mover, and ask for a block
 * @c: the committer, with a session
 * @index: entry of the BAT where the search begins
 * @end: byte offset in the file from which on blocks move
 *
 * The caller goes on with vhdx_mover_wait(), and in the end with
 * vhdx_mover_finish().
 *
 * Context: process context; may sleep.
 * Return: 0; -EBUSY if another task has claimed it; or -ENOMEM.
 */
int vhdx_mover_begin(struct vhdx_committer *c, u64 index, u64 end)
{
	struct vhdx_mover *mover = &c->space.mover;

	if (!mutex_trylock(&mover->busy))
		return -EBUSY;
	mover->data = kvmalloc(MOVE_STEP, GFP_KERNEL);
	if (!mover->data) {
		mutex_unlock(&mover->busy);
		return -ENOMEM;
	}
	mutex_lock(&c->space.lock);
	mover->index = index;
	mover->end = end;
	WRITE_ONCE(mover->stage, VHDX_MOVER_LOOKS);
	ask(c);
	mutex_unlock(&c->space.lock);
	return 0;
}

static bool has_answer(struct vhdx_mover *mover)
{
	/* Pairs with the release in answer(). */
	return smp_load_acquire(&mover->answered);
}

/* Old I/O does not end, or a signal is there: whatever moves is given up. */
static void lose_patience(struct vhdx_committer *c, bool all, int err)
{
	struct vhdx_mover *mover = &c->space.mover;

	mutex_lock(&c->space.lock);
	if (all || mover->stage == VHDX_MOVER_FENCED ||
	    mover->stage == VHDX_MOVER_DRAINS)
		vhdx_mover_stop(c, err);
	mutex_unlock(&c->space.lock);
	/* Bios may wait at the fence. */
	vhdx_space_worker_wake(c);
}

/**
 * vhdx_mover_wait() - wait for an answer
 * @c: the committer, whose mover the caller has claimed
 * @miss: on -EAGAIN, set to the page that is to be loaded
 *
 * If vhdx_mover_is_over() is false then, the caller loads the page after -EAGAIN,
 * has the committer commit after -EBUSY, and calls vhdx_mover_go_on().
 *
 * Context: process context; sleeps. A fatal signal gives the move up.
 * Return: 0 if a block has moved; -EINTR; -EBUSY, also if the move was given up
 * because old I/O did not end, or because the device is being suspended or the
 * machine hibernated; or another negative errno of vhdx_move_begin() or
 * vhdx_move_copy().
 */
int vhdx_mover_wait(struct vhdx_committer *c, struct vhdx_miss *miss)
{
	struct vhdx_mover *mover = &c->space.mover;
	long left;

	do {
		left = wait_event_killable_timeout(mover->wait,
						   has_answer(mover),
						   DRAIN_PATIENCE);
		if (left < 0)
			lose_patience(c, true, -EINTR);
		else if (!left)
			lose_patience(c, false, -EBUSY);
	} while (!has_answer(mover));
	*miss = mover->miss;
	return mover->err;
}

/**
 * vhdx_mover_go_on() - what the last answer asked for is done
 * @c: the committer, whose mover the caller has claimed
 *
 * Context: process context; may sleep.
 */
void vhdx_mover_go_on(struct vhdx_committer *c)
{
	struct vhdx_mover *mover = &c->space.mover;

	mutex_lock(&c->space.lock);
	/* Otherwise it was given up meanwhile, and that is the answer. */
	if (mover->stage != VHDX_MOVER_IDLE)
		ask(c);
	mutex_unlock(&c->space.lock);
}

/**
 * vhdx_mover_finish() - let go of the mover
 * @c: the committer, whose mover the caller has claimed
 *
 * Gives up a move that is not over.
 *
 * Context: process context; may sleep.
 * Return: index of the entry where the search has ended.
 */
u64 vhdx_mover_finish(struct vhdx_committer *c)
{
	struct vhdx_mover *mover = &c->space.mover;
	u64 index;

	lose_patience(c, true, -EINTR);
	index = mover->index;
	kvfree(mover->data);
	mover->data = NULL;
	mutex_unlock(&mover->busy);
	return index;
}
