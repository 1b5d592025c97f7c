/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The committer: each image that is open for writing has a committer thread and
 * a space worker thread. The committer does the I/O that the session needs, and
 * it alone writes metadata. The space worker prepares blocks and returns freed
 * space to the store.
 *
 * The committer queues bios that wait: for a commit that begins after they
 * arrived, for another attempt at mapping, for a block, or for room.
 *
 * Its parts, in order; each may call the earlier ones: commit-nospace.h,
 * commit-move.h, commit-prepare.h, commit-thread.h, commit-life.h.
 *
 * commit.c APIs:
 *   vhdx_committer_event()	raise a dm event
 *   vhdx_committer_again()	resubmit deferred bios to their workers
 *   vhdx_committer_refuses()	what a bio without room must end with
 *   vhdx_committer_defer()	queue a bio that cannot be mapped now
 *   vhdx_committer_flush()	queue a bio until the next commit
 *   vhdx_committer_flush_failed()	report a flush that failed elsewhere
 *   vhdx_committer_cut()	report that the store was truncated
 * commit.h APIs:
 *   vhdx_committer_takes()	does a failed lookup send a bio here?
 *   vhdx_committer_session()	the session, or NULL before it exists
 *   vhdx_committer_abort_survey()	abort the scan of the whole BAT
 *   vhdx_committer_changed()	schedule a commit
 *   vhdx_committer_hasten()	have it now, without waiting for it
 *   vhdx_space_worker_wake()	wake the space worker
 */
#ifndef VHDX_COMMIT_H
#define VHDX_COMMIT_H

#include <linux/bio.h>
#include <linux/mutex.h>
#include <linux/wait.h>

#include "engine/session.h"
#include "epoch.h"
#include "patience.h"

struct dm_target;
struct task_struct;

struct vhdx_committer;

/**
 * struct vhdx_request - a function that the thread runs for a waiting task
 * @run: the function; runs in the committer's thread and scope, under its lock
 * @flags: passed to @run
 * @err: what @run returned
 */
struct vhdx_request {
	int (*run)(struct vhdx_committer *c, unsigned int flags);
	unsigned int flags;
	int err;
};

/* The work that the committer does next without being asked. */
enum vhdx_due {
	VHDX_DUE_NOTHING,
	VHDX_DUE_COMMIT,
	VHDX_DUE_CHECKPOINT,
};

/**
 * struct vhdx_room - the no-space state
 * @waiting: bios that wait for room
 * @none: when room ran out, in jiffies; valid while @lacking
 * @lacking: the store has no room for another block
 * @expired: @lacking has lasted for longer than @patience allows
 * @patience: how long bios wait for room
 */
struct vhdx_room {
	struct bio_list waiting;
	unsigned long none;
	bool lacking;
	bool expired;
	struct vhdx_patience patience;
};

/* The stage that the space freed last has reached. */
enum vhdx_drain {
	VHDX_DRAIN_NOTHING,
	VHDX_DRAIN_WAITS,	/* the old epoch has not settled yet */
	VHDX_DRAIN_DISCARDS,	/* each pass discards a part of it */
};

/* How far the block that moves is. */
enum vhdx_mover_stage {
	VHDX_MOVER_IDLE,
	VHDX_MOVER_LOOKS,	/* the search for a block is to go on */
	VHDX_MOVER_FENCED,	/* the epoch is to be switched */
	VHDX_MOVER_DRAINS,	/* the old epoch has not settled yet */
	VHDX_MOVER_COPIES,	/* each pass copies a part */
};

/**
 * struct vhdx_mover - moves a block for a message
 * @busy: held by the task of the message
 * @wait: where it sleeps
 * @stage: how far the block is
 * @answered: the task of the message must act before the block can go on
 * @err: the answer
 * @index: entry of the BAT where the search goes on, or that of the block
 * @end: byte offset in the file from which on blocks move
 * @miss: with an answer of -EAGAIN, the page that the task must load
 * @data: memory for a part of the block
 *
 * The space worker's lock guards all but @busy and @wait. @stage and @answered
 * may be read without it.
 */
struct vhdx_mover {
	struct mutex busy; /* one message at a time */
	wait_queue_head_t wait;
	enum vhdx_mover_stage stage;
	bool answered;
	int err;
	u64 index;
	u64 end;
	struct vhdx_miss miss;
	void *data;
};

/**
 * struct vhdx_space_worker - zeroes, extends and discards for an image
 * @task: its thread
 * @wait: where it sleeps
 * @lock: serializes work on space, including its I/O; nests in the committer's
 *	lock
 * @drain: the stage of freed space; under @lock
 * @switched: an old epoch has not settled yet; under @lock
 * @mover: moves a block
 * @due: the worker may have something to do
 * @bios: bios that need a block; under the committer's queue lock
 * @fenced: bios that wait until a block has moved; likewise
 */
struct vhdx_space_worker {
	struct task_struct *task;
	wait_queue_head_t wait;
	struct mutex lock; /* serializes work on space */
	enum vhdx_drain drain;
	bool switched;
	struct vhdx_mover mover;
	bool due;
	struct bio_list bios;
	struct bio_list fenced;
};

/**
 * struct vhdx_committer - the committer of an image
 * @image: the image, open for writing
 * @session: the session; NULL before the first resume
 * @report: receives the findings about the image
 * @name: name of the image, for the kernel log
 * @epochs: epochs of the I/O to the image
 * @supply: page supply of the image's pool
 * @space: the space worker
 * @task: the thread
 * @asking: held by the task that owns @request, and by one that looks something
 *	up without a bio: the image may change its geometry at a request
 * @request: the request to run next, or NULL
 * @wait: where the thread sleeps, and the task that waits for @request
 * @lock: serializes work on the session, including its I/O
 * @ti: target of the table that is live, or was last; under @lock, except to
 *	compare the pointer
 * @mode: the mode for which the last event was raised
 * @due: the work that comes next on the clock; only the thread uses it
 * @when: when @due is due, in jiffies; only the thread uses it
 * @queue_lock: guards the lists and @room; taken in interrupts
 * @flushes: bios that wait for a commit which begins after they arrived
 * @again: bios to resubmit after the next work
 * @room: the no-space state, and the bios that wait for room
 * @changed: the session has something to commit
 * @hasten: a commit is due now, but nobody waits for it
 * @low: the thread has other work to do
 * @cut: somebody has truncated the store
 * @resting: the device is suspended, so the image may be copied
 */
struct vhdx_committer {
	struct vhdx_image *image;
	struct vhdx_session *session;
	struct vhdx_report *report;
	const char *name;
	struct vhdx_epochs epochs;
	struct vhdx_supply supply;
	struct vhdx_space_worker space;
	struct task_struct *task;
	struct mutex asking; /* one request at a time */
	struct vhdx_request *request;
	wait_queue_head_t wait;
	struct mutex lock; /* serializes work on the session */
	struct dm_target *ti;
	enum vhdx_mode mode;
	enum vhdx_due due;
	unsigned long when;
	spinlock_t queue_lock; /* the lists */
	struct bio_list flushes;
	struct bio_list again;
	struct vhdx_room room;
	bool changed;
	bool hasten;
	bool low;
	bool cut;
	bool resting;
};

void vhdx_committer_event(struct vhdx_committer *c);
void vhdx_committer_again(struct bio_list *bios);
blk_status_t vhdx_committer_refuses(const struct vhdx_committer *c);
void vhdx_committer_defer(struct vhdx_committer *c, struct bio *bio, int err);
void vhdx_committer_flush(struct vhdx_committer *c, struct bio *bio);
void vhdx_committer_flush_failed(struct vhdx_committer *c);
void vhdx_committer_cut(struct vhdx_committer *c);

/**
 * vhdx_committer_takes() - does a failed lookup send a bio to the committer?
 * @err: error of the lookup
 *
 * Context: any.
 * Return: true for the errors that vhdx_committer_defer() accepts.
 */
static inline bool vhdx_committer_takes(int err)
{
	return err == -EBUSY || err == -EINPROGRESS || err == -ENOSPC ||
	       err == -EALREADY;
}

/**
 * vhdx_committer_session() - the session, or NULL before it exists
 * @c: the committer
 *
 * Callers that run while the device is suspended must use this. Before the
 * session exists, a log replay may be rewriting the image, and nothing may be
 * looked up in it. Bios may read @session directly, since a suspended device
 * holds them back.
 *
 * Context: any.
 * Return: the session, which then lives as long as the committer, or NULL.
 */
static inline struct vhdx_session *
vhdx_committer_session(const struct vhdx_committer *c)
{
	/* Pairs with the release in make_session(). */
	return smp_load_acquire(&c->session);
}

/**
 * vhdx_committer_abort_survey() - abort the scan of the whole BAT, or allow it
 * @c: the committer, with no I/O under way
 * @abort: true ends a scan and prevents another; false allows scans again
 *
 * Context: any. With @abort, the caller does not hold the committer's lock,
 * which the scan holds until it ends. Without @abort, the caller holds the
 * lock, so that a scan sees the flag until it has ended.
 */
static inline void vhdx_committer_abort_survey(struct vhdx_committer *c,
					       bool abort)
{
	struct vhdx_session *session = vhdx_committer_session(c);

	if (session)
		WRITE_ONCE(session->abort_survey, abort);
}

/**
 * vhdx_space_worker_wake() - wake the space worker for another pass
 * @c: the committer
 *
 * Context: any.
 */
static inline void vhdx_space_worker_wake(struct vhdx_committer *c)
{
	WRITE_ONCE(c->space.due, true);
	wake_up(&c->space.wait);
}

/**
 * vhdx_committer_changed() - schedule a commit after a change of the session
 * @c: the committer
 *
 * A task that changes the session outside the committer calls this afterwards.
 * Only the first change since the last commit wakes the committer, which then
 * sets its clock. If prepared blocks run low, this wakes the space worker.
 *
 * This may see @changed still set although a commit is about to clear it. No
 * change is missed: the caller made it under the pool's lock, which that commit
 * takes after it has cleared the flag.
 *
 * Context: any.
 */
static inline void vhdx_committer_changed(struct vhdx_committer *c)
{
	bool low = READ_ONCE(c->session->prepared.wanted);

	if (unlikely(low && !READ_ONCE(c->space.due)))
		vhdx_space_worker_wake(c);
	if (likely(READ_ONCE(c->changed)))
		return;
	WRITE_ONCE(c->changed, true);
	wake_up(&c->wait);
}

/**
 * vhdx_committer_hasten() - have a commit now, without waiting for it
 * @c: the committer
 *
 * A flush that need not commit discards calls this when it has ended: the space that
 * they gave up is of use after the commit. Earlier, both would flush at once.
 *
 * Context: any.
 */
static inline void vhdx_committer_hasten(struct vhdx_committer *c)
{
	if (!READ_ONCE(c->changed) || READ_ONCE(c->hasten))
		return;
	WRITE_ONCE(c->hasten, true);
	wake_up(&c->wait);
}

#endif /* VHDX_COMMIT_H */
