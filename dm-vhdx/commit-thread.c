// SPDX-License-Identifier: GPL-2.0-only
/*
 * The committer: its thread, and the clock that wakes it.
 */
#include <linux/delay.h>
#include <linux/device-mapper.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>

#include "commit-nospace.h"
#include "commit-thread.h"
#include "hibernate.h"
#include "scope.h"
#include "trace.h"

/* Without a flush, a crash may lose the writes acknowledged in this time. */
#define COMMIT_PERIOD		HZ
/* If nothing changes for this long, logged pages are written in place. */
#define CHECKPOINT_DELAY	(5 * HZ)

/* Raise an event if the mode changed; the engine has logged the reason. */
static void tell_mode(struct vhdx_committer *c)
{
	enum vhdx_mode mode = READ_ONCE(c->session->mode);

	if (mode == c->mode)
		return;
	WRITE_ONCE(c->mode, mode);
	vhdx_committer_event(c);
}

/* Return true if the commit has left work for the space worker. */
static bool is_space_due(const struct vhdx_session *session)
{
	return READ_ONCE(session->space.freed[VHDX_FREED_WAITING]);
}

/* Only work under the committer's lock changes these two counters. */
static void trace_work(const struct vhdx_committer *c, unsigned int flags,
		       int err, u64 commits, u64 checkpoints)
{
	const struct vhdx_session_stats *now = &c->session->stats;

	if (now->commits != commits || err)
		trace_vhdx_commit(vhdx_dev(c->ti), flags, err, c->session);
	if (now->checkpoints != checkpoints)
		trace_vhdx_checkpoint(vhdx_dev(c->ti), flags, err, c->session);
}

/**
 * vhdx_committer_lost() - fail the session if the store lost writes
 * @c: the committer, locked, with a session
 *
 * The store lost writes if a flush failed elsewhere, or if somebody has cut it.
 *
 * Context: process context, with the lock of @c held.
 * Return: 0, or -EIO after failing the session.
 */
int vhdx_committer_lost(struct vhdx_committer *c)
{
	if (READ_ONCE(c->cut))
		vhdx_session_fail(c->session, VHDX_AT("file", 0),
				  "somebody has cut the file for a time");
	else if (READ_ONCE(c->image->store->lost))
		vhdx_session_fail(c->session, vhdx_image_log_place(c->image),
				  "a flush of the store failed");
	else
		return 0;
	tell_mode(c);
	return -EIO;
}

/**
 * vhdx_committer_work() - do the work that is due
 * @c: the committer, locked
 * @flags: VHDX_WORK_*
 *
 * -ENOMEM is retried, never returned: reclaim may depend on the bios that wait
 * here.
 *
 * Context: may sleep, in a scope, with the lock of @c held.
 * Return: 0; -EIO if there is no session to write or it has failed; or another
 * negative errno of vhdx_session_work().
 */
int vhdx_committer_work(struct vhdx_committer *c, unsigned int flags)
{
	struct vhdx_session *session = c->session;
	u64 commits, checkpoints;
	int err;

	lockdep_assert_held(&c->lock);
	/* Clear these first: after an error, is_wanted() would stay true. */
	WRITE_ONCE(c->low, false);
	if (flags & VHDX_WORK_COMMIT)
		WRITE_ONCE(c->changed, false);
	if (!session || READ_ONCE(session->mode) != VHDX_MODE_RW) {
		if (session)
			tell_mode(c);
		return -EIO;
	}
	err = vhdx_committer_lost(c);
	if (err)
		return err;
	commits = session->stats.commits;
	checkpoints = session->stats.checkpoints;
	for (;;) {
		err = vhdx_session_work(session, flags);
		if (err != -ENOMEM)
			break;
		msleep(VHDX_RETRY_MS);
	}
	if (c->ti)
		trace_work(c, flags, err, commits, checkpoints);
	if (is_space_due(session))
		vhdx_space_worker_wake(c);
	/* A flush elsewhere may have got the error of this commit's writes. */
	if (vhdx_committer_lost(c))
		return -EIO;
	tell_mode(c);
	return err;
}

static void end_all(struct bio_list *bios, int err)
{
	struct bio *bio;

	while ((bio = bio_list_pop(bios))) {
		bio->bi_status = errno_to_blk_status(err);
		bio_endio(bio);
	}
}

static unsigned int flags_due(struct vhdx_committer *c)
{
	if (READ_ONCE(c->changed) && c->due != VHDX_DUE_COMMIT) {
		c->due = VHDX_DUE_COMMIT;
		c->when = jiffies + COMMIT_PERIOD;
	}
	if (READ_ONCE(c->hasten)) {
		WRITE_ONCE(c->hasten, false);
		if (c->due == VHDX_DUE_COMMIT)
			c->when = jiffies;
	}
	if (c->due == VHDX_DUE_NOTHING || time_before(jiffies, c->when))
		return 0;
	return c->due == VHDX_DUE_COMMIT ? VHDX_WORK_COMMIT
					 : VHDX_WORK_CHECKPOINT;
}

static void set_clock(struct vhdx_committer *c, unsigned int done)
{
	if (done & VHDX_WORK_COMMIT) {
		c->due = VHDX_DUE_CHECKPOINT;
		c->when = jiffies + CHECKPOINT_DELAY;
	} else if (done & VHDX_WORK_CHECKPOINT) {
		c->due = VHDX_DUE_NOTHING;
	}
}

/* Return true if bios wait for room, or if room was lacking. */
static bool take_waiting_bios(struct vhdx_committer *c, struct bio_list *flushes,
			      struct bio_list *again)
{
	unsigned long flags;
	bool waiting;

	spin_lock_irqsave(&c->queue_lock, flags);
	*flushes = c->flushes;
	*again = c->again;
	bio_list_init(&c->flushes);
	bio_list_init(&c->again);
	waiting = !bio_list_empty(&c->room.waiting);
	spin_unlock_irqrestore(&c->queue_lock, flags);
	return waiting || c->room.lacking;
}

/*
 * Make the checkpoint that a commit has left due: nobody waits for a commit now, see
 * vhdx_session_work(). Nobody has asked for it, so it rests during hibernation.
 * Only this thread changes the journal.
 */
static void checkpoint_if_due(struct vhdx_committer *c)
{
	if (!c->session || !vhdx_journal_due(&c->session->journal) ||
	    !vhdx_own_work_begin())
		return;
	mutex_lock(&c->lock);
	vhdx_committer_work(c, VHDX_WORK_CHECKPOINT);
	mutex_unlock(&c->lock);
	vhdx_own_work_end();
}

static void work_once(struct vhdx_committer *c)
{
	struct bio_list flushes, again;
	unsigned int flags;
	bool wants_room;
	bool own;
	int err;

	mutex_lock(&c->lock);
	wants_room = take_waiting_bios(c, &flushes, &again);
	flags = flags_due(c);
	own = flags && vhdx_own_work_begin();
	if (!own)
		flags = 0;
	if (!bio_list_empty(&flushes))
		flags |= VHDX_WORK_COMMIT;
	/* A session that found no room to begin tries again only if told to. */
	if (!bio_list_empty(&again) || wants_room)
		flags |= VHDX_WORK_BEGIN;
	err = vhdx_committer_work(c, flags);
	set_clock(c, flags);
	if (c->session && wants_room) {
		vhdx_room_settle(c);
		vhdx_space_worker_wake(c);
	}
	mutex_unlock(&c->lock);
	if (own)
		vhdx_own_work_end();
	end_all(&flushes, err);
	vhdx_committer_again(&again);
	checkpoint_if_due(c);
}

static void run_request(struct vhdx_committer *c)
{
	/* Pairs with the release in vhdx_committer_ask(). */
	struct vhdx_request *request = smp_load_acquire(&c->request);

	if (!request)
		return;
	mutex_lock(&c->lock);
	request->err = request->run(c, request->flags);
	mutex_unlock(&c->lock);
	/* Pairs with the acquire in vhdx_committer_ask(). */
	smp_store_release(&c->request, NULL);
	wake_up(&c->wait);
}

static bool has_bios(const struct vhdx_committer *c)
{
	bool waiting = !bio_list_empty(&c->room.waiting) && !c->room.lacking;

	return waiting || !bio_list_empty(&c->flushes) ||
	       !bio_list_empty(&c->again);
}

/* Return true if vhdx_committer_lost() must run. It needs a session to fail. */
static bool has_lost(const struct vhdx_committer *c)
{
	return (READ_ONCE(c->image->store->lost) || READ_ONCE(c->cut)) &&
	       READ_ONCE(c->mode) == VHDX_MODE_RW && vhdx_committer_session(c);
}

static bool is_wanted(const struct vhdx_committer *c)
{
	return has_lost(c) || READ_ONCE(c->request) ||
	       READ_ONCE(c->low) || READ_ONCE(c->hasten) ||
	       (READ_ONCE(c->changed) && c->due != VHDX_DUE_COMMIT) ||
	       /* A task that adds a bio wakes the thread to look again. */
	       data_race(has_bios(c)) || kthread_should_stop();
}

static unsigned long time_to_sleep(const struct vhdx_committer *c)
{
	unsigned long left = MAX_SCHEDULE_TIMEOUT;

	if (c->due != VHDX_DUE_NOTHING)
		left = time_before(jiffies, c->when) ? c->when - jiffies : 1;
	if (c->due != VHDX_DUE_NOTHING && vhdx_own_work_rests())
		left = HZ;
	return READ_ONCE(c->room.lacking) ? min_t(unsigned long, left, HZ) :
					    left;
}

static int committer_thread(void *data)
{
	struct vhdx_committer *c = data;
	struct vhdx_scope scope = vhdx_scope_enter();

	for (;;) {
		wait_event_idle_timeout(c->wait, is_wanted(c), time_to_sleep(c));
		if (kthread_should_stop())
			break;
		run_request(c);
		work_once(c);
	}
	vhdx_scope_leave(scope);
	return 0;
}

/**
 * vhdx_committer_ask() - run a function in the thread
 * @c: the committer
 * @run: the function, see struct vhdx_request
 * @flags: passed to @run
 *
 * A system call that writes to the image uses this. A signal or RLIMIT_FSIZE of
 * the calling task must not fail a write to the log, since a log that cannot be
 * written ends all writing.
 *
 * Context: process context, no lock held; sleeps uninterruptibly.
 * Return: what @run returned.
 */
int vhdx_committer_ask(struct vhdx_committer *c,
		       int (*run)(struct vhdx_committer *c, unsigned int flags),
		       unsigned int flags)
{
	struct vhdx_request request = { .run = run, .flags = flags };

	mutex_lock(&c->asking);
	/* Pairs with the acquire in run_request(). */
	smp_store_release(&c->request, &request);
	wake_up(&c->wait);
	/* Pairs with the release in run_request(). */
	wait_event_idle(c->wait, !smp_load_acquire(&c->request));
	mutex_unlock(&c->asking);
	return request.err;
}

/**
 * vhdx_committer_start() - start the thread
 * @c: the committer
 *
 * Context: process context.
 * Return: 0 or a negative errno.
 */
int vhdx_committer_start(struct vhdx_committer *c)
{
	c->task = kthread_run(committer_thread, c, "vhdx_commit");
	return PTR_ERR_OR_ZERO(c->task);
}

/**
 * vhdx_committer_stop() - stop the thread
 * @c: the committer, with no bio under way to its image
 *
 * Context: sleeps until the work that is under way ends.
 */
void vhdx_committer_stop(struct vhdx_committer *c)
{
	kthread_stop(c->task);
}
