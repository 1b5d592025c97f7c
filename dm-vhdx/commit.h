/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The committer: a thread for each image that is written, which does what needs
 * I/O in the life of its session, and alone writes metadata. Beside it, the space
 * worker makes blocks ready and gives freed space back.
 *
 * Bios that wait are kept here: those that want a commit which begins after they
 * came, those that only want to try again, those that need a block, and those that
 * found no room.
 *
 * Its parts, each of which may call those before it: commit-nospace.h,
 * commit-prepare.h, commit-thread.h, commit-life.h.
 *
 * commit.c APIs:
 *   vhdx_committer_event()	tell who waits for events of the device
 *   vhdx_committer_again()	give bios another attempt
 *   vhdx_committer_refuses()	must a bio not wait for room?
 *   vhdx_committer_defer()	keep a bio that cannot be mapped now
 *   vhdx_committer_flush()	keep a bio until all before it is durable
 *   vhdx_committer_flush_failed()	a flush has failed elsewhere
 *   vhdx_committer_cut()	the store was cut
 * commit.h APIs:
 *   vhdx_committer_session()	the session, once there is one
 *   vhdx_committer_abort_survey()	break off a look at the whole BAT
 *   vhdx_committer_changed()	something has to be committed some time
 *   vhdx_space_worker_wake()	there may be something to do for the space worker
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
 * struct vhdx_request - what a task has the committer do, and waits for
 * @run: does it, with the committer locked, in its thread and scope
 * @flags: for @run
 * @err: what that returned
 */
struct vhdx_request {
	int (*run)(struct vhdx_committer *c, unsigned int flags);
	unsigned int flags;
	int err;
};

/* What the committer will do of itself, some time. */
enum vhdx_due {
	VHDX_DUE_NOTHING,
	VHDX_DUE_COMMIT,
	VHDX_DUE_CHECKPOINT,
};

/**
 * struct vhdx_room - what becomes of bios that find no room
 * @waiting: those that wait for some
 * @none: since when there has been none, if there is none
 * @lacking: there is none
 * @expired: that has gone on for too long
 * @patience: how long they do
 */
struct vhdx_room {
	struct bio_list waiting;
	unsigned long none;
	bool lacking;
	bool expired;
	struct vhdx_patience patience;
};

/* How far the space that was freed last is on its way. */
enum vhdx_drain {
	VHDX_DRAIN_NOTHING,
	VHDX_DRAIN_WAITS,	/* for the old epoch to settle */
	VHDX_DRAIN_DISCARDS,	/* for its discards, a part a pass */
};

/**
 * struct vhdx_space_worker - zeroes, extends and discards for an image
 * @task: its thread
 * @wait: where it sleeps
 * @lock: held by who works on space, I/O and all; nests in the committer's lock
 * @drain: how far freed space is; under @lock
 * @due: there may be something to do
 * @bios: bios that need a block; under the committer's queue lock
 */
struct vhdx_space_worker {
	struct task_struct *task;
	wait_queue_head_t wait;
	struct mutex lock; /* who works on space */
	enum vhdx_drain drain;
	bool due;
	struct bio_list bios;
};

/**
 * struct vhdx_committer - the committer of an image
 * @image: the image, open for writing
 * @session: from the first resume on
 * @report: where findings go
 * @name: of the image, for the log
 * @epochs: of I/O to the image
 * @supply: of the image's pool
 * @space: the space worker
 * @task: the thread
 * @asking: held by the task whose @request it is
 * @request: to be done next, NULL if there is none
 * @wait: where it sleeps
 * @lock: held by who works on the session, I/O and all
 * @ti: of the table that is live, or was last; under @lock, but to compare it
 * @mode: that was last told
 * @due: what is to be done next of itself; the thread's own
 * @when: and when, in jiffies; likewise
 * @queue_lock: guards the lists and @room; taken in interrupts
 * @flushes: bios that wait for a commit which begins after they came
 * @again: bios that are to be tried again when work was done
 * @room: and those that found none
 * @changed: there is something to commit
 * @low: something else is to be done
 * @flush_error: a flush issued outside the committer failed
 * @cut: somebody has made the store shorter
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
	struct mutex lock; /* who works on the session */
	struct dm_target *ti;
	enum vhdx_mode mode;
	enum vhdx_due due;
	unsigned long when;
	spinlock_t queue_lock; /* the lists */
	struct bio_list flushes;
	struct bio_list again;
	struct vhdx_room room;
	bool changed;
	bool low;
	bool flush_error;
	bool cut;
};

void vhdx_committer_event(struct vhdx_committer *c);
void vhdx_committer_again(struct bio_list *bios);
blk_status_t vhdx_committer_refuses(const struct vhdx_committer *c);
void vhdx_committer_defer(struct vhdx_committer *c, struct bio *bio, int err);
void vhdx_committer_flush(struct vhdx_committer *c, struct bio *bio);
void vhdx_committer_flush_failed(struct vhdx_committer *c);
void vhdx_committer_cut(struct vhdx_committer *c);

/**
 * vhdx_committer_session() - the session, once there is one
 * @c: the committer
 *
 * For who is not kept away by a suspended device, as bios are: until there is a
 * session, the log may be on its way to its place, and nothing may be looked up
 * in the image.
 *
 * Context: any.
 * Return: the session, which stays, or NULL.
 */
static inline struct vhdx_session *
vhdx_committer_session(const struct vhdx_committer *c)
{
	/* Goes with make_session(). */
	return smp_load_acquire(&c->session);
}

/**
 * vhdx_committer_abort_survey() - break off a look at the whole BAT
 * @c: the committer, with no I/O under way
 * @abort: end it and begin no other; if false, it may be made again
 *
 * Context: any: not locked, or who is to break off would be waited for; locked if
 * not @abort, for who breaks off has to see why until its end.
 */
static inline void vhdx_committer_abort_survey(struct vhdx_committer *c,
					       bool abort)
{
	struct vhdx_session *session = vhdx_committer_session(c);

	if (session)
		WRITE_ONCE(session->abort_survey, abort);
}

/**
 * vhdx_space_worker_wake() - there may be something to do for the space worker
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
 * vhdx_committer_changed() - something has to be committed some time
 * @c: the committer
 *
 * Called after each change of the session by who did not call the committer
 * for it. Only the first one since the last commit wakes it, to set its clock. If
 * prepared blocks run low, the space worker is woken.
 * That the flag may be seen set here when a commit is about to clear it does
 * not matter: the change was made under the engine's lock before, which that
 * commit takes.
 *
 * Context: any.
 */
static inline void vhdx_committer_changed(struct vhdx_committer *c)
{
	bool low = READ_ONCE(c->session->wanted);

	if (unlikely(low && !READ_ONCE(c->space.due)))
		vhdx_space_worker_wake(c);
	if (likely(READ_ONCE(c->changed)))
		return;
	WRITE_ONCE(c->changed, true);
	wake_up(&c->wait);
}

#endif /* VHDX_COMMIT_H */
