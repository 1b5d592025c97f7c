// SPDX-License-Identifier: GPL-2.0-only
/*
 * The committer: bios come to wait for it.
 */
#include <linux/device-mapper.h>
#include <linux/rcupdate.h>

#include "commit.h"
#include "io.h"

/**
 * vhdx_committer_event() - let those know who wait for events of the device
 * @c: the committer, locked
 *
 * Context: process context, with the lock of @c held.
 */
void vhdx_committer_event(struct vhdx_committer *c)
{
	lockdep_assert_held(&c->lock);
	if (c->ti)
		dm_table_event(c->ti->table);
}

/**
 * vhdx_committer_again() - send bios on their way anew
 * @bios: clones of dm's, as vhdx_committer_defer() took them, on a list that is
 *	emptied
 *
 * Context: process context, with no spinlock held; does not wait.
 */
void vhdx_committer_again(struct bio_list *bios)
{
	struct bio *bio;

	while ((bio = bio_list_pop(bios)))
		vhdx_io_go_on(dm_per_bio_data(bio, sizeof(struct vhdx_io)));
}

/*
 * A suspend that was interrupted goes on to let bios in before it says that it
 * was. What it is given back from then on, dm takes for an I/O error.
 */
static bool dm_wants_back(const struct vhdx_committer *c)
{
	/*
	 * A bio is under way, hence the table is live, and the committer was
	 * resumed for it. dm asks its mapped device, whichever target names it.
	 */
	return c->room.patience.suspend == BLK_STS_DM_REQUEUE &&
	       dm_noflush_suspending(READ_ONCE(c->ti));
}

/**
 * vhdx_committer_refuses() - must a bio not wait for room?
 * @c: the committer, with a bio under way
 *
 * Context: any, under the queue lock of @c.
 * Return: what the bio is to end with, or 0 if it may wait.
 */
blk_status_t vhdx_committer_refuses(const struct vhdx_committer *c)
{
	if (dm_wants_back(c))
		return BLK_STS_DM_REQUEUE;
	return READ_ONCE(c->room.expired) ? BLK_STS_NOSPC : 0;
}

/**
 * vhdx_committer_defer() - keep a bio that cannot be mapped now
 * @c: the committer
 * @bio: dm's clone; it is in no epoch, and its worker is known
 * @err: why: -EBUSY, for the committer; -EINPROGRESS or -ENOSPC, for the space
 *	worker
 *
 * The store's worker, which looks up where writes go, comes here without what
 * keeps the table for ->map: see vhdx_committer_flush().
 *
 * Context: any.
 */
void vhdx_committer_defer(struct vhdx_committer *c, struct bio *bio, int err)
{
	blk_status_t refused = 0;
	unsigned long flags;

	rcu_read_lock();
	spin_lock_irqsave(&c->queue_lock, flags);
	if (err == -ENOSPC)
		refused = vhdx_committer_refuses(c);
	if (!refused)
		bio_list_add(err == -EBUSY ? &c->again : &c->space.bios, bio);
	spin_unlock_irqrestore(&c->queue_lock, flags);
	if (err == -EBUSY)
		wake_up(&c->wait);
	else if (!refused)
		vhdx_space_worker_wake(c);
	rcu_read_unlock();
	if (refused) {
		bio->bi_status = refused;
		bio_endio(bio);
	}
}

/**
 * vhdx_committer_flush() - keep a bio until all before it is durable
 * @c: the committer
 * @bio: dm's clone, without data or with its data written; it is in no epoch
 *
 * A write that has ended comes here from wherever that was told, and nothing
 * keeps the table for it once the thread, awake already, has the bio and ends
 * it. vhdx_committer_free() waits for this.
 *
 * Context: any.
 */
void vhdx_committer_flush(struct vhdx_committer *c, struct bio *bio)
{
	unsigned long flags;

	rcu_read_lock();
	spin_lock_irqsave(&c->queue_lock, flags);
	bio_list_add(&c->flushes, bio);
	spin_unlock_irqrestore(&c->queue_lock, flags);
	wake_up(&c->wait);
	rcu_read_unlock();
}

/**
 * vhdx_committer_flush_failed() - a flush outside the committer failed
 * @c: the committer
 *
 * A store tells once that it has lost something, and does not say what: it may
 * be pages of the BAT that were written in place, whose log entries a later
 * flush would let go. So no later one is made.
 *
 * Context: any.
 */
void vhdx_committer_flush_failed(struct vhdx_committer *c)
{
	WRITE_ONCE(c->flush_error, true);
	wake_up(&c->wait);
}

/**
 * vhdx_committer_cut() - somebody has made the store shorter
 * @c: the committer
 *
 * Context: any.
 */
void vhdx_committer_cut(struct vhdx_committer *c)
{
	WRITE_ONCE(c->cut, true);
	wake_up(&c->wait);
}
