// SPDX-License-Identifier: GPL-2.0-only
/*
 * The committer: its life, from the opening of its image to the closing, and
 * the work at a resume and a suspend.
 */
#include <linux/device-mapper.h>
#include <linux/err.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "commit-life.h"
#include "commit-nospace.h"
#include "commit-prepare.h"
#include "commit-thread.h"
#include "engine/recover.h"
#include "engine/resize.h"
#include "trace.h"

#define DM_MSG_PREFIX "vhdx"

/* percpu_ref_put() calls this under rcu_read_lock(). */
static void epoch_settled(struct vhdx_epochs *epochs)
{
	struct vhdx_committer *c =
		container_of(epochs, struct vhdx_committer, epochs);

	vhdx_space_worker_wake(c);
}

/* The thread calls the engine, which checks whether a load waits. */
static void supply_wanted(struct vhdx_supply *supply)
{
	struct vhdx_committer *c =
		container_of(supply, struct vhdx_committer, supply);

	WRITE_ONCE(c->low, true);
	wake_up(&c->wait);
}

static int start_threads(struct vhdx_committer *c)
{
	int err;

	err = vhdx_epochs_init(&c->epochs, epoch_settled);
	if (err)
		return err;
	err = vhdx_space_worker_start(c);
	if (err)
		goto no_worker;
	err = vhdx_committer_start(c);
	if (err)
		goto no_thread;
	return 0;
no_thread:
	vhdx_space_worker_stop(c);
no_worker:
	vhdx_epochs_exit(&c->epochs);
	return err;
}

/**
 * vhdx_committer_new() - create an idle committer
 * @image: image, open on a writable store
 * @report: receives the findings about the image; outlives the committer
 * @name: name of the image, for the kernel log; outlives the committer
 *
 * Context: process context.
 * Return: the committer, or an ERR_PTR.
 */
struct vhdx_committer *vhdx_committer_new(struct vhdx_image *image,
					  struct vhdx_report *report,
					  const char *name)
{
	struct vhdx_committer *c = kzalloc(sizeof(*c), GFP_KERNEL);
	int err;

	if (!c)
		return ERR_PTR(-ENOMEM);
	c->image = image;
	image->written = true;
	c->report = report;
	c->name = name;
	c->mode = VHDX_MODE_RW;
	c->supply.feed = supply_wanted;
	init_waitqueue_head(&c->wait);
	mutex_init(&c->asking);
	mutex_init(&c->lock);
	spin_lock_init(&c->queue_lock);
	err = start_threads(c);
	if (err) {
		kfree(c);
		return ERR_PTR(err);
	}
	image->pool.supply = &c->supply;
	return c;
}

/**
 * vhdx_committer_free() - stop both threads and free the committer
 * @c: the committer, with no bio under way to its image
 *
 * Context: process context.
 */
void vhdx_committer_free(struct vhdx_committer *c)
{
	vhdx_committer_abort_survey(c, true);
	vhdx_space_worker_stop(c);
	vhdx_committer_stop(c);
	vhdx_epochs_exit(&c->epochs);
	/* A task that has just queued work may still be in wake_up(). */
	synchronize_rcu();
	if (c->session)
		vhdx_session_free(c->session);
	c->image->pool.supply = NULL;
	kfree(c);
}

/* Replay a log that a crash left. From here on, the image is ours to write. */
static int make_session(struct vhdx_committer *c, unsigned int flags)
{
	struct vhdx_image *image = c->image;
	struct vhdx_session *session;
	int err;

	if (image->log.count) {
		DMINFO("%s: replaying the log: %u entries", c->name,
		       image->log.count);
		err = vhdx_image_recover(image);
		trace_vhdx_replay(vhdx_dev(c->ti), err);
		if (err) {
			DMERR("%s: the log cannot be replayed on disk (%d)",
			      c->name, err);
			return err;
		}
	}
	session = vhdx_session_new(image, c->report);
	if (IS_ERR(session)) {
		err = PTR_ERR(session);
		DMERR("%s: the image cannot be written (%d); load the table read-only",
		      c->name, err);
		return err;
	}
	/* Pairs with the acquire in vhdx_committer_session(). */
	smp_store_release(&c->session, session);
	return 0;
}

/**
 * vhdx_committer_preresume() - make the image ready for writes
 * @c: the committer
 * @ti: a target of the table that becomes live
 * @no_space_timeout: seconds that writes may wait for room, 0 for no limit
 *
 * Writes nothing to the image, except to replay its log.
 *
 * Context: ->preresume, with no I/O under way; sleeps.
 * Return: 0, or a negative errno with the reason in the kernel log.
 */
int vhdx_committer_preresume(struct vhdx_committer *c, struct dm_target *ti,
			     unsigned int no_space_timeout)
{
	int err = 0;

	mutex_lock(&c->lock);
	WRITE_ONCE(c->ti, ti);
	c->room.patience.timeout = no_space_timeout;
	vhdx_committer_abort_survey(c, false);
	c->resting = false;
	if (c->session)
		vhdx_session_unseal(c->session);
	mutex_unlock(&c->lock);
	vhdx_committer_presuspend_undo(c);
	if (!vhdx_committer_session(c))
		err = vhdx_committer_ask(c, make_session, 0);
	/* Scan the whole BAT now, so that the first write need not wait. */
	WRITE_ONCE(c->low, true);
	wake_up(&c->wait);
	return err;
}

/**
 * vhdx_committer_presuspend() - stop bios from waiting for room in vain
 * @c: the committer
 * @status: the status that such bios end with: BLK_STS_DM_REQUEUE or
 *	BLK_STS_NOSPC
 *
 * All other deferred bios wait only for the committer and the space worker,
 * which keep running during the suspend.
 *
 * Context: ->presuspend.
 */
void vhdx_committer_presuspend(struct vhdx_committer *c, blk_status_t status)
{
	spin_lock_irq(&c->queue_lock);
	WRITE_ONCE(c->room.patience.suspend, status);
	spin_unlock_irq(&c->queue_lock);
	if (status == BLK_STS_DM_REQUEUE)
		vhdx_room_refuse(c, status);
	/* The thread checks whether space is still being freed. */
	WRITE_ONCE(c->low, true);
	wake_up(&c->wait);
}

/**
 * vhdx_committer_presuspend_undo() - the suspend was cancelled
 * @c: the committer
 */
void vhdx_committer_presuspend_undo(struct vhdx_committer *c)
{
	spin_lock_irq(&c->queue_lock);
	WRITE_ONCE(c->room.patience.suspend, 0);
	spin_unlock_irq(&c->queue_lock);
}

static int end_session(struct vhdx_committer *c, unsigned int flags)
{
	bool failed;
	u64 length;
	int err;

	c->resting = true;
	failed = c->session->mode != VHDX_MODE_RW ||
		 vhdx_store_is_cut(c->image->store, &length);
	vhdx_space_worker_rest(c);
	err = vhdx_committer_lost(c);
	if (!err)
		err = vhdx_session_end(c->session);
	vhdx_space_worker_go(c);
	if (c->ti)
		trace_vhdx_end(vhdx_dev(c->ti), err);
	WRITE_ONCE(c->changed, false);
	c->due = VHDX_DUE_NOTHING;
	/* A search for room would begin the session again. */
	vhdx_room_clear(c);
	/* A session that failed earlier, or a cut store, was reported then. */
	if (err && !failed)
		DMERR("%s: cannot be closed cleanly (%d); the next open replays the log",
		      c->name, err);
	return err;
}

/**
 * vhdx_committer_postsuspend() - close the image cleanly
 * @c: the committer
 *
 * The next write after a resume begins the session again.
 *
 * Context: ->postsuspend, with no I/O under way.
 */
void vhdx_committer_postsuspend(struct vhdx_committer *c)
{
	if (!vhdx_committer_session(c))
		return;
	vhdx_committer_abort_survey(c, true);
	vhdx_committer_ask(c, end_session, 0);
}

/* A message may have sealed the session, or begun it, since the resume. */
static int grow_session(struct vhdx_committer *c, u64 size)
{
	struct vhdx_session *session = c->session;
	int err = 0;

	vhdx_session_unseal(session);
	if (session->live)
		err = vhdx_session_end(session);
	return err ? err : vhdx_resize_live(session, size, c->report);
}

static int grow_image(struct vhdx_committer *c, unsigned int flags)
{
	u64 size = (u64)c->ti->len << SECTOR_SHIFT;
	int err = vhdx_committer_lost(c);

	if (err)
		return err;
	vhdx_space_worker_rest(c);
	err = grow_session(c, size);
	vhdx_space_worker_go(c);
	if (err)
		DMERR("%s: the disk cannot grow to %llu bytes: %s (%d)",
		      c->name, size, vhdx_errno_words(err), err);
	return err;
}

/**
 * vhdx_committer_grow() - make the virtual disk as long as the table
 * @c: the committer, resumed for that table
 *
 * Writes the image, and leaves it clean. A crash leaves the disk with its old size
 * or with its new one.
 *
 * Context: ->preresume, with no I/O under way; sleeps.
 * Return: 0; or a negative errno with the reason in the kernel log, and the image
 * has its old geometry in memory. If the session has not failed, it has it on disk,
 * too.
 */
int vhdx_committer_grow(struct vhdx_committer *c)
{
	/* Whoever looked something up for a bio that has ended must be done. */
	synchronize_rcu();
	return vhdx_committer_ask(c, grow_image, 0);
}

/**
 * vhdx_committer_seal() - choose the identity that a suspend leaves
 * @c: the committer
 * @guid: as for vhdx_session_seal()
 * @holds: likewise
 *
 * Until the table is replaced, no session begins after that suspend. A resume
 * of a table that writes the image undoes this.
 *
 * Context: process context; waits for the committer's work.
 * Return: as vhdx_session_seal(); -EAGAIN before the session exists.
 */
int vhdx_committer_seal(struct vhdx_committer *c, const guid_t *guid,
			guid_t *holds)
{
	int err = -EAGAIN;

	mutex_lock(&c->lock);
	if (c->session)
		err = vhdx_session_seal(c->session, guid, holds);
	mutex_unlock(&c->lock);
	return err;
}

/**
 * vhdx_committer_drop_table() - forget a table that is destroyed
 * @c: the committer of the table's image
 * @ti: target of the table
 *
 * The thread may hold the lock for as long as it takes to read the BAT. This
 * waits for the lock only if the committer names @ti, since the thread may then
 * be using it. Only a resume of @ti makes the committer name it, and only a
 * resume of another table, under the lock, makes it name another one.
 *
 * Context: ->dtr.
 */
void vhdx_committer_drop_table(struct vhdx_committer *c, struct dm_target *ti)
{
	if (READ_ONCE(c->ti) != ti)
		return;
	/* A scan runs here if another target of the table failed its resume. */
	vhdx_committer_abort_survey(c, true);
	mutex_lock(&c->lock);
	if (c->ti == ti) {
		c->ti = NULL;
	} else {
		/* Another table was resumed in the meantime. */
		vhdx_committer_abort_survey(c, false);
		WRITE_ONCE(c->low, true);
		wake_up(&c->wait);
	}
	mutex_unlock(&c->lock);
}

static int run_awake(struct vhdx_committer *c, unsigned int flags)
{
	if (c->resting && (flags & VHDX_WORK_BEGIN))
		return -EBUSY;
	return vhdx_committer_work(c, flags);
}

/**
 * vhdx_committer_run() - work now, and wait for it
 * @c: the committer
 * @flags: VHDX_WORK_*
 *
 * Context: process context.
 * Return: 0; -EBUSY if writing is to begin and the device is suspended; or another
 * negative errno.
 */
int vhdx_committer_run(struct vhdx_committer *c, unsigned int flags)
{
	return vhdx_committer_ask(c, run_awake, flags);
}
