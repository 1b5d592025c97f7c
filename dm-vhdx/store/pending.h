/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Several I/Os that one task submits at once, and then waits for.
 *
 * pending.h APIs:
 *   vhdx_pending_init()	begin, with nothing under way
 *   vhdx_pending_get()		count an I/O, before it is submitted
 *   vhdx_pending_put()		an I/O has ended
 *   vhdx_pending_wait()	wait until all have ended
 */
#ifndef VHDX_STORE_PENDING_H
#define VHDX_STORE_PENDING_H

#include <linux/atomic.h>
#include <linux/completion.h>

/**
 * struct vhdx_pending - I/Os that are under way
 * @left: their number, and one for the task that will wait
 * @done: completed when @left reaches 0
 */
struct vhdx_pending {
	atomic_t left;
	struct completion done;
};

/**
 * vhdx_pending_init() - begin, with nothing under way
 * @pending: on the stack, or anywhere; nothing to undo
 *
 * Context: any.
 */
static inline void vhdx_pending_init(struct vhdx_pending *pending)
{
	atomic_set(&pending->left, 1);
	init_completion(&pending->done);
}

/**
 * vhdx_pending_get() - count an I/O, before it is submitted
 * @pending: begun, and not yet waited for
 *
 * Context: any.
 */
static inline void vhdx_pending_get(struct vhdx_pending *pending)
{
	atomic_inc(&pending->left);
}

/**
 * vhdx_pending_put() - an I/O has ended
 * @pending: the caller must not touch it afterwards
 *
 * Context: any, interrupts included.
 */
static inline void vhdx_pending_put(struct vhdx_pending *pending)
{
	if (atomic_dec_and_test(&pending->left))
		complete(&pending->done);
}

/**
 * vhdx_pending_wait() - wait until all have ended
 * @pending: of no use afterwards
 *
 * What an I/O stored before vhdx_pending_put() is visible to the caller.
 *
 * Context: process context; sleeps.
 */
static inline void vhdx_pending_wait(struct vhdx_pending *pending)
{
	vhdx_pending_put(pending);
	wait_for_completion_io(&pending->done);
}

#endif /* VHDX_STORE_PENDING_H */
