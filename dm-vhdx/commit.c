// SPDX-License-Identifier: GPL-2.0-only
/*
 * The committer: its queues, and the calls by which other code reaches it.
 */
#include <linux/device-mapper.h>
#include <linux/rcupdate.h>

#include "commit.h"
#include "io.h"

/**
 * vhdx_committer_event() - raise a dm event for the live table
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
 * vhdx_committer_again() - resubmit deferred bios to their workers
 * @bios: list of dm's clones that vhdx_committer_defer() queued; emptied
 *
 * Context: process context, with no spinlock held; does not sleep.
 */
void vhdx_committer_again(struct bio_list *bios)
{
	struct bio *bio;

	while ((bio = bio_list_pop(bios)))
		vhdx_io_go_on(dm_per_bio_data(bio, sizeof(struct vhdx_io)));
}

/*
 * Return true if dm accepts BLK_STS_DM_REQUEUE. A noflush suspend that is
 * interrupted admits bios again before dm calls the target's presuspend_undo
 * hook. From then on, dm turns a requeued bio into an I/O error.
 */
static bool dm_wants_back(const struct vhdx_committer *c)
{
	/*
	 * A bio is under way, so the table is live and the committer was
	 * resumed for it. dm looks at the mapped device, which all targets
	 * share.
	 */
	return c->room.patience.suspend == BLK_STS_DM_REQUEUE &&
	       dm_noflush_suspending(READ_ONCE(c->ti));
}

/**
 * vhdx_committer_refuses() - what a bio without room must end with
 * @c: the committer, with a bio under way
 *
 * Context: any, under the queue lock of @c.
 * Return: the status for the bio, or 0 if it may wait for room.
 */
blk_status_t vhdx_committer_refuses(const struct vhdx_committer *c)
{
	if (dm_wants_back(c))
		return BLK_STS_DM_REQUEUE;
	return READ_ONCE(c->room.expired) ? BLK_STS_NOSPC : 0;
}

static struct bio_list *list_for(struct vhdx_committer *c, int err)
{
	switch (err) {
	case -EBUSY:
		return &c->again;
	case -EALREADY:
		return &c->space.fenced;
	default:
		return &c->space.bios;
	}
}

/**
 * vhdx_committer_defer() - queue a bio that cannot be mapped now
 * @c: the committer
 * @bio: dm's clone, in no epoch and prepared by vhdx_provision_prepare()
 * @err: error of the lookup: -EBUSY queues the bio for the committer,
 *	-EINPROGRESS or -ENOSPC for the space worker, and -EALREADY until a block
 *	has moved
 *
 * Ends the bio instead if @err is -ENOSPC and bios must not wait for room.
 *
 * The store's worker, which looks up where writes go, calls this without the
 * reference that keeps the table alive for ->map. rcu_read_lock() keeps the
 * committer alive, see vhdx_committer_flush().
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
		bio_list_add(list_for(c, err), bio);
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
 * vhdx_committer_flush() - queue a bio until the next commit is durable
 * @c: the committer
 * @bio: dm's clone, in no epoch; empty, or its data is written
 *
 * The completion of a FUA write calls this from any context. If the thread is
 * awake, it may end the bio as soon as the bio is queued, and nothing else
 * keeps the table and the committer. vhdx_committer_free() waits for a grace
 * period of RCU, so that the committer stays until wake_up() has returned.
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
 * vhdx_committer_flush_failed() - report a flush that failed elsewhere
 * @c: the committer
 *
 * A store reports lost writes only once, and does not name them. They may be
 * pages of the BAT that a checkpoint wrote in place. A later flush that
 * succeeds would release their log entries, so the committer ends writing and
 * flushes no more.
 *
 * Context: any.
 */
void vhdx_committer_flush_failed(struct vhdx_committer *c)
{
	vhdx_store_lose(c->image->store, -EIO);
	wake_up(&c->wait);
}

/**
 * vhdx_committer_cut() - report that somebody has truncated the store
 * @c: the committer
 *
 * Context: any.
 */
void vhdx_committer_cut(struct vhdx_committer *c)
{
	WRITE_ONCE(c->cut, true);
	wake_up(&c->wait);
}
