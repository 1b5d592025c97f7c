// SPDX-License-Identifier: GPL-2.0-only
/*
 * The committer: the space worker.
 *
 * A separate thread zeroes, extends, discards and moves blocks, so that no flush
 * waits for that. Each pass does a limited amount. The thread never takes the
 * committer's lock. The engine decides what to do, see engine/session-space.c.
 *
 * Each image has a thread of its own. If the file system of an image lies on
 * another VHDX device, its thread may wait for writes to that device, which in
 * turn need the space worker of the other image.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>

#include "charge.h"
#include "commit-move.h"
#include "commit-nospace.h"
#include "commit-prepare.h"
#include "hibernate.h"
#include "scope.h"

/* Tell those who wait for the old epoch if it has settled. */
static void settle(struct vhdx_committer *c)
{
	struct vhdx_space_worker *worker = &c->space;

	if (!worker->switched || !vhdx_epochs_settled(&c->epochs))
		return;
	worker->switched = false;
	if (worker->drain == VHDX_DRAIN_WAITS)
		worker->drain = VHDX_DRAIN_DISCARDS;
	vhdx_mover_drained(c);
}

/* Switch the epoch for those who want that; a later switch is too late. */
static void switch_epoch(struct vhdx_committer *c)
{
	struct vhdx_space_worker *worker = &c->space;

	if (worker->switched)
		return;
	if (worker->drain == VHDX_DRAIN_NOTHING &&
	    vhdx_session_drain(c->session)) {
		worker->drain = VHDX_DRAIN_WAITS;
		worker->switched = true;
	}
	worker->switched |= vhdx_mover_drains(c);
	if (worker->switched)
		vhdx_epochs_switch(&c->epochs);
}

/* Drain freed space by one step. Return true if space has become usable. */
static bool drain_some(struct vhdx_committer *c)
{
	struct vhdx_space_worker *worker = &c->space;
	bool freed = false;

	lockdep_assert_held(&worker->lock);
	settle(c);
	if (worker->drain == VHDX_DRAIN_DISCARDS) {
		freed = true;
		if (!vhdx_session_drained(c->session))
			worker->drain = VHDX_DRAIN_NOTHING;
	}
	switch_epoch(c);
	return freed;
}

/* Prepare blocks. If there is no room, drain freed space and try again. */
static int prepare_blocks(struct vhdx_committer *c)
{
	int err;

	mutex_lock(&c->space.lock);
	do {
		err = vhdx_session_prepare(c->session);
	} while (!err && READ_ONCE(c->session->no_space) && drain_some(c));
	mutex_unlock(&c->space.lock);
	return err;
}

/* Return a bio of the group that all of them are of, or NULL. */
static struct bio *one_of_group(const struct bio_list *bios)
{
	struct bio *first = bios->head;
	struct bio *bio;

	bio_list_for_each(bio, bios)
		if (bio_blkcg_css(bio) != bio_blkcg_css(first))
			return NULL;
	return first;
}

/*
 * To zero a block for a few KiB may write 256 MiB, so the group whose bios wait
 * pays for the pass. If several groups wait, the limits of one must not hold up
 * the others. Blocks that are prepared ahead of need are nobody's.
 */
static int prepare_for(struct vhdx_committer *c, const struct bio_list *bios)
{
	struct bio *one = one_of_group(bios);
	struct vhdx_charge charge = {};
	int err;

	if (one)
		charge = vhdx_charge_enter(one, false);
	err = prepare_blocks(c);
	vhdx_charge_leave(charge);
	return err;
}

static void take_bios(struct vhdx_committer *c, struct bio_list *bios)
{
	spin_lock_irq(&c->queue_lock);
	*bios = c->space.bios;
	bio_list_init(&c->space.bios);
	spin_unlock_irq(&c->queue_lock);
}

/* Requeue the bios of a pass. Return true if the committer must work. */
static bool hand_on(struct vhdx_committer *c, struct bio_list *bios)
{
	const struct vhdx_session *session = c->session;

	if (vhdx_session_full(session)) {
		vhdx_room_wait(c, bios);
		return READ_ONCE(session->reclaim);
	}
	vhdx_committer_again(bios);
	return READ_ONCE(session->reclaim) || READ_ONCE(session->space_error) ||
	       READ_ONCE(c->room.lacking);
}

/* Return true if another pass is needed. */
static bool drain_once(struct vhdx_committer *c)
{
	const struct vhdx_session *session = c->session;
	bool more;

	mutex_lock(&c->space.lock);
	vhdx_mover_step(c);
	drain_some(c);
	more = c->space.drain == VHDX_DRAIN_DISCARDS || vhdx_mover_works(c);
	mutex_unlock(&c->space.lock);
	return more || READ_ONCE(session->prepared.more) ||
	       (READ_ONCE(session->prepared.wanted) &&
		!READ_ONCE(session->no_space));
}

/*
 * During hibernation, the worker prepares blocks only for bios that wait. No bio
 * may wait for a block that does not get on.
 */
static bool rest_a_while(struct vhdx_committer *c)
{
	mutex_lock(&c->space.lock);
	vhdx_mover_stop(c, -EBUSY);
	mutex_unlock(&c->space.lock);
	vhdx_mover_release(c);
	wait_event_idle_timeout(c->space.wait, READ_ONCE(c->space.due) ||
				kthread_should_stop(), HZ);
	return true;
}

static void space_pass(struct vhdx_committer *c)
{
	struct bio_list bios;
	bool own, again;
	int err = 0;

	/* Pairs with the barrier in vhdx_space_worker_wake(). */
	smp_store_mb(c->space.due, false);
	if (!vhdx_committer_session(c))
		return;
	/* Take the bios first: this pass must look for room for all of them. */
	take_bios(c, &bios);
	own = vhdx_own_work_begin();
	if (own || !bio_list_empty(&bios))
		err = prepare_for(c, &bios);
	if (err == -ENOMEM)
		msleep(VHDX_RETRY_MS);
	if (hand_on(c, &bios)) {
		WRITE_ONCE(c->low, true);
		wake_up(&c->wait);
	}
	again = own ? drain_once(c) : rest_a_while(c);
	if (own)
		vhdx_own_work_end();
	vhdx_mover_release(c);
	if (again)
		WRITE_ONCE(c->space.due, true);
}

static int space_thread(void *data)
{
	struct vhdx_committer *c = data;
	struct vhdx_scope scope = vhdx_scope_enter();

	while (!kthread_should_stop()) {
		wait_event_idle(c->space.wait, READ_ONCE(c->space.due) ||
				kthread_should_stop());
		space_pass(c);
		cond_resched();
	}
	vhdx_scope_leave(scope);
	return 0;
}

/**
 * vhdx_space_worker_rest() - pause the space worker
 * @c: the committer, with a session and no I/O under way
 *
 * Waits for a pass that is under way, gives up a block that moves, and completes
 * the draining of freed space.
 *
 * Context: the committer's thread; sleeps. Returns with the worker's lock held.
 */
void vhdx_space_worker_rest(struct vhdx_committer *c)
{
	struct vhdx_space_worker *worker = &c->space;

	mutex_lock(&worker->lock);
	vhdx_mover_stop(c, -EBUSY);
	/* All I/O has ended, so this waits for a grace period of RCU only. */
	while (worker->switched && !vhdx_epochs_settled(&c->epochs))
		msleep(VHDX_RETRY_MS);
	worker->switched = false;
	if (worker->drain != VHDX_DRAIN_NOTHING)
		while (vhdx_session_drained(c->session))
			;
	worker->drain = VHDX_DRAIN_NOTHING;
}

/**
 * vhdx_space_worker_go() - let the space worker continue
 * @c: the committer, after vhdx_space_worker_rest()
 *
 * Context: the committer's thread.
 */
void vhdx_space_worker_go(struct vhdx_committer *c)
{
	mutex_unlock(&c->space.lock);
}

/**
 * vhdx_space_worker_start() - start the space worker
 * @c: the committer
 *
 * Context: process context.
 * Return: 0 or a negative errno.
 */
int vhdx_space_worker_start(struct vhdx_committer *c)
{
	struct vhdx_space_worker *worker = &c->space;

	init_waitqueue_head(&worker->wait);
	mutex_init(&worker->lock);
	vhdx_mover_init(c);
	worker->task = kthread_run(space_thread, c, "vhdx_space");
	return PTR_ERR_OR_ZERO(worker->task);
}

/**
 * vhdx_space_worker_stop() - stop the space worker
 * @c: the committer, with no bio under way to its image
 *
 * Context: sleeps until the pass that is under way ends.
 */
void vhdx_space_worker_stop(struct vhdx_committer *c)
{
	kthread_stop(c->space.task);
}
