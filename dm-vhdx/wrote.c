// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bio.h>
#include <linux/delay.h>
#include <linux/llist.h>
#include <linux/workqueue.h>

#include "commit.h"
#include "defer.h"
#include "scope.h"
#include "wrote.h"

/**
 * vhdx_wrote_note() - note that a write needs bits to be set
 * @io: I/O of dm's clone or of a part, before its submission
 * @pos: byte offset on the virtual disk
 * @run: the run that it writes
 *
 * Context: any.
 */
void vhdx_wrote_note(struct vhdx_io *io, u64 pos, const struct vhdx_run *run)
{
	io->pos = pos;
	io->absent = run->absent ? run->length : 0;
}

/**
 * vhdx_wrote_now() - set the bits of a write that has ended
 * @t: the device
 * @pos: byte offset on the virtual disk of what has been written
 * @len: bytes
 *
 * If the transaction is full, this waits for the committer, which never waits
 * for the caller.
 *
 * Context: a worker, in a scope; may sleep.
 * Return: 0, or a negative errno that ends the bio.
 */
int vhdx_wrote_now(struct vhdx_target *t, u64 pos, u64 len)
{
	struct vhdx_committer *c = t->committer;
	struct vhdx_miss miss;
	int err;

	for (;;) {
		err = vhdx_session_wrote(c->session, pos, len, &miss);
		if (err == -EAGAIN) {
			err = vhdx_defer_load(&miss);
			if (err)
				return err;
		} else if (err == -EBUSY) {
			WRITE_ONCE(c->low, true);
			wake_up(&c->wait);
			msleep(VHDX_RETRY_MS);
		} else {
			break;
		}
	}
	if (!err)
		vhdx_committer_changed(c);
	return err;
}

static void end_write(struct vhdx_io *io)
{
	struct bio *bio = io->bio;
	u32 len = io->absent;
	int err = vhdx_wrote_now(io->target, io->pos, len);

	if (err)
		bio->bi_status = errno_to_blk_status(err);
	/* ->end_io runs once more, and finds no bits to set. */
	io->absent = 0;
	bio_endio(bio);
}

static void wrote_work(struct work_struct *work)
{
	struct vhdx_target *t = container_of(work, struct vhdx_target,
					     wrote.work);
	struct llist_node *list = llist_del_all(&t->wrote.ended);
	struct vhdx_scope scope = vhdx_scope_enter();
	struct vhdx_io *io, *next;

	list = llist_reverse_order(list);
	llist_for_each_entry_safe(io, next, list, ended) {
		end_write(io);
		cond_resched();
	}
	vhdx_scope_leave(scope);
}

/*
 * A RAM disk or a polled one completes a bio in a task. With interrupts enabled,
 * the caller holds no lock that an interrupt waits for, so it may take the pool's.
 * Whatever has to wait is the worker's.
 */
static bool set_here(struct vhdx_io *io)
{
	struct vhdx_committer *c = io->target->committer;
	struct vhdx_miss miss;

	if (in_interrupt() || irqs_disabled() ||
	    vhdx_session_wrote(c->session, io->pos, io->absent, &miss))
		return false;
	io->absent = 0;
	vhdx_committer_changed(c);
	return true;
}

/**
 * vhdx_wrote_later() - set the bits of a write that has ended, or queue it for that
 * @io: I/O of dm's clone or of a part, without an error
 *
 * Context: any, interrupts too.
 * Return: true if the bio ends later; false if it has no bits to set any more.
 */
bool vhdx_wrote_later(struct vhdx_io *io)
{
	struct vhdx_wrote *wrote = &io->target->wrote;

	if (likely(!io->absent) || set_here(io))
		return false;
	if (llist_add(&io->ended, &wrote->ended))
		queue_work(wrote->worker, &wrote->work);
	return true;
}

/**
 * vhdx_wrote_init() - create the worker of a device
 * @t: the device; the caller undoes this with vhdx_wrote_exit(), also after an
 *	error
 *
 * Context: process context.
 * Return: 0 or -ENOMEM.
 */
int vhdx_wrote_init(struct vhdx_target *t)
{
	init_llist_head(&t->wrote.ended);
	INIT_WORK(&t->wrote.work, wrote_work);
	t->wrote.worker = alloc_workqueue("vhdx_wrote",
					  WQ_MEM_RECLAIM | WQ_UNBOUND, 1);
	return t->wrote.worker ? 0 : -ENOMEM;
}

/**
 * vhdx_wrote_exit() - destroy the worker
 * @t: the device, with no bio under way
 *
 * Context: process context; sleeps until the worker has returned.
 */
void vhdx_wrote_exit(struct vhdx_target *t)
{
	if (t->wrote.worker)
		destroy_workqueue(t->wrote.worker);
}
